"""A finished run as sentences need it: its tables with names and verdicts filled in, and the state that it ended in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from core.heads import HeadId, MlpId
from core.schema import CircuitRecord, Manifest, PartnersRecord, no_mlps

State = Literal["none", "no_difference", "untested", "tested"]
VERDICTS = ("confirmed", "partly", "not_confirmed", "unchecked")
"""In the order in which heads are listed; `unchecked` where nothing was tested."""


@dataclass(frozen=True)
class Facts:
    """A result as sentences need it.

    `heads` has one row a head of the model with `name`, `own_name` and `verdict` (of VERDICTS) filled in, best
    first; `edges` and `mlps` likewise with `verdict`. `circuit` is what the check of the circuit found, `partners` what
    the search for partners found, as far as there is one.
    """

    manifest: Manifest
    heads: pd.DataFrame
    edges: pd.DataFrame
    circuit: CircuitRecord | None = None
    partners: PartnersRecord | None = None
    mlps: pd.DataFrame = field(default_factory=no_mlps)

    @property
    def candidates(self) -> pd.DataFrame:
        """The heads that stand out, best first."""
        return self.heads[self.heads["selected"].astype(bool)]

    @property
    def tested(self) -> pd.DataFrame:
        """The candidates with a measured effect, confirmed ones first, then by the size of the effect."""
        return in_order(self.candidates[self.candidates["effect"].notna()])

    @property
    def state(self) -> State:
        """Which of the four a run is."""
        if self.manifest.evidence == "no_difference":
            return "no_difference"
        if self.candidates.empty:
            return "none"
        return "tested" if self.candidates["effect"].notna().any() else "untested"

    @property
    def listed(self) -> bool:
        """Whether there are heads to list: none where nothing stands out, or where there is nothing to explain."""
        return self.state in ("tested", "untested")

    @property
    def made(self) -> bool:
        """Whether texts were compared with made partners."""
        return "made" in self.manifest.alignment.sources

    @property
    def paired(self) -> bool:
        """Whether texts were compared in pairs."""
        return bool(self.manifest.alignment.pairs)

    @property
    def seconds(self) -> float:
        """Measured time of the run."""
        return sum(self.manifest.timings.values())

    @property
    def model(self) -> str:
        """Short name of the model."""
        return Path(self.manifest.model.name).name

    @property
    def search_space(self) -> tuple[int, int]:
        """How many heads, and forward pairs of heads, the model has."""
        by_layer = self.manifest.model.heads_of_layers()
        heads = sum(by_layer)
        return heads, (heads**2 - sum(own**2 for own in by_layer)) // 2

    def count(self, verdict: str) -> int:
        """Tested heads with this verdict."""
        return int((self.tested["verdict"] == verdict).sum())

    def sides(self) -> dict[str, int]:
        """How many texts of each kind there are."""
        counts = self.manifest.counts
        return {"anomalous": counts.anomalous, "normal": counts.normal}


def facts(
    manifest: Manifest,
    heads: pd.DataFrame,
    edges: pd.DataFrame,
    own_names: Mapping[str, str] | None = None,
    circuit: CircuitRecord | None = None,
    partners: PartnersRecord | None = None,
    mlps: pd.DataFrame | None = None,
) -> Facts:
    """Facts from the tables of a result; `own_names` are the user's names by `L3H5`, `circuit` is circuit.json and
    `partners` partners.json; `mlps` are the MLP blocks, None for none.
    """
    own, heads = own_names or {}, named_heads(heads)
    heads = heads.assign(own_name=[own.get(name, "") for name in heads["name"]])
    blocks = named_mlps(no_mlps() if mlps is None else mlps)
    return Facts(manifest, heads, named_edges(edges), circuit, partners, blocks)


def named_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """The head table with `name` (`L3H5`) and a `verdict` of VERDICTS in every row."""
    return heads.assign(name=_names(heads["layer"], heads["head"]), verdict=_verdicts(heads))


def named_mlps(mlps: pd.DataFrame) -> pd.DataFrame:
    """The table of MLP blocks with `name` (`MLP3`) and a `verdict` of VERDICTS in every row."""
    names = [str(MlpId(int(layer))) for layer in mlps["layer"]]
    return mlps.assign(name=names, verdict=_verdicts(mlps))


def named_edges(edges: pd.DataFrame) -> pd.DataFrame:
    """The edge table with `source`, `target`, `name` (`L1H2>L3H4`) and a `verdict` of VERDICTS in every row."""
    source = _names(edges["source_layer"], edges["source_head"])
    target = _names(edges["target_layer"], edges["target_head"])
    names = [">".join(pair) for pair in zip(source, target, strict=True)]
    return edges.assign(source=source, target=target, name=names, verdict=_verdicts(edges))


def _names(layers: pd.Series, heads: pd.Series) -> list[str]:
    return [str(HeadId(int(layer), int(head))) for layer, head in zip(layers, heads, strict=True)]


def in_order(heads: pd.DataFrame) -> pd.DataFrame:
    """Confirmed heads first, within a verdict by the size of the effect, else by score."""
    order = pd.DataFrame(
        {
            "verdict": heads["verdict"].map(VERDICTS.index),
            "effect": -heads["effect"].astype(float).abs(),
            "score": -heads["score"].astype(float),
        },
        index=heads.index,
    )
    return heads.loc[order.sort_values(list(order), kind="stable").index]


def _verdicts(table: pd.DataFrame) -> list[str]:
    """The words of VERDICTS, whether a table has `not confirmed`, nothing, or these words already."""
    return [
        verdict.strip().replace(" ", "_") if isinstance(verdict, str) and verdict else "unchecked"
        for verdict in table["verdict"]
    ]
