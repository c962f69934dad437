"""Report: what was asked, what was found, what is not known, what it cost; and the files."""

from functools import partial

import pandas as pd
import streamlit as st

from core.downloads import content, package
from core.errors import HeadlightError
from core.runs import RunFolder
from pages.parts import (
    colours,
    frame,
    graph,
    legends,
    next_steps,
    results,
    review,
    sentences,
    state,
    svg,
    tables,
    texts,
)
from pages.parts.graph import Look
from pages.parts.results import Result
from pages.parts.state import t

FILES = (
    ("heads.csv", "text/csv"),
    ("edges.csv", "text/csv"),
    ("codes.csv", "text/csv"),
    ("examples.csv", "text/csv"),
    ("manifest.json", "application/json"),
    ("report.html", "text/html"),
)
MOST_ROWS = 12  # of the table of heads


def text(result: Result) -> None:
    """The column that is read and printed."""
    alignment = result.manifest["alignment"]
    _section(
        "report.asked",
        [
            sentences.asked(result, frame.model_name()),
            sentences.alignment(alignment),
            sentences.pairs(alignment),
        ],
    )
    _section(
        "report.found",
        [
            sentences.headline(result),
            sentences.chance(result),
            sentences.strongest(result),
            sentences.score_meaning(result.manifest),
            sentences.layers(result),
            sentences.edges(result),
        ],
    )
    heads, edges = drawn(result)
    if len(heads):
        st.altair_chart(
            graph.flow(heads, edges, Look(colours.palette(), t)),
            key="report_chart",
            theme=None,
            alt=alternative(heads, edges, state.language()),
        )
        legends.circuit(list(heads["verdict"]))
        st.caption(sentences.shown(result, len(heads), len(edges)))
        st.markdown(f"**{t('report.table', count=min(MOST_ROWS, len(heads)))}**")
        tables.heads(result, True, key="report_heads", most=MOST_ROWS)
    unknown = [t("report.unknown_edges"), t("report.unknown_parts"), t("report.unknown_texts")]
    if not result.checked:
        unknown.insert(0, t("report.unknown_cause"))
    _section("report.unknown", [f"- {line}" for line in [*unknown, *sentences.notes(result.manifest)]])
    _section("report.cost", [sentences.cost(result.manifest), sentences.exhaustive(result.manifest)])
    _section("report.next", [f"- {line}" for line in next_steps.steps(result)])


def pictures(result: Result) -> dict[str, str]:
    """The circuit as SVG in every language; none where there is no circuit."""
    heads, edges = drawn(result)
    if heads.empty:
        return {}
    return {
        name: svg.flow(heads, edges, alternative(heads, edges, name), partial(texts.text, name))
        for name in texts.LANGUAGES
    }


def drawn(result: Result) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Heads and edges of the report's picture."""
    heads = result.selected.head(results.MOST_HEADS)
    among = result.edges_among(list(heads["name"]))
    return heads, among[among["selected"]].head(results.MOST_EDGES)


def alternative(heads: pd.DataFrame, edges: pd.DataFrame, language: str) -> str:
    """The picture in words."""
    counts = {"heads": len(heads), "edges": len(edges), "strongest": heads.iloc[0]["name"]}
    return texts.text(language, "alt.circuit", **counts)


def downloads(run: RunFolder, result: Result) -> None:
    """All files as one, and each by itself; they are put together when they are asked for."""
    st.subheader(t("report.downloads"), anchor=False)
    st.download_button(
        t("report.all"),
        data=lambda: package(run, pictures(result)),
        file_name=f"headlight-{run.run_id}.zip",
        mime="application/zip",
        key="download_all",
        on_click="ignore",
        icon=":material/folder_zip:",
        type="primary",
        width="stretch",
    )
    for name, kind in FILES:
        path = run.path / name
        if path.exists():
            st.download_button(
                name,
                data=partial(file, run, result, name),
                file_name=name,
                mime=kind,
                key=f"download_{name}",
                on_click="ignore",
                icon=":material/download:",
                width="stretch",
            )
    if len(result.selected):
        language = state.language()
        st.download_button(
            "circuit.svg",
            data=lambda: pictures(result)[language].encode(),
            file_name="circuit.svg",
            mime="image/svg+xml",
            key="download_circuit.svg",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
        )
    st.caption(t("report.files_text"))


def file(run: RunFolder, result: Result, name: str) -> bytes:
    """One file for download; the report holds the picture."""
    return content(run, name, pictures(result) if name == "report.html" else {})


def _section(title: str, lines: list[str]) -> None:
    st.subheader(t(title), anchor=False)
    st.markdown("\n\n".join(frame.plain(line) for line in lines if line))


def page() -> None:
    """The whole page."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
    except HeadlightError as error:
        frame.header("report")
        if frame.needs_run():
            frame.show(error)
        return
    if result is None:
        frame.header("report")
        frame.needs_run()
        return
    frame.header("report", sentences.about(state.folder()))
    left, right = st.columns([3, 1], gap="large")
    with left.container(width=820):
        text(result)
        try:
            review.show()
        except HeadlightError as error:
            frame.show(error)
    with right:
        downloads(state.folder(), result)


page()
