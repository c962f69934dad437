"""What a run yields: progress records and, at the end, its tables in the columns of the file contract."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.schema._details import EvidenceDetails
from core.schema._manifest import Manifest
from core.schema._mechanisms import MechanismsRecord
from core.schema._partners import PartnersRecord

if TYPE_CHECKING:
    from torch import Tensor

_COLUMNS: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parent / "columns.toml").read_text(encoding="utf-8")
)
HEAD_COLUMNS, EDGE_COLUMNS, CODE_COLUMNS, EXAMPLE_COLUMNS, EFFECT_COLUMNS = (
    tuple(_COLUMNS[table]) for table in ("heads", "edges", "codes", "examples", "effects")
)


UNITS = ("head", "mlp")
"""What a row of heads.csv is of; rows of MLP blocks come behind all heads."""


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


def no_mlps() -> pd.DataFrame:
    """The table of MLP blocks where none was measured."""
    return pd.DataFrame(columns=list(HEAD_COLUMNS))


def units_table(heads: pd.DataFrame, mlps: pd.DataFrame) -> pd.DataFrame:
    """The rows of heads.csv: heads, then MLP blocks, whose cells are empty where only heads have something."""
    rows = heads.assign(unit="head")
    if mlps.empty:
        return rows
    whole = pd.concat([rows.astype({"head": "Int64"}), mlps.astype({"head": "Int64"})], ignore_index=True)
    return whole.astype({"layer": int, "selected": bool})


@dataclass(frozen=True)
class RunResult:
    """The tables of DESIGN's contract with their columns in order, the manifest, and the run's own tensors.

    `heads` holds heads alone, `mlps` the MLP blocks in the same columns; heads.csv holds both (`units_table`).
    `effects` holds effects on single texts; `evidence` is what evidence.json says, `partners` what partners.json
    says, None where no partners were looked for, `mechanisms` what mechanisms.json says, None without evidence.
    """

    heads: pd.DataFrame
    edges: pd.DataFrame
    codes: pd.DataFrame
    examples: pd.DataFrame
    manifest: Manifest
    tensors: Mapping[str, "Tensor"] = field(default_factory=dict)
    effects: pd.DataFrame = field(default_factory=no_effects)
    evidence: EvidenceDetails = field(default_factory=EvidenceDetails)
    partners: PartnersRecord | None = None
    mechanisms: MechanismsRecord | None = None
    mlps: pd.DataFrame = field(default_factory=no_mlps)
