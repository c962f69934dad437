"""The tables of a finished run, read from its folder once and kept for the session's pages."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import HeadlightError, StorageError
from core.runs.facts import named_edges, named_heads, named_mlps
from core.runs.head_notes import HeadLabel, read_labels
from core.runs.result_reader import saved_codes, saved_edges, saved_examples, saved_heads, saved_mlps
from core.runs.run_folder import RunFolder
from core.schema import Manifest, no_mlps
from pages.parts.circuit import groups as folding

VERDICTS = ("confirmed", "partly", "not_confirmed", "unchecked")
MOST_HEADS = 40
MOST_EDGES = 40
"""Heads and edges of a picture at most, unless the reader asks for more."""


@dataclass(frozen=True)
class Result:
    """Heads with `name`, `own_name`, `group`, `group_number` and `verdict` filled in, edges with `name`
    (`L1H2>L3H4`), `source` and `target`, examples, manifest. `mlps` are the MLP blocks with `name` (`MLP0`) and
    `verdict`, from the first layer on; empty for a run that measured none.
    """

    heads: pd.DataFrame
    edges: pd.DataFrame
    examples: pd.DataFrame
    manifest: Manifest
    mlps: pd.DataFrame = field(default_factory=no_mlps)
    path: Path | None = None  # Of the run's folder; None for a result that was never written

    @property
    def selected(self) -> pd.DataFrame:
        """The heads of the circuit, best first."""
        return self.heads[self.heads["selected"]]

    @property
    def mlp_names(self) -> list[str]:
        """The MLP blocks that were measured, from the first layer on."""
        return list(self.mlps["name"]) if "name" in self.mlps else []

    @property
    def n_layers(self) -> int:
        """Layers of the model."""
        return int(self.heads["layer"].max()) + 1

    @property
    def n_heads(self) -> int:
        """Heads a layer."""
        return int(self.heads["head"].max()) + 1

    @property
    def checked(self) -> bool:
        """Whether interventions have been made: the effect columns are filled."""
        return bool(self.heads["effect"].notna().any())

    @property
    def own_names(self) -> dict[str, str]:
        """The user's names of heads, where there are some."""
        named = self.heads[self.heads["own_name"] != ""]
        return dict(zip(named["name"], named["own_name"], strict=True))

    def titles(self) -> dict[str, str]:
        """`L3H5`, with the user's own name behind it where there is one."""
        own = self.own_names
        return {name: f"{name} · {own[name]}" if name in own else name for name in self.heads["name"]}

    def threshold(self) -> float:
        """The lowest score of a selected head."""
        return float(self.selected["score"].min()) if len(self.selected) else 0.0

    @property
    def candidate_edges(self) -> pd.DataFrame:
        """The edges of the circuit, strongest first."""
        return self.edges[self.edges["selected"]]

    def edges_among(self, names: list[str]) -> pd.DataFrame:
        """Edges with a score whose both heads are in `names`: first the candidates, then the rest, by score."""
        between = self.edges["source"].isin(names) & self.edges["target"].isin(names)
        among = self.edges[between & ((self.edges["score"] > 0) | self.edges["selected"])]
        return among.sort_values("selected", ascending=False, kind="stable")


def seconds(run: RunFolder, otherwise: float) -> float:
    """Measured time of a finished run, as its report tells it; `otherwise` for a run that cannot be read."""
    try:
        return sum(load(run).manifest.timings.values())
    except HeadlightError:
        return otherwise


def load(run: RunFolder) -> Result:
    """The result of a run; raises StorageError where a file is missing or damaged."""
    try:
        stamp = (run.path / "manifest.json").stat().st_mtime_ns
        result = _read(str(run.path), stamp)
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None
    labels = read_labels(run)
    notes = [labels.get(name, HeadLabel()) for name in result.heads["name"]]
    numbers = folding.numbered(label.group for label in notes)
    own = {
        "own_name": [label.name for label in notes],
        "group": [label.group for label in notes],
        "group_number": [numbers[label.group] for label in notes],
    }
    return replace(result, heads=result.heads.assign(**own))


def load_codes(run: RunFolder, layer: int, head: int) -> pd.DataFrame:
    """The codes of one head: member, position, example, label, pair, code (text)."""
    codes = _read_codes(str(run.path), (run.path / "manifest.json").stat().st_mtime_ns)
    return codes[(codes["layer"] == layer) & (codes["head"] == head)]


def head_name(layer: Any, head: Any) -> str:
    """`L3H5`, as in `core.heads`."""
    return f"L{int(layer)}H{int(head)}"


@st.cache_resource(max_entries=6, show_spinner=False)
def _read(path: str, stamp: int) -> Result:
    run = RunFolder(Path(path))
    heads, edges = named_heads(saved_heads(run)), named_edges(saved_edges(run))
    mlps = named_mlps(saved_mlps(run))
    return Result(heads, edges, saved_examples(run), run.manifest(), mlps, run.path)


@st.cache_resource(max_entries=2, show_spinner=False)
def _read_codes(path: str, stamp: int) -> pd.DataFrame:
    return saved_codes(RunFolder(Path(path)))
