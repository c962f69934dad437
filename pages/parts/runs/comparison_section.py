"""The part of the list of runs that holds two of them against each other."""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import ExampleSet
from core.report.sentences.heads import screened
from core.schema import ModelRecord
from core.text import number
from pages.parts import shell
from pages.parts.charts import colours
from pages.parts.data import results
from pages.parts.data.tables import on_paper
from pages.parts.runs import run_comparison
from pages.parts.runs.runs_table import Line
from pages.parts.session.state import t
from pages.parts.shell import widgets


def show(lines: list[Line]) -> tuple[str, str] | None:
    """Two finished runs to choose, and what differs between them; the ids of the two that were compared."""
    shapes = _shapes(lines)
    if len(shapes) < 2 or not st.toggle(t("compare.title"), key="compare", persist_state="session"):
        return None
    by_id = {line.run.run_id: line for line in lines}
    with st.container(border=True):
        # the date first: names are often alike, and a narrow box cuts its end
        names = {run_id: f"{by_id[run_id].created} · {by_id[run_id].name}" for run_id in shapes}
        above, below = st.container(), st.container()
        texts = {run_id: by_id[run_id].run.config().examples for run_id in shapes}
        second = below.selectbox(
            t("compare.second"),
            list(shapes),
            index=_newest_with_alike(shapes, texts),
            format_func=names.__getitem__,
            key="compare_second",
        )
        others = [
            run_id
            for run_id, shape in shapes.items()
            if run_id != second and run_comparison.same_shape(shape, shapes[second])
        ]
        others.sort(
            key=lambda run_id: (
                texts[run_id] != texts[second],
                not run_comparison.same_model(shapes[run_id], shapes[second]),
            )
        )
        if not others:
            st.info(t("compare.no_partner"), icon=":material/info:")
            return None
        first = above.selectbox(
            t("compare.first"), others, format_func=names.__getitem__, key=f"compare_first_{second}"
        )
        pair = (("first", first), ("second", second))
        told = "<br>".join(f"<b>{escape(t(f'compare.{end}'))}</b> {escape(names[run])}" for end, run in pair)
        st.html(f'<p class="print-only">{told}</p>')  # boxes are not printed
        _compared(by_id[first], by_id[second])
        return first, second


def _newest_with_alike(shapes: dict[str, ModelRecord], texts: dict[str, ExampleSet]) -> int:
    """Place of the newest run beside which an older one of the same model or the same texts lies; 0 where none does."""
    order = list(shapes)
    for place, run_id in enumerate(order):
        for older in order[place + 1 :]:
            alike = run_comparison.same_shape(shapes[older], shapes[run_id])
            if alike and (
                texts[older] == texts[run_id] or run_comparison.same_model(shapes[older], shapes[run_id])
            ):
                return place
    return 0


def _shapes(lines: list[Line]) -> dict[str, ModelRecord]:
    """The model of every finished run, newest first."""
    shapes = {}
    for line in lines:
        if line.status == "done":
            try:
                shapes[line.run.run_id] = line.run.manifest().model
            except HeadlightError:
                continue
    return shapes


def _compared(before: Line, after: Line) -> None:
    try:
        first, second = results.load(before.run), results.load(after.run)
    except HeadlightError as error:
        shell.show(error)
        return
    heads, edges = run_comparison.compare(first, second), run_comparison.compare_edges(first, second)
    if heads.empty:
        st.info(t("compare.none"), icon=":material/info:")
        return
    if not run_comparison.same_model(first.manifest.model, second.manifest.model):
        st.caption(t("compare.other_model"))
    statistics = [(r.manifest.selection.statistic, screened(r.manifest)) for r in (first, second)]
    if statistics[0] != statistics[1]:
        st.caption(t("compare.other_metric"))
    for unit, tab, table in zip(
        ("heads", "edges"), st.tabs([t("compare.heads"), t("compare.edges")]), (heads, edges), strict=True
    ):
        with tab:
            _show(table, unit)
    name = f"compare-{before.run.run_id}-{after.run.run_id}.csv"
    data = partial(run_comparison.as_csv, heads, edges)
    widgets.download(name, data, t("compare.download"), key="download_comparison")


def _show(table: pd.DataFrame, unit: str) -> None:
    """What came, went and moved: in words, as a picture, as a table."""
    if table.empty:
        st.caption(t("compare.no_edges"))
        return
    counts = run_comparison.counts(table)
    st.markdown(t(f"compare.said_{unit}", **counts))
    drawing = run_comparison.chart(table, colours.palette(), t)
    widgets.chart(drawing, f"compare_{unit}_chart", t(f"alt.compare_{unit}", **counts))
    if len(table) > run_comparison.MOST_ROWS:
        st.caption(t("compare.shown", shown=run_comparison.MOST_ROWS, total=len(table)))
    st.caption(t("compare.reading"))
    _table(table, unit)


def _table(table: pd.DataFrame, unit: str) -> None:
    shown = table[["title", "change", "rank_first", "rank_second", "score_first", "score_second"]].copy()
    shown["change"] = [t(f"compare.{change}") for change in shown["change"]]
    for run in ("first", "second"):
        if (table[f"verdict_{run}"] != "unchecked").any():
            shown[f"verdict_{run}"] = [t(f"verdict.{verdict}") for verdict in table[f"verdict_{run}"]]
    titles = {name: t(f"compare.{name}") for name in shown if name != "title"}
    titles["title"] = t(f"compare.{unit[:-1]}")
    formats: dict[Any, Callable[[Any], str]] = {f"rank_{run}": number for run in ("first", "second")}
    formats |= {f"score_{run}": number for run in ("first", "second")}
    st.dataframe(
        shown.style.format(formats, na_rep=""),
        hide_index=True,
        column_config=dict(titles),
        key=f"compare_{unit}_table",
        placeholder="",
    )
    st.html(on_paper(shown.rename(columns=titles), {titles[name]: write for name, write in formats.items()}))
