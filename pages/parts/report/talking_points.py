"""Sentences to say in the meeting, in the reader's language, to be copied at once."""

import streamlit as st

from core.report.sentences import advice
from core.runs import cost_sheet
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts
from pages.parts.session.state import language, t


def show(facts: Facts, entries: Entries) -> None:
    """One block, folded."""
    with st.expander(t("report.copy_meeting"), key="to_say"):
        st.caption(t("meeting.lead"))
        st.code("\n".join(lines(facts, entries, language())), language=None, wrap_lines=True)


def lines(facts: Facts, entries: Entries, language: str) -> list[str]:
    """The sentences, with what follows from the sheet where it is filled in."""
    return [*advice.meeting(facts, language), *filter(None, [cost_sheet.meeting_sentence(entries, language)])]
