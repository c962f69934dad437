"""The report from the top: what was asked and found, the picture, the heads that matter, what is open, cost, next."""

import streamlit as st

from core.report.markup import bullets, paragraphs, table
from core.report.sentences import advice, circuit, heads, notes, overview, partners
from core.report.sentences.groups import groups
from core.report.tables import most_important
from core.runs.compared import read_partners
from core.runs.facts import Facts, facts
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.text import text
from pages.parts.charts import colours, legends
from pages.parts.circuit import graph
from pages.parts.circuit.marks import Look
from pages.parts.data import tables
from pages.parts.data.results import Result
from pages.parts.report import pictures, sentences
from pages.parts.session.state import language, t
from pages.parts.shell import widgets


def facts_of(run: RunFolder, result: Result) -> Facts:
    """What the sentences are made from; raises StorageError where the check of the circuit is damaged."""
    found = read_circuit(run), read_partners(run)
    return facts(result.manifest, result.heads, result.edges, result.own_names, *found)


def show(result: Result, known: Facts, signed: bool) -> None:
    """Everything that a manager reads, before what people add."""
    tongue = language()
    section("asked", paragraphs([overview.asked(known, tongue)]), note=text(tongue, "term.head"))
    section(
        "found",
        bullets(overview.three_sentences(known, tongue), "ol")
        + bullets(partners.sentences(known.partners, tongue)),
        kind="found",
        note=heads.selection_note(result.manifest, tongue),
    )
    if known.listed:
        _picture(result)
    heading("summary.five")
    important = table(most_important(known, tongue)) if known.listed else ""
    html(important, note=heads.order_note(known, tongue))
    if lines := circuit.whole(known, tongue):
        heading("summary.whole")
        html(bullets(lines))
    if lines := groups(known, tongue):
        heading("groups.title")
        html(paragraphs(lines))
    section("unknown", bullets(notes.unknown(known, tongue)))
    section("cost", paragraphs([overview.cost(known, tongue), overview.exhaustive(known, tongue)]))
    section("next", bullets(advice.next_steps(known, tongue, signed)))


def details(result: Result) -> None:
    """How it was compared and measured, and the table of all candidates; folded."""
    alignment = result.manifest.alignment
    lines = [
        notes.alignment(alignment, language()),
        notes.pairs(alignment, language()),
        *notes.evidence_notes(result.manifest, language()),
        heads.chance(result.heads, language()),
        sentences.strongest(result),
        heads.score_meaning(result.manifest, language()),
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
    widgets.chart(
        graph.flow(heads, edges, Look(colours.palette(), t)),
        "report_chart",
        pictures.alternative(heads, edges, language()),
    )
    legends.of(heads)
    st.caption(sentences.shown(result, len(heads), len(edges)))
