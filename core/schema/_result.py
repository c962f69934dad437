"""What a run yields: progress records and, at the end, its tables in the columns of the file contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from core.schema._details import EvidenceDetails
from core.schema._manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

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
