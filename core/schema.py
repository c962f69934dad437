"""What a run yields and leaves behind: progress records, the result, and the JSON files of its folder as models.

Files written before a name changed are read by the new one: `former` of each model lists the old names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""Version of the folder's format. A newer one is refused, an older one is read."""

HEAD_COLUMNS = (
    "layer",
    "head",
    "score",
    "score_low",
    "score_high",
    "frequency",
    "p_value",
    "q_value",
    "selected",
    "effect",
    "effect_low",
    "effect_high",
    "verdict",
    "label_p_value",
    "attribution",
    "code_score",
    "screen",
)
EDGE_COLUMNS = (
    "source_layer",
    "source_head",
    "target_layer",
    "target_head",
    "score",
    "frequency",
    "p_value",
    "q_value",
    "selected",
    "effect",
    "effect_low",
    "effect_high",
    "verdict",
    "effect_q",
    "effect_k",
    "effect_v",
    "carried_by",
    "code_score",
    "screen",
)
CODE_COLUMNS = ("layer", "head", "member", "position", "example", "label", "pair", "code")
EXAMPLE_COLUMNS = (
    "example",
    "label",
    "text",
    "pair",
    "expected",
    "actual",
    "tokens",
    "next_word",
    "next_probability",
)
EFFECT_COLUMNS = (
    "kind",
    "source_layer",
    "source_head",
    "target_layer",
    "target_head",
    "ablation",
    "direction",
    "example",
    "effect",
)


@dataclass(frozen=True)
class Progress:
    """One record of a run on its way; `step` of `total` within the stage."""

    stage: str
    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)


def no_effects() -> pd.DataFrame:
    """The table of effects on single texts where none was measured."""
    return pd.DataFrame(columns=list(EFFECT_COLUMNS))


