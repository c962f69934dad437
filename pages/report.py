"""Report: what was asked, what was found, what is not known, what it cost; and the files."""

import streamlit as st

from core.errors import HeadlightError
from core.runs.facts import Facts
from core.runs.review import Review, read_review
from core.runs.run_folder import RunFolder
from pages.parts import shell
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.examples import after_run
from pages.parts.report import brief, cost_sheet, downloads, review, sentences, talking_points
from pages.parts.session import state


def load(run: RunFolder) -> tuple[Result, Facts]:
    """The result of a run and its facts; raises HeadlightError where a file is missing or damaged."""
    result = results.load(run)
    return result, brief.facts_of(run, result)


def text(result: Result, facts: Facts) -> None:
    """The column that is read and printed."""
    opinions = reviewed()
    entries = cost_sheet.read()
    brief.show(result, facts, signed=bool(opinions and opinions.sign_off))
    cost_sheet.show(facts, entries)
    talking_points.show(facts, entries)
    if opinions is not None:
        review.show(opinions)
    brief.details(result)


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
    result, facts = opened
    shell.header("report", sentences.about(state.folder()))
    after_run.show(result)
    left, right = st.columns([3, 1], gap="large")
    with left.container(width=820, key="report_text"):
        text(result, facts)
    with right.container(key="report_side"):
        downloads.show(state.folder(), result)


page()
