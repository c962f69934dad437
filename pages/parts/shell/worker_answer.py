"""Questions to the worker: its answer, a note that waits for it, or the error with a way to ask again."""

import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.jobs.backend import Answer, QuestionKind
from pages.parts import shell
from pages.parts.session import state
from pages.parts.session.state import t

PATIENCE = 0.3  # Seconds that the page waits for an answer itself; most come sooner, and nothing flickers


def ask(question: QuestionKind, payload: Mapping[str, Any], section: str) -> Any | None:
    """What the worker says; None while it is at work or failed, which is shown (`<section>.reading`, `.again`)."""
    end = time.monotonic() + PATIENCE
    answer = _ask(question, payload)
    while answer.pending and time.monotonic() < end:
        time.sleep(0.02)
        answer = _ask(question, payload)
    if answer.pending:
        _wait(question, payload, section)
    elif answer.error_key:
        shell.show_error(answer.error_key, answer.error_values)
        if st.button(t(f"{section}.again"), key=f"{section}_again", icon=":material/refresh:"):
            state.backend().ask(question, payload, again=True)
            st.rerun()
    return answer.value


def _ask(question: QuestionKind, payload: Mapping[str, Any]) -> Answer:
    return state.backend().ask(question, payload)


@st.fragment(run_every=0.4)
def _wait(question: QuestionKind, payload: Mapping[str, Any], section: str) -> None:
    """Look for the answer; the page is drawn anew when it is there."""
    state.polls()
    if _ask(question, payload).pending:
        st.caption(t(f"{section}.reading"))
    else:
        st.rerun()
