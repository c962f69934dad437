"""manifest.json: what was analysed, how, what it cost."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, PlainSerializer

from core.schema._blocks import BlocksRecord
from core.schema._groups import TextGroups
from core.schema._stored import FORMAT, Direction, Note, Stored
from core.storage import local_model, portable_model


class ModelRecord(Stored):
    """The model that was read: its name, a hash of its weights, and its shape."""

    name: Annotated[str, AfterValidator(local_model), PlainSerializer(portable_model, when_used="json")]
    adapter: str = ""
    """The LoRA adapter that was added to its weights; `none` where one lies in its folder and was left out."""

    origin: Mapping[str, str] = {}
    """Where the weights came from: `kind` hub, package or folder, `id`, and `revision`, the commit or version."""

    weights_hash: str = ""
    architecture: str = ""
    n_layers: int = 0
    n_heads: int = 0
    """Heads of the layer that has most."""

    n_parameters: int = 0
    precision: str = ""
    """Type of numbers in which the weights were read; empty in files of earlier versions."""
    heads_by_layer: tuple[int, ...] = ()
    """Heads of each layer, 0 for one without attention; empty in runs of earlier versions, where all are alike."""

    transformers: str = ""
    """Version of the library that ran the model."""

    def heads_of_layers(self) -> tuple[int, ...]:
        """Heads of each layer."""
        return self.heads_by_layer or (self.n_heads,) * self.n_layers


class AutoencoderRecord(Stored):
    """Settings of the autoencoders that sentences name."""

    members: int = 0


class SettingsRecord(Stored):
    """The settings of the run, without its examples; `core.config.RunConfig` describes all of them."""

    preset: str = ""
    seed: int = 0
    fault: str = ""
    """The fault in the user's own sentence."""
    autoencoder: AutoencoderRecord = AutoencoderRecord()


class AlignmentRecord(Stored):
    """Which positions were compared and why; indices count in the user's order of the examples, from 0.

    `positions` holds a list for each example, empty for one that was left out; None stands for a position that a text
    lacks. `sources` says of each pair where its
    partner comes from (given, matched, made); `further` are pairs of a given text with more made partners.
    """

    mode: str = ""
    reason: Note = Note(key="")
    pairs: tuple[tuple[int, int], ...] = ()
    pairs_source: str = "none"
    sources: tuple[str, ...] = ()
    further: tuple[tuple[int, int], ...] = ()
    left_out: tuple[int, ...] = ()
    slots: tuple[str, ...] = ()
    positions: tuple[tuple[int | None, ...], ...] = ()


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

    former: ClassVar = {"measure": "statistic", "reach": "attention_flow"}

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


class RankingRecord(Stored):
    """What the scores come from beside the codes: `gradients` says whether there are any, or why not.

    Exact effects of `heads` heads were measured on the first `rounds` partners of each text.
    """

    gradients: str = ""
    steps: int = 0
    heads: int = 0
    rounds: int = 0
    forward_passes: int = 0
    backward_passes: int = 0


class AnswerPlace(Stored):
    """One place in the expected or in the actual answers: its share of the gap, and the most frequent of its tokens.

    `place` counts the tokens of an answer from 0; what both answers of a text begin with cancels and has no place.
    `different` is how many different tokens stand there.
    """

    side: str
    place: int
    share: float | None
    pieces: tuple[str, ...] = ()
    different: int = 0


class JointRecord(Stored):
    """What the confirmed heads do together on the anomalous texts, as shares of the gap (`core.causal.evidence.joint`).

    `removed` goes with all of them changed, from `gone` of `texts` texts at least half; `every` with all heads of the
    model. `alone` is the share of `every` that stays with these heads alone, `random` that of other sets of the size,
    of which the share `reached` does as well. None where that could not be measured.
    """

    heads: tuple[str, ...] = ()
    texts: int = 0
    removed: float | None = None
    gone: int = 0
    every: float | None = None
    alone: float | None = None
    random: tuple[float | None, ...] = ()
    reached: float | None = None


class EvidenceAbout(Stored):
    """How the behaviour was measured and the candidates were tested; empty where nothing was tested."""

    former: ClassVar = {"measure": "metric"}

    metric: str = ""
    anomalous: float | None = None
    normal: float | None = None
    gap: float | None = None
    gap_p_value: float | None = None
    divergence: float | None = None
    answer_places: tuple[AnswerPlace, ...] = ()
    method: str = ""
    directions: tuple[Direction, ...] = ()
    examples: int = 0
    smallest_p: float | None = None
    tested_heads: int = 0
    tested_edges: int = 0
    rule: dict[str, float] = Field(default_factory=dict)
    forward_passes: int = 0
    backward_passes: int = 0
    heads_in_model: int = 0
    partners: int = 0
    joint: JointRecord | None = None


class ConfidenceRecord(Stored):
    """How sure the result of the run is, and what that rests on."""

    level: Literal["high", "medium", "low", "none"]
    reasons: tuple[Note, ...] = ()


class StabilityRecord(Stored):
    """How steady the selection is; None where that could not be measured."""

    former: ClassVar = {"trust": "confidence"}

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

    former: ClassVar = {"screen": "gradient_screen", "certainty": "stability"}

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
    ranking: RankingRecord | None = None
    evidence: Literal["computed", "not_computed", "no_difference"] = "not_computed"
    evidence_about: EvidenceAbout = EvidenceAbout()
    every_head: bool = False
    notes: tuple[Note, ...] = ()
    stability: StabilityRecord | None = None
    groups: TextGroups | None = None
    blocks: BlocksRecord | None = None
    """How much passes through attention and MLP block of each layer; None where it was not measured."""
