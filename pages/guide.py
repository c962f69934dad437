"""Guide: a proof of concept week by week with its check list, how the method works, and the words."""

import streamlit as st

from core.errors import HeadlightError
from core.runs.checklist import WEEKS, Item, open_week
from pages.parts import shell
from pages.parts.charts import legends
from pages.parts.guide import checklist
from pages.parts.i18n import glossary
from pages.parts.session import state
from pages.parts.session.state import t

BEFORE = 0  # in the row of weeks: what to prepare
# what is told beside the lines of each week
PLAN = {BEFORE: ("prepare",), 1: ("texts", "stop_1"), 2: ("stop_2",), 3: ("stop_3", "limits")}
METHOD = ("question", "texts", "method", "picture", "score", "evidence", "limits")
READABLE = 820  # pixels, of a column of text


def proof_of_concept() -> None:
    """The plan, one screen a week, with the lines of the check list that are due in it."""
    lines: list[Item] = []
    error = None
    try:
        lines = checklist.lines()
    except HeadlightError as unreadable:  # the plan stays
        error = unreadable
    week = chosen_week(lines)
    with st.container(key="poc_plan"):
        if week != BEFORE:
            st.markdown(t(f"poc.days_{week}"))
        plan, ticks = st.columns([3, 2], gap="large")
        with plan:
            for name in PLAN[week]:
                section(name)
        with ticks:
            if week == BEFORE:
                section("roles")
                return
            st.subheader(t("poc.list_title"), anchor=False)
            if error:
                shell.show(error)
            else:
                checklist.show(lines, WEEKS[week - 1])


def chosen_week(lines: list[Item]) -> int:
    """The week that is shown: at first the one with an open line. A week without one has a sign.

    It is kept run by run, so that a tick does not turn the page under the reader's eyes.
    """
    key = f"guide_week_{state.run_id()}"
    st.session_state.setdefault(key, open_week(lines) if lines else WEEKS[0])
    names = {week: t(f"poc.week_{week}") for week in (BEFORE, *WEEKS)}
    for week in WEEKS:
        if lines and all(item.done for item in lines if item.week == week):
            names[week] = f":material/check_circle: {names[week]}"
    st.segmented_control(
        t("poc.week"),
        list(names),
        format_func=names.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    return int(st.session_state[key])


def section(name: str) -> None:
    """A part of the plan; parts of several weeks that tell the same have one title."""
    st.subheader(t(f"poc.{name.rstrip('_123')}_title"), anchor=False)
    st.markdown(t(f"poc.{name}"))


def how_it_works() -> None:
    """The method, the picture, the limits."""
    with st.container(width=READABLE):
        for name in METHOD:
            st.subheader(t(f"guide.{name}_title"), anchor=False)
            st.markdown(t(f"guide.{name}"))
            if name == "picture":
                st.html(f'<div class="legend">{legends.verdicts()}</div>')


shell.header("guide", t("guide.lead"))
poc_tab, method_tab, words_tab = st.tabs(
    [t("poc.title"), t("guide.how_title"), t("guide.words_title")], key="guide_tab"
)
with poc_tab:
    proof_of_concept()
with method_tab:
    how_it_works()
with words_tab, st.container(width=READABLE):
    st.html(glossary.listed())
