"""The tables of heads, edges and runs with translated headings; all digits are in the CSV files."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core.text import percent
from pages.parts import i18n
from pages.parts.data.results import Result
from pages.parts.i18n import glossary
from pages.parts.session.state import language, t

Opened = Callable[[], None] | None
"""Called when a row is chosen; `st.session_state[key]` then tells which."""
_NUMBERS = (
    *("score", "frequency", "effect", "p_value", "q_value", "label_p_value"),
    *("code_score", "screen", "exact", "attribution"),
)
_TESTS = ["p_value", "q_value"]
_SIGNALS = ("code_score", "screen", "exact", "attribution")
_SHARES = ("frequency", "effect", "screen", "exact", "attribution")
_OWN = ("own_name", "group")


def heads(
    result: Result, only_selected: bool, key: str, opened: Opened = None, *, tests: bool = True
) -> None:
    """Heads, best first; columns that the run has not computed are left out; p, q and signals with `tests`."""
    table = _with_interval(result.selected if only_selected else result.heads)
    columns = ["name", "effect", "verdict", "own_name", "group", "score", "interval", "frequency"]
    filled = table.replace({"own_name": {"": None}, "group": {"": None}})
    _show(filled, columns, key, opened, [*_TESTS, "label_p_value", *_SIGNALS], tests)
    notes = [t("column.interval_note")] if "interval" in table else []
    if table["label_p_value"].notna().any():
        notes.append(t("column.label_p_value_note"))
    if len(table) and notes:
        st.caption(" ".join(notes))


def head_effects(table: pd.DataFrame, key: str, *, tests: bool = True) -> None:
    """What interventions say of heads, with the interval of the effect; p, q and the ranking's signals with `tests`."""
    columns = ["name", "effect", "verdict", "effect_interval", "own_name"]
    filled = _with_effect_interval(table).replace({"own_name": {"": None}})
    _show(filled, columns, key, None, [*_TESTS, *_SIGNALS], tests)


def mlp_effects(table: pd.DataFrame, key: str, *, tests: bool = True) -> None:
    """What interventions say of MLP blocks, from the first layer on; p and q with `tests`."""
    columns = ["block", "effect", "verdict", "effect_interval"]
    _show(_with_effect_interval(table).assign(block=table["name"]), columns, key, None, _TESTS, tests)


def edge_effects(table: pd.DataFrame, titles: Mapping[str, str], key: str, *, tests: bool = True) -> None:
    """What interventions say of edges; `titles` are the names of heads as they are shown; p and q with `tests`."""
    table = table.assign(**{end: table[end].map(titles) for end in ("source", "target")})
    columns = ["source", "target", "effect", "verdict", "effect_interval", "carried_by"]
    table = _with_effect_interval(table)
    if "carried_by" in table:
        table["carried_by"] = [_reads(parts) for parts in table["carried_by"]]
    _show(table, columns, key, None, _TESTS, tests)


def _reads(parts: Any) -> str | None:
    """`q+v` in words; None where nothing is known."""
    if not isinstance(parts, str) or not parts:
        return None
    return " + ".join(t(f"qkv.{part}") for part in parts.split("+"))


def edges(table: pd.DataFrame, titles: Mapping[str, str], key: str, opened: Opened = None) -> None:
    """Edges, best first; `titles` are the names of heads as they are shown."""
    table = table.assign(**{end: table[end].map(titles) for end in ("source", "target")})
    columns = ["source", "target", "effect", "verdict", "score", "frequency", "p_value", "q_value"]
    _show(table, columns, key, opened=opened)


def _with_interval(table: pd.DataFrame) -> pd.DataFrame:
    if table["score_low"].isna().all():
        return table
    ends = zip(table["score_low"].map(i18n.number), table["score_high"].map(i18n.number), strict=True)
    return table.assign(interval=["–".join(pair) for pair in ends])


def _with_effect_interval(table: pd.DataFrame) -> pd.DataFrame:
    ends = zip(table["effect_low"].map(percent), table["effect_high"].map(percent), strict=True)
    return table.assign(effect_interval=[f"{low} … {high}" for low, high in ends])


def _title(column: str) -> str:
    return t(f"column.{column}")


def _heading(column: str) -> Any:
    """The translated heading with its one-line explanation."""
    note = f"column.{column}_note"
    explanation = t(note) if i18n.has(language(), note) else glossary.help_of_column(column)
    width: Any = "small" if column in _OWN else None  # a long own name leaves the numbers in sight
    return st.column_config.Column(_title(column), help=explanation, width=width)


def _show(
    table: pd.DataFrame,
    columns: Sequence[str],
    key: str,
    opened: Opened = None,
    more: Sequence[str] = (),
    with_more: bool = True,
) -> None:
    """The columns as far as they are filled; numbers as everywhere on the screen, sorted as numbers.

    The columns of `more` stand on the screen where they are asked for (`with_more`), and always on paper.
    """
    filled = [
        column
        for column in (*columns, *more)
        if column in table and (table.empty or table[column].notna().any())
    ]
    whole = table[filled].copy()
    whole["verdict"] = [t(f"verdict.{verdict}") for verdict in whole["verdict"]]
    shown = whole[[column for column in filled if with_more or column not in more]]
    formats = {name: percent if name in _SHARES else i18n.number for name in _NUMBERS if name in whole}
    st.dataframe(
        shown.style.format({name: write for name, write in formats.items() if name in shown}, na_rep=""),
        hide_index=True,
        column_config={column: _heading(column) for column in shown},
        key=key,
        height=min(420, 38 + 35 * max(1, len(shown))),
        placeholder="",
        on_select=opened or "ignore",
        selection_mode="single-row",
    )
    st.html(on_paper(whole.rename(columns=_title), {_title(name): write for name, write in formats.items()}))


def on_paper(table: pd.DataFrame, formats: Mapping[str, Callable[[Any], str]]) -> str:
    """The same table as HTML that is seen in print alone: the screen's is a canvas, and paper would cut it."""
    heading = "".join(f'<th scope="col">{escape(str(column))}</th>' for column in table)
    rows = "".join(
        "<tr>" + "".join(_cell(value, formats.get(str(column))) for column, value in row.items()) + "</tr>"
        for _, row in table.iterrows()
    )
    return (
        f'<div class="print-only"><table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cell(value: Any, written: Callable[[Any], str] | None) -> str:
    if pd.isna(value):
        return "<td></td>"
    return (
        f'<td class="number">{escape(written(value))}</td>' if written else f"<td>{escape(str(value))}</td>"
    )
