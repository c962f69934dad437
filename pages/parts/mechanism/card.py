"""The mechanism card on a page: what one head or MLP block does, from the run's mechanisms.json."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.runs.result_reader import MECHANISMS_FILE, read_mechanisms
from core.runs.run_folder import RunFolder
from core.schema import MechanismsRecord
from core.story.card import STYLE, Card, card, card_html
from core.story.titles import title
from pages.parts.data.results import Result
from pages.parts.session.state import language

PROVEN = ("confirmed", "partly")


def show(run: RunFolder, result: Result, name: str) -> bool:
    """The card of a head or MLP block; False where the run tells nothing of it."""
    told = card_of(run, result, name)
    if told is None:
        return False
    st.html(f"<style>{STYLE}</style>{card_html(told)}")
    return True


def card_of(run: RunFolder, result: Result, name: str) -> Card | None:
    """What the card says; None where the run tells nothing of this unit."""
    record = mechanisms_of(run)
    if record is None:
        return None
    return card(
        record,
        name,
        _row(result, name),
        language(),
        result.own_names.get(name, ""),
        fed_by(result, name),
        result.manifest.model.name,
    )


def titles_of(run: RunFolder, result: Result) -> dict[str, str]:
    """By name of each told unit its short name: the user's own, else what it does."""
    record = mechanisms_of(run)
    own = result.own_names
    return (
        {name: own.get(name) or title(record, name, language()) for name in record.units} if record else own
    )


def fed_by(result: Result, name: str) -> list[str]:
    """The heads whose edges into this one were shown to matter, the strongest first."""
    edges = result.edges[(result.edges["target"] == name) & result.edges["verdict"].isin(PROVEN)]
    order = edges["effect"].abs().sort_values(ascending=False).index
    return list(edges.loc[order, "source"])


def mechanisms_of(run: RunFolder) -> MechanismsRecord | None:
    """mechanisms.json, read once; None for a run without it."""
    path = run.path / MECHANISMS_FILE
    return _read(str(run.path), path.stat().st_mtime_ns) if path.exists() else None


def _row(result: Result, name: str) -> dict[str, Any]:
    """The row of a unit in the table of heads or of MLP blocks; empty where it has none."""
    table = result.mlps if name.startswith("MLP") else result.heads
    rows: pd.DataFrame = table[table["name"] == name] if "name" in table else table.head(0)
    return dict(rows.iloc[0]) if len(rows) else {}


@st.cache_resource(max_entries=6, show_spinner=False)
def _read(path: str, _stamp: int) -> MechanismsRecord | None:
    return read_mechanisms(RunFolder(Path(path)))
