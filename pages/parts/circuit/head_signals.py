"""What each signal says of one head, on one line; only those that the run has."""

from typing import Any

import pandas as pd
import streamlit as st

from core.text import percent
from pages.parts import i18n
from pages.parts.i18n import glossary
from pages.parts.session.state import t

SHARES = ("screen", "exact", "attribution", "effect")
"""Signals that are shares of the gap; the codes have a score of their own."""


def show(row: "pd.Series[Any]") -> None:
    """The line; what each signal means stands behind the question mark."""
    found = signals(row)
    if len(found) < 2:
        return
    line = " · ".join(f"{t(f'signal.{name}')} **{value}**" for name, value in found.items())
    meanings = "\n".join(
        f"- {t('shell.named', name=t(f'signal.{name}'), value=_meaning(name))}" for name in found
    )
    st.caption(line, help=meanings)


def signals(row: "pd.Series[Any]") -> dict[str, str]:
    """By name of its column what each signal says of the head; the score is that of the codes where it has no other."""
    codes = row.get("code_score")
    found = {"code_score": i18n.number(row["score"] if _empty(codes) else codes)}
    found |= {name: percent(row[name]) for name in SHARES if not _empty(row.get(name))}
    if found.get("exact") == found.get("effect"):  # the evidence takes over what the ranking has measured
        found.pop("exact", None)
    return found


def _meaning(name: str) -> str:
    return glossary.help_of("effect") if name == "effect" else t(f"column.{name}_note")


def _empty(value: Any) -> bool:
    return value is None or bool(pd.isna(value))
