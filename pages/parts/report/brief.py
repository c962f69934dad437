"""The report from the top: what was asked and found, the picture, the heads that matter, what is open, cost, next."""

import streamlit as st

from core.report.html import bullets, five_table, paragraphs
from core.report.sentences import summary
from core.runs.facts import Facts
from core.runs.facts import facts as run_facts
from core.runs.result_reader import read_circuit
from core.text import text
from pages.parts.charts import colours, legends
from pages.parts.circuit import graph
from pages.parts.circuit.marks import Look
from pages.parts.data import tables
from pages.parts.data.results import Result
from pages.parts.report import pictures, sentences
from pages.parts.session import state
from pages.parts.session.state import language, t


def facts(result: Result) -> Facts:
    """What the sentences are made from; raises StorageError where the check of the circuit is damaged."""
    own, checked = result.own_names, read_circuit(state.folder())
    return run_facts(result.manifest, result.heads, result.edges, own, checked)


def show(result: Result, found: Facts, signed: bool) -> None:
    """Everything that a manager reads, before what people add."""
    said = language()
    section("asked", paragraphs([summary.asked(found, said)]), note=text(said, "term.head"))
    section(
        "found",
        bullets(summary.three_sentences(found, said), "ol"),
        kind="found",
        note=sentences.chosen(result),
    )
    _picture(result)
    heading("summary.five")
    html(five_table(found, said) if found.state != "none" else "", note=summary.five_note(found, said))
    if lines := summary.whole(found, said):
        heading("summary.whole")
        html(bullets(lines))
    section("unknown", bullets(summary.unknown(found, said)))
    section("cost", paragraphs([summary.cost(found, said), summary.exhaustive(found, said)]))
    section("next", bullets(summary.next_steps(found, said, signed)))


def details(result: Result) -> None:
    """How it was compared and measured, and the table of all candidates; folded."""
    alignment = result.manifest.alignment
    lines = [
        sentences.alignment(alignment),
        sentences.pairs(alignment),
        *sentences.evidence_notes(result.manifest),
        sentences.chance(result),
        sentences.strongest(result),
        sentences.score_meaning(result.manifest),
        sentences.layers(result),
        sentences.edges(result) if len(result.selected) else "",
    ]
    with st.expander(t("report.details"), key="report_details"):
        html(paragraphs([line for line in lines if line]))
        if len(result.selected):
            tables.heads(result, True, key="report_heads")


def section(key: str, content: str, *, kind: str = "", note: str = "") -> None:
    """A heading of the report with what stands under it (HTML whose texts are escaped)."""
    heading(f"report.{key}")
    html(content, kind=kind, note=note)


def heading(key: str) -> None:
    """A heading from the report's own texts."""
    st.subheader(text(language(), key), anchor=False)


def html(content: str, *, kind: str = "", note: str = "") -> None:
    """HTML of the report in its look, with a quiet line below."""
    below = f'<div class="quiet">{paragraphs([note])}</div>' if note else ""
    if content or below:
        st.html(f'<div class="report {kind}">{content}{below}</div>')


def _picture(result: Result) -> None:
    heads, edges = pictures.drawn(result)
    if heads.empty:
        return
    st.altair_chart(
        graph.flow(heads, edges, Look(colours.palette(), t)),
        key="report_chart",
        theme=None,
        alt=pictures.alternative(heads, edges, language()),
    )
    legends.of(heads)
    st.caption(sentences.shown(result, len(heads), len(edges)))
