"""Report: what was asked, what was found, what is not known, what it cost; and the files."""

import streamlit as st

from core.errors import HeadlightError
from core.runs.facts import Facts
from core.runs.review import Review, read_review
from pages.parts import shell
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.report import brief, review, sentences
from pages.parts.report import cost_sheet as roi_sheet
from pages.parts.report import downloads as files
from pages.parts.report import talking_points as to_say
from pages.parts.session import state


def text(result: Result, found: Facts) -> None:
    """The column that is read and printed."""
    said = read()
    entries = roi_sheet.read()
    brief.show(result, found, signed=bool(said and said.sign_off))
    roi_sheet.show(found, entries)
    to_say.show(found, entries)
    if said is not None:
        review.show(said)
    brief.details(result)


def read() -> Review | None:
    """Comments and sign-off; None, with an explanation, where their file is damaged."""
    try:
        return read_review(state.folder())
    except HeadlightError as error:
        shell.show(error)
        return None


def page() -> None:
    """The whole page."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
        found = brief.facts(result) if result else None
    except HeadlightError as error:
        shell.header("report")
        if shell.needs_run():
            shell.show(error)
        return
    if result is None or found is None:
        shell.header("report")
        shell.needs_run()
        return
    shell.header("report", sentences.about(state.folder()))
    left, right = st.columns([3, 1], gap="large")
    with left.container(width=820, key="report_text"):
        text(result, found)
    with right.container(key="report_side"):
        files.show(state.folder(), result)


page()
