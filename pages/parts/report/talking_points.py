"""Sentences to say in the meeting, in both languages whatever the page's own is, each to be copied at once."""

import streamlit as st

from core.report.sentences import advice
from core.runs import cost_sheet
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts
from core.text import LANGUAGES
from pages.parts.report import brief
from pages.parts.session.state import language, t


def show(facts: Facts, entries: Entries) -> None:
    """One block a language, that of the page first."""
    brief.heading("report.meeting")
    with st.container(key="to_say"):
        st.caption(t("meeting.lead"))
        for name in sorted(LANGUAGES, key=lambda name: name != language()):
            st.markdown(f"**{t(f'meeting.{name}')}**")
            st.code("\n".join(lines(facts, entries, name)), language=None, wrap_lines=True)


def lines(facts: Facts, entries: Entries, language: str) -> list[str]:
    """The sentences, with what follows from the sheet where it is filled in."""
    return [*advice.meeting(facts, language), *filter(None, [cost_sheet.meeting_sentence(entries, language)])]
