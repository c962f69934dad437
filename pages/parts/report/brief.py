"""Page one of the report, its picture, and the appendix folded by topic."""

import streamlit as st

from core.report import html
from core.report.appendix import Behind, topics
from core.report.page_one import PageOne, page_one
from core.runs.compared import read_partners
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts, facts
from core.runs.head_notes import read_labels
from core.runs.result_reader import read_circuit, read_mechanisms, saved_examples
from core.runs.run_folder import RunFolder
from core.text import text
from pages.parts.data.results import Result
from pages.parts.picture import shown
from pages.parts.session.state import language


def facts_of(run: RunFolder, result: Result) -> Facts:
    """What the sentences are made from; raises StorageError where the check of the circuit is damaged."""
    checked = read_circuit(run), read_partners(run)
    return facts(result.manifest, result.heads, result.edges, result.own_names, *checked, result.mlps)


def page_of(run: RunFolder, known: Facts) -> PageOne:
    """Page one of the open run; raises StorageError for a damaged file."""
    return page_one(known, saved_examples(run), language())


def show(page: PageOne, result: Result, known: Facts) -> None:
    """Page one without its title, which is the page's."""
    st.html(f'<style>{html.STYLE}</style><div class="report">{html.upper(page, language())}</div>')
    if known.listed:
        _picture(result)
    st.html(f'<div class="report">{html.lower(page, language())}</div>')


def appendix(run: RunFolder, known: Facts, entries: Entries, signed: bool) -> None:
    """The numbers behind page one, one fold a topic; a link of page one opens its fold."""
    behind = Behind(saved_examples(run), read_labels(run), entries, read_mechanisms(run), signed)
    for place, topic in enumerate(topics(known, behind, language())):
        fold = f'<details id="{topic.anchor}"><summary>{topic.title}</summary>{topic.content}</details>'
        begins = "" if place else " appendix-begins"
        st.html(f'<div class="report appendix{begins}">{fold}</div>')


def heading(key: str) -> None:
    """A heading from the report's own texts."""
    st.subheader(text(language(), key), anchor=False)


def html_of(content: str, *, note: str = "") -> None:
    """HTML of the report in its look, with a quiet line below."""
    below = f'<p class="small">{note}</p>' if note else ""
    if content or below:
        st.html(f'<div class="report">{content}{below}</div>')


def _picture(result: Result) -> None:
    if len(result.selected):
        shown.still(result)
