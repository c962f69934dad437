"""Guide: a proof of concept with its check list, how the method works, and the words."""

import streamlit as st

from pages.parts import shell
from pages.parts.charts import legends
from pages.parts.guide import checklist
from pages.parts.i18n import glossary
from pages.parts.session.state import t

PLAN = ("weeks", "prepare", "texts", "roles", "stop", "limits")
METHOD = ("question", "texts", "method", "picture", "score", "evidence", "limits")
READABLE = 820  # pixels, of a column of text


def proof_of_concept() -> None:
    """The plan, and beside it the list that ticks itself."""
    plan, ticks = st.columns([3, 2], gap="large")
    with plan, st.container(key="poc_plan"):
        for section in PLAN:
            st.subheader(t(f"poc.{section}_title"), anchor=False)
            st.markdown(t(f"poc.{section}"))
    with ticks:
        st.subheader(t("poc.list_title"), anchor=False)
        shell.succeeds(checklist.show)


def how_it_works() -> None:
    """The method, the picture, the limits."""
    with st.container(width=READABLE):
        for section in METHOD:
            st.subheader(t(f"guide.{section}_title"), anchor=False)
            st.markdown(t(f"guide.{section}"))
            if section == "picture":
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
