"""The tables of heads, edges and runs with translated headings; all digits are in the CSV files."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.results import Result
from pages.parts.state import t

_NUMBERS = (
    "score",
    "score_low",
    "score_high",
    "frequency",
    "effect",
    "effect_low",
    "effect_high",
    "p_value",
    "q_value",
    "label_p_value",
)


_FORMATS = {"frequency": "percent"}


def heads(result: Result, only_selected: bool, key: str, most: int | None = None) -> None:
    """Heads, best first; columns that the run has not computed are left out."""
    table = result.selected if only_selected else result.heads
    _show(
        (table.head(most) if most else table).replace({"own_name": {"": None}}),
        [
            "name",
            "own_name",
            "score",
            "frequency",
            "effect",
            "p_value",
            "q_value",
            "label_p_value",
            "verdict",
        ],
        key,
    )


def edges(table: pd.DataFrame, titles: Mapping[str, str], key: str) -> None:
    """Edges, best first; `titles` are the names of heads as they are shown."""
    table = table.assign(**{end: table[end].map(titles) for end in ("source", "target")})
    _show(table, ["source", "target", "score", "frequency", "effect", "p_value", "q_value", "verdict"], key)


def _show(table: pd.DataFrame, columns: list[str], key: str) -> None:
    kept = [column for column in columns if column in table and (table.empty or table[column].notna().any())]
    shown = table[kept].copy()
    shown["verdict"] = [t(f"verdict.{verdict}") for verdict in shown["verdict"]]
    settings: dict[str, Any] = {column: t(f"column.{column}") for column in shown}
    for column in (name for name in _NUMBERS if name in shown):
        settings[column] = st.column_config.NumberColumn(
            t(f"column.{column}"), format=_FORMATS.get(column, "%.3g")
        )
    st.dataframe(
        shown,
        hide_index=True,
        column_config=settings,
        key=key,
        height=min(420, 38 + 35 * max(1, len(shown))),
        placeholder="",
    )
