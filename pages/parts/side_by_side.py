"""The part of the list of runs that holds two of them against each other."""

from typing import Any

import streamlit as st

from core.errors import HeadlightError
from pages.parts import colours, comparison, frame, results
from pages.parts.runs_table import Line
from pages.parts.state import t


def show(lines: list[Line]) -> None:
    """Two finished runs to choose, and what differs between them; nothing where there are not two."""
    shapes = _shapes(lines)
    if len(shapes) < 2 or not st.toggle(t("compare.title"), key="compare", persist_state="session"):
        return
    with st.container(border=True):
        names = {
            line.run.run_id: f"{line.name} · {line.created}" for line in lines if line.run.run_id in shapes
        }
        left, right = st.columns(2)
        newest = list(shapes)
        second = right.selectbox(
            t("compare.second"), newest, format_func=names.__getitem__, key="compare_second"
        )
        others = [
            run_id
            for run_id in newest
            if run_id != second and comparison.same_shape(shapes[run_id], shapes[second])
        ]
        others.sort(key=lambda run_id: not comparison.same_model(shapes[run_id], shapes[second]))
        if not others:
            st.info(t("compare.no_partner"), icon=":material/info:")
            return
        first = left.selectbox(
            t("compare.first"), others, format_func=names.__getitem__, key=f"compare_first_{second}"
        )
        _compared(
            next(x for x in lines if x.run.run_id == first), next(x for x in lines if x.run.run_id == second)
        )


def _shapes(lines: list[Line]) -> dict[str, Any]:
    """The model of every finished run, newest first."""
    shapes = {}
    for line in lines:
        if line.status == "done":
            try:
                shapes[line.run.run_id] = line.run.manifest()["model"]
            except HeadlightError:
                continue
    return shapes


def _compared(before: Line, after: Line) -> None:
    try:
        first, second = results.load(before.run), results.load(after.run)
    except HeadlightError as error:
        frame.show(error)
        return
    table = comparison.compare(first, second)
    if table.empty:
        st.info(t("compare.none"), icon=":material/info:")
        return
    st.markdown(t("compare.said", **comparison.counts(table)))
    if not comparison.same_model(first.manifest["model"], second.manifest["model"]):
        st.caption(t("compare.other_model"))
    measures = [found.manifest.get("selection", {}).get("measure") for found in (first, second)]
    if measures[0] != measures[1]:
        st.caption(t("compare.other_measure"))
    chart = comparison.chart(table, colours.palette(), t)
    st.altair_chart(chart, key="compare_chart", theme=None, alt=t("alt.compare", **comparison.counts(table)))
    st.caption(t("compare.reading"))
    _table(table)


def _table(table: Any) -> None:
    shown = table[["title", "change", "rank_first", "rank_second", "score_first", "score_second"]].copy()
    shown["change"] = [t(f"compare.{change}") for change in shown["change"]]
    for run in ("first", "second"):
        if (table[f"verdict_{run}"] != "unchecked").any():
            shown[f"verdict_{run}"] = [t(f"verdict.{verdict}") for verdict in table[f"verdict_{run}"]]
    settings: dict[str, Any] = {name: t(f"compare.{name}") for name in shown if name != "title"}
    settings["title"] = t("column.name")
    for run in ("first", "second"):
        settings[f"score_{run}"] = st.column_config.NumberColumn(t(f"compare.score_{run}"), format="%.3g")
    st.dataframe(shown, hide_index=True, column_config=settings, key="compare_table")
