"""The mechanism card on a page: what one head or MLP block does, from the run's mechanisms.json."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.runs.result_reader import MECHANISMS_FILE, read_mechanisms
from core.runs.run_folder import RunFolder
from core.schema import MechanismsRecord
from core.story.card import STYLE, Card, card, card_html, proven_cards, proven_sources
from core.story.titles import title
from pages.parts.data.results import Result
from pages.parts.session.state import language, t


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
        proven_sources(result.edges, name),
        result.manifest.model.name,
    )


def titles_of(run: RunFolder, result: Result) -> dict[str, str]:
    """By name of each told unit its short name: the user's own, else what it does."""
    record = mechanisms_of(run)
    own = result.own_names
    return (
        {name: own.get(name) or title(record, name, language()) for name in record.units} if record else own
    )


def show_proven(run: RunFolder, result: Result) -> None:
    """Folded: the cards of all confirmed and partly confirmed heads and MLP blocks side by side."""
    record = mechanisms_of(run)
    if record is None:
        return
    units = pd.concat([result.heads, result.mlps]) if len(result.mlps) else result.heads
    about = (
        units.reset_index(drop=True),
        result.edges,
        language(),
        result.own_names,
        result.manifest.model.name,
    )
    told = proven_cards(record, *about)
    if not told:
        return
    fold = st.expander(t("mechanism.cards"), icon=":material/badge:", key="mechanism_cards")
    cards = "".join(map(card_html, told))
    fold.html(f'<style>{STYLE}</style><div class="mech-cards">{cards}</div>')


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
