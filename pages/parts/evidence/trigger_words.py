"""The words that make the fault go, and the texts with these words marked, of a run with made partners."""

import streamlit as st

from core.report import exchanges
from core.report.markup import table
from core.report.sentences import partners as sentences
from core.runs.compared import read_partners
from pages.parts import shell
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import language, t

FIRST = 3
"""Sentences in sight; the others stand behind the fold."""


def show(result: Result) -> None:
    """Sentences, and behind a fold the texts; nothing where no partner was made."""
    record = read_partners(state.folder())
    lines = sentences.sentences(record, language())
    marked = exchanges.marked_partners(record, result.examples)
    if not lines:
        return
    st.subheader(t("trigger_words.title"), anchor=False)
    bullets = [f"- {shell.plain(line)}" for line in lines]
    st.markdown("\n".join(bullets[:FIRST]))
    if marked:
        with st.expander(t("trigger_words.texts"), key="trigger_words"):
            st.markdown("\n".join(bullets[FIRST:]))
            shown = table(exchanges.table(exchanges.firsts(marked), language()))
            label = shell.plain(t("trigger_words.texts"))
            st.html(f'<div class="suggested" tabindex="0" role="region" aria-label="{label}">{shown}</div>')


def in_one_line() -> None:
    """The word of most texts in a quiet line; nothing where no partner was made."""
    if line := sentences.in_one_line(read_partners(state.folder()), language()):
        st.caption(shell.plain(line))
