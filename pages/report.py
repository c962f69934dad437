"""Report: page one is the whole thing; the numbers behind it are folded by topic; files, costs, comments, sign-off."""

import streamlit as st

from core.errors import HeadlightError
from core.report.page_one import PageOne
from core.runs.facts import Facts
from core.runs.review import Review, read_review
from core.runs.run_folder import RunFolder
from pages.parts import shell
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.examples import after_run
from pages.parts.report import brief, cost_sheet, downloads, review, sentences, talking_points
from pages.parts.session import state


def load(run: RunFolder) -> tuple[Result, Facts, PageOne]:
    """The result of a run, its facts and page one; raises HeadlightError where a file is missing or damaged."""
    result = results.load(run)
    facts = brief.facts_of(run, result)
    return result, facts, brief.page_of(run, facts)


def text(result: Result, facts: Facts, page: PageOne) -> None:
    """The column that is read and printed."""
    opinions, entries = reviewed(), cost_sheet.read()
    brief.show(page, result, facts)
    if opinions is not None:
        review.show(opinions)
    brief.appendix(state.folder(), facts, entries, bool(opinions and opinions.sign_off))
    cost_sheet.show(facts, entries)
    talking_points.show(facts, entries)
    if opinions is not None:
        review.comments(opinions)


def reviewed() -> Review | None:
    """Comments and sign-off; None, with an explanation, where their file is damaged."""
    try:
        return read_review(state.folder())
    except HeadlightError as error:
        shell.show(error)
        return None


def page() -> None:
    """The whole page."""
    opened = shell.opened("report", load)
    if opened is None:
        return
    result, facts, one = opened
    shell.header("report", sentences.about(state.folder()), title=one.fault)
    after_run.show(result)
    left, right = st.columns([3, 1], gap="large")
    with left.container(width=820, key="report_text"):
        text(result, facts, one)
    with right.container(key="report_side"):
        downloads.show(state.folder(), result)


page()