class Stored(BaseModel):
    """A JSON file of a run folder, or a part of one.

    Keys that are not known stay, so that a file of a newer version survives being written again.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    former: ClassVar[Mapping[str, str]] = {}
    """Names by the names under which older files hold them."""

    @model_validator(mode="before")
    @classmethod
    def _read_former_names(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        return {cls.former.get(name, name): value for name, value in content.items()}


Direction = Literal["noising", "denoising"]
"""Taken out of the anomalous texts, or put into the normal ones."""
FORMER_DIRECTIONS = {"noise": "noising", "denoise": "denoising"}


class Note(Stored):
    """A sentence of the catalogues: its key and the values that fill it in."""

    key: str
    values: dict[str, Any] = Field(default_factory=dict)

    @field_validator("key")
    @classmethod
    def _read_former_key(cls, key: str) -> str:
        for former, name in (("reach_", "attention_flow_"), ("screen_", "gradient_screen_")):
            if key.startswith(former):
                return name + key.removeprefix(former)
        return key


class ModelRecord(Stored):
    """The model that was read: its name, a hash of its weights, and its shape."""

    name: str
    weights_hash: str = ""
    architecture: str = ""
    n_layers: int = 0
    n_heads: int = 0
    n_parameters: int = 0


class AutoencoderRecord(Stored):
    """Settings of the autoencoders that sentences name."""

    members: int = 0


class SettingsRecord(Stored):
    """The settings of the run, without its examples; `core.config.RunConfig` describes all of them."""

    preset: str = ""
    seed: int = 0
    autoencoder: AutoencoderRecord = AutoencoderRecord()


class AlignmentRecord(Stored):
    """Which positions were compared and why; indices count in the user's order of the examples, from 0.

    `positions` holds a list for each example, empty for one that was left out.
    """

    mode: str = ""
    reason: Note = Note(key="")
    pairs: tuple[tuple[int, int], ...] = ()
    pairs_source: str = "none"
    left_out: tuple[int, ...] = ()
    slots: tuple[str, ...] = ()
    positions: tuple[tuple[int, ...], ...] = ()


class Counts(Stored):
    """How many examples, heads and edges there were."""

    anomalous: int = 0
    normal: int = 0
    heads: int = 0
    selected_heads: int = 0
    scored_edges: int = 0
    selected_edges: int = 0


class SelectionRecord(Stored):
    """How the candidates were selected; a threshold is None where nothing was."""

    former = {"measure": "statistic", "reach": "attention_flow"}

    candidates: str = "codes"
    statistic: str = "strength"
    attention_flow: str = "not_used"
    rule: str = ""
    threshold: float | None = None
    edge_rule: str = ""
    edge_threshold: float | None = None


class GradientScreenRecord(Stored):
    """Whether the gradient screen worked, and what it cost."""

    state: str
    steps: int = 0
    forward_passes: int = 0
    backward_passes: int = 0


class EvidenceAbout(Stored):
    """How the behaviour was measured and the candidates were tested; empty where nothing was tested."""

    former = {"measure": "metric"}

    metric: str = ""
    anomalous: float | None = None
    normal: float | None = None
    gap: float | None = None
    gap_p_value: float | None = None
    divergence: float | None = None
    method: str = ""
    directions: tuple[Direction, ...] = ()
    examples: int = 0
    smallest_p: float | None = None
    tested_heads: int = 0
    tested_edges: int = 0
    rule: dict[str, float] = Field(default_factory=dict)
    forward_passes: int = 0
    backward_passes: int = 0

    @field_validator("directions", mode="before")
    @classmethod
    def _read_former_directions(cls, directions: Any) -> Any:
        return [FORMER_DIRECTIONS.get(direction, direction) for direction in directions]


class ConfidenceRecord(Stored):
    """How far to trust the run, and what that rests on."""

    level: Literal["high", "medium", "low", "none"]
    reasons: tuple[Note, ...] = ()


class StabilityRecord(Stored):
    """How steady the selection is; None where that could not be measured."""

    former = {"trust": "confidence"}

    mirror_selected: int = 0
    mirror_overlap: float | None = None
    jaccard: float | None = None
    jaccard_bar: float | None = None
    draws: int = 0
    members_overlap: float | None = None
    diversity: float | None = None
    codes_anomalous: float | None = None
    codes_normal: float | None = None
    tokens_anomalous: int = 0
    tokens_normal: int = 0
    held_out: float | None = None
    held_out_checked: int = 0
    confidence: ConfidenceRecord | None = None


class Manifest(Stored):
    """manifest.json: what was analysed, how, what it cost, and what a reader must know."""

    former = {"screen": "gradient_screen", "certainty": "stability"}

    format: int = FORMAT
    version: str = ""
    created: str = ""
    model: ModelRecord
    scenario: str = ""
    settings: SettingsRecord = SettingsRecord()
    alignment: AlignmentRecord = AlignmentRecord()
    counts: Counts = Counts()
    timings: dict[str, float] = Field(default_factory=dict)
    forward_passes: int = 0
    cached_texts: int = 0
    device: str = ""
    selection: SelectionRecord = SelectionRecord()
    gradient_screen: GradientScreenRecord | None = None
    evidence: Literal["computed", "not_computed", "no_difference"] = "not_computed"
    evidence_about: EvidenceAbout = EvidenceAbout()
    every_head: bool = False
    notes: tuple[Note, ...] = ()
    stability: StabilityRecord | None = None


class EffectRecord(Stored):
    """An effect as a share of the gap, with its 95 % interval."""

    effect: float | None
    low: float | None = None
    high: float | None = None


class HeadEvidence(Stored):
    """A tested head: its effect under each ablation, and the direction that its verdict rests on."""

    ablations: dict[str, EffectRecord] = Field(default_factory=dict)
    signs_disagree: bool = False
    works_against: bool = False
    direction: Direction | None = None

    @field_validator("direction", mode="before")
    @classmethod
    def _read_former_direction(cls, direction: Any) -> Any:
        return FORMER_DIRECTIONS.get(direction, direction)


class EvidenceDetails(Stored):
    """evidence.json: tested heads by `L3H5`, tested edges by `L1H2>L3H4`, how steady the codes of every head are."""

    former = {"certainty": "stability"}

    format: int = FORMAT
    state: str = "not_computed"
    method: str | None = None
    heads: dict[str, HeadEvidence] = Field(default_factory=dict)
    edges: dict[str, HeadEvidence] = Field(default_factory=dict)
    codes: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    stability: StabilityRecord | None = None


@dataclass(frozen=True)
class RunResult:
    """The tables of DESIGN's contract with their columns in order, the manifest, and the run's own tensors.

    `effects` holds effects on single texts; `evidence` is what evidence.json says.
    """

    heads: pd.DataFrame
    edges: pd.DataFrame
    codes: pd.DataFrame
    examples: pd.DataFrame
    manifest: Manifest
    tensors: Mapping[str, "Tensor"] = field(default_factory=dict)
    effects: pd.DataFrame = field(default_factory=no_effects)
    evidence: EvidenceDetails = field(default_factory=EvidenceDetails)
