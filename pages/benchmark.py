"""Benchmark: how well the true heads are put first, against whom, how sure that is, and what it costs."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.benchmark import reading
from core.benchmark.reading import BenchmarkResult
from core.benchmark.standings import Comparison, comparison, measured_rows, reliability, standings
from core.errors import HeadlightError
from pages.parts import shell
from pages.parts.benchmark import chart, table, words
from pages.parts.charts import colours
from pages.parts.i18n import glossary
from pages.parts.session.state import t
from pages.parts.shell import widgets

# The rows of the chart, as they are named in Comparison; a string here would be drawn by Streamlit.
KINDS = ("ours", "screened", "untrained", "look", "published", "change")


def source(folders: list[Path]) -> Path:
    """The result that is shown; a choice where there are several."""
    names = {str(folder): source_name(folder) for folder in folders}
    if len(folders) == 1:
        return folders[0]
    selected = st.selectbox(
        t("bench.source"),
        list(names),
        format_func=names.__getitem__,
        key="bench_source_" + "_".join(names),
        width=520,
        persist_state="session",
    )
    return Path(selected or folders[0])


def source_name(folder: Path) -> str:
    """Whose result it is, and when it was measured."""
    try:
        date = str(reading.about(folder).get("date") or "–")
    except HeadlightError:
        date = "–"
    if folder == reading.PROJECT:
        return t("bench.source_project", date=date)
    return t("bench.source_own", path=folder, date=date)


def against(result: BenchmarkResult, compared: Comparison) -> None:
    """Ours against the best others, case by case, with what they cost."""
    st.subheader(t("bench.against_title"), anchor=False, help=t("bench.against_help"))
    labels = {
        standing.method: f"{words.method(standing.method)}\n{t(f'bench.kind_{kind}')}"
        for kind in KINDS
        if (standing := getattr(compared, kind)) is not None
    }
    table, cases = (
        rows[rows["method"].isin(labels)].assign(label=rows["method"].map(labels))
        for rows in (
            standings(result.summary, "head", compared.examples),
            measured_rows(result.summary, "head", compared.examples),
        )
    )
    table = table.set_index("method").loc[list(labels)]
    widgets.chart(
        chart.comparison(table, cases, colours.palette(), t),
        "bench_chart",
        t("alt.bench", count=len(labels), cases=compared.cases),
    )
    st.caption(shell.plain(words.losses(compared)))


def sure_and_cost(result: BenchmarkResult, compared: Comparison) -> None:
    """How sure the numbers are, and what an analysis costs."""
    known = words.reliability(reliability(result.summary))
    if known:
        st.subheader(t("bench.sure_title"), anchor=False)
        st.html(known)
    table = standings(result.summary, "head", compared.examples).set_index("method")
    if cost := words.cost(result, table.loc[compared.ours.method]):
        st.subheader(t("bench.cost_title"), anchor=False)
        st.write(shell.plain(cost))


def folded(result: BenchmarkResult) -> None:
    """The whole table, the methods in a line each, and what was not run."""
    with st.expander(t("bench.table_title"), icon=":material/table:"):
        table.show(result)
    with st.expander(t("bench.methods_title"), icon=":material/menu_book:"):
        if explained := words.methods(set(result.summary["method"])):
            st.html(explained)
        if missing := words.not_run(result.about):
            st.markdown(f"**{t('bench.not_run_title')}**")
            st.html(missing)


def goals(table: pd.DataFrame) -> None:
    """Goals beside what was measured: those that are missed, and folded those that are met, or not measured."""
    st.subheader(t("bench.goals_title"), anchor=False)
    st.caption(words.goals_counted(table))
    met, missed = table["met"].eq(True), table["met"].eq(False)
    if missed.any():
        st.html(words.goals(table[missed]))
    folds = (("goals_met", met, "check"), ("goals_unmeasured", ~(met | missed), "remove"))
    for text, those, icon in folds:
        if those.any():
            with st.expander(t(f"bench.{text}", count=int(those.sum())), icon=f":material/{icon}:"):
                st.html(words.goals(table[those]))


def show(result: BenchmarkResult, compared: Comparison | None) -> None:
    """One screen: ours against the others, below it the goals and how sure the numbers are; the rest is folded."""
    if compared is not None:
        against(result, compared)
    left, right = st.columns(2, gap="large")
    if len(result.goals):
        with left:
            goals(result.goals)
    if compared is not None:
        with right:
            sure_and_cost(result, compared)
    folded(result)
    st.caption(shell.plain(words.measured_on(result)))


def page() -> None:
    """The whole page; the headline stands above the choice of the result."""
    shell.header("benchmark")
    place = st.container()
    folders = reading.result_folders()
    if not folders:
        st.info(t("bench.none"), icon=":material/info:")
        st.code("make benchmark", language=None)
        return
    try:
        result = reading.read(source(folders))
    except HeadlightError as error:
        shell.show(error)
        return
    compared = comparison(result.summary)
    sentence = words.headline(compared) if compared else t("bench.no_ours")
    place.html(f'<p class="lead">{glossary.sentence(sentence)}</p>')
    show(result, compared)


page()
