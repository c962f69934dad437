"""Model: which language model is looked into, and whether it can be read."""

from typing import cast

import streamlit as st

from core.inspection.answers import ModelCard
from core.scenarios.loader import load_scenario
from pages.parts import shell
from pages.parts.model import card, on_hub
from pages.parts.session import samples, state
from pages.parts.session.state import t

KINDS = ("bundled", "hub", "folder")


def choose() -> None:
    """Where the model comes from, and which."""
    draft = state.draft()
    kind = st.radio(
        t("model.kind"),
        KINDS,
        format_func=state.named(KINDS, "model.kind_{}").__getitem__,
        horizontal=True,
        **state.bound("source_kind"),
    )
    if kind == "bundled":
        _choose_bundled()
        return
    left, right = st.columns([3, 2], gap="medium")
    left.text_input(t(f"model.{kind}_label"), placeholder=t(f"model.{kind}_example"), **state.bound("source"))
    right.text_input(
        t("model.adapter"),
        placeholder=t("model.adapter_example"),
        help=t("model.adapter_help"),
        **state.bound("adapter"),
    )
    if st.button(
        t("model.check"), key="check_model", icon=":material/fact_check:", disabled=not draft.source.strip()
    ):
        draft.source, draft.adapter = draft.source.strip(), draft.adapter.strip()
        if not on_hub.ask():
            state.inspect_again()


def _choose_bundled() -> None:
    stories, draft = samples.ready_stories(state.language()), state.draft()
    if draft.scenario in stories:
        st.session_state.setdefault("draft_bundled", draft.scenario)
    name = st.selectbox(
        t("model.bundled_label"),
        list(stories),
        format_func={name: title for name, (title, _) in stories.items()}.__getitem__,
        key="draft_bundled",
    )
    source = str(load_scenario(name).model_folder)
    if draft.source != source:
        draft.source, draft.adapter, draft.scenario = source, "", ""
    if st.session_state.get("asked_source") != source:
        state.inspect_again()


@st.fragment(run_every=0.4)
def wait() -> None:
    """Look for the worker's answer; the page is drawn anew when it is there."""
    state.polls()
    answer = state.inspection()
    if answer is not None and answer.pending:
        st.caption(t("model.checking"))
    else:
        st.rerun()


shell.header("model", t("model.lead"))
choose()
answer = None if on_hub.show() else state.inspection()
if answer is not None and answer.pending:
    wait()
elif answer is not None and answer.error_key:
    values = dict(answer.error_values)
    offered = values.pop("choices", [])
    shell.show_error(answer.error_key, values)
    if isinstance(offered, list):
        card.choices(offered, "refused")
elif answer is not None and answer.value:
    card.show(cast(ModelCard, answer.value))
shell.next_button("model", key="next_model", disabled=not state.model_ready(), reason=t("model.next_closed"))
