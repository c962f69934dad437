"""Benchmark: how the method does beside the published recipe and the field's methods, where the truth is known."""

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.benchmark import reading as measured
from core.benchmark.reading import Measured
from core.errors import HeadlightError
from pages.parts.benchmark import sections, tables, words
from pages.parts.i18n import glossary as terms
from pages.parts.session import state
from pages.parts.session.state import t
from pages.parts.shell import frame

MEASURES = ("auc", "average_precision")
HALF = 8  # goals from which their table stands in two columns


def source(folders: list[Path]) -> Path:
    """The result that is shown; a choice where there are several."""
    names = {str(folder): source_name(folder) for folder in folders}
    if len(folders) == 1:
        return folders[0]
    chosen = st.selectbox(
        t("bench.source"),
        list(names),
        format_func=names.__getitem__,
        key="bench_source_" + "_".join(names),
        width=520,
        persist_state="session",
    )
    return Path(chosen or folders[0])


def source_name(folder: Path) -> str:
    """Whose result it is, and when it was measured."""
    try:
        date = str(measured.about(folder).get("date") or "–")
    except HeadlightError:
        date = "–"
    if folder == measured.PROJECT:
        return t("bench.source_project", date=date)
    return t("bench.source_own", path=folder, date=date)


def top(found: Measured) -> None:
    """Where it comes from, the comparison with the best others, and the goals."""
    said, file = st.columns([5, 1], vertical_alignment="center")
    said.caption(frame.plain(words.measured_on(found)))
    file.container(horizontal=True, horizontal_alignment="right").download_button(
        "summary.csv",
        data=lambda: (found.path / "summary.csv").read_bytes(),
        file_name="summary.csv",
        mime="text/csv",
        key="download_summary",
        on_click="ignore",
        icon=":material/download:",
    )
    compared = measured.comparison(found.summary)
    if compared:
        st.html(words.beside(compared))
        st.markdown(frame.plain(words.losses(compared)))
    if len(found.goals):
        goals(found)


def goals(found: Measured) -> None:
    """What was wanted and what was measured."""
    st.subheader(t("bench.goals_title"), anchor=False)
    st.caption(words.goals_said(found.goals))
    count = len(found.goals)
    if count < HALF:
        st.html(words.goals(found.goals))
        return
    cut = -(-count // 2)
    for place, part in zip(st.columns(2, gap="large"), (slice(None, cut), slice(cut, None)), strict=True):
        place.html(words.goals(found.goals[part]))


def charts(found: Measured) -> None:
    """The switches, and every chart by them."""
    units = tables.unit_of(found.summary)
    counts = sorted({int(count) for count in found.summary["examples"]})
    with st.container(horizontal=True, gap="large"):
        unit = switch("unit", units, "bench.unit_{}")
        measure = switch("measure", list(MEASURES), "bench.measure_{}")
        examples = st.segmented_control(
            t("bench.examples"),
            counts,
            default=measured.main_examples(found.summary),
            key="bench_examples_" + "_".join(map(str, counts)),
            required=True,
            persist_state="session",
        )
    sections.ranking(found, unit, measure, examples)
    sections.over_examples(found, unit, measure)
    sections.cost(found, unit, measure, examples)
    sections.calibration(found, unit)
    sections.cells(found, unit, measure, examples)
    sections.settings(found, unit, examples)


def switch(name: str, options: list[str], pattern: str) -> str:
    """A choice of one of a few."""
    chosen = st.segmented_control(
        t(f"bench.{name}"),
        options,
        default=options[0],
        format_func=state.named(options, pattern).__getitem__,
        key=f"bench_{name}_" + "_".join(options),
        required=True,
        persist_state="session",
    )
    return str(chosen)


def rest(found: Measured) -> None:
    """Times, what was not run, what each method is."""
    sections.speed(found)
    missing = words.not_run(found.about)
    if missing:
        st.subheader(t("bench.not_run_title"), anchor=False)
        st.html(missing)
    explained = words.methods(set(found.summary["method"]))
    if explained:
        st.subheader(t("bench.methods_title"), anchor=False)
        st.html(explained)


def show(lead: DeltaGenerator, folder: Path) -> None:
    """The result in a folder; its one sentence goes to `lead`, above the choice of the result."""
    try:
        found = measured.read(folder)
    except HeadlightError as error:
        frame.show(error)
        return
    compared = measured.comparison(found.summary)
    sentence = words.lead(compared) if compared else t("bench.no_ours")
    lead.html(f'<p class="lead">{terms.sentence(sentence)}</p>')
    top(found)
    charts(found)
    rest(found)


frame.header("benchmark")
place = st.container()
folders = measured.found()
if folders:
    show(place, source(folders))
else:
    st.info(t("bench.none"), icon=":material/info:")
    st.code("make benchmark", language=None)
