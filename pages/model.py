"""Model: which language model is looked into, and whether it can be read."""

from html import escape
from pathlib import Path
from typing import cast

import streamlit as st

from core.inspection.answers import ModelCard
from core.scenarios.loader import load_scenario
from pages.parts import i18n, shell
from pages.parts.charts import drawings
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
    st.text_input(t(f"model.{kind}_label"), placeholder=t(f"model.{kind}_example"), **state.bound("source"))
    if st.button(
        t("model.check"), key="check_model", icon=":material/fact_check:", disabled=not draft.source.strip()
    ):
        draft.source = draft.source.strip()
        state.inspect_again()


def _choose_bundled() -> None:
    stories, draft = samples.stories(state.language()), state.draft()
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


def show_card(card: ModelCard) -> None:
    """The model's numbers, its shape as a drawing, memory against what is there, and what was checked."""
    with st.container(border=True):
        drawing, facts = st.columns([1, 2], gap="large", vertical_alignment="center")
        shape = t("model.shape", layers=card["n_layers"], heads=card["n_heads"])
        drawing.html(drawings.model_shape(card["n_layers"], card["n_heads"], shape))
        drawing.caption(shape)
        lines = {
            "name": Path(card["name"]).name,
            "architecture": card["architecture"],
            "parameters": f"{card['n_parameters']:,}",
            "widths": t("model.widths_value", d_model=card["d_model"], d_head=card["d_head"]),
            "context": f"{card['context_length']:,}" if card["context_length"] else t("model.no_limit"),
            "vocabulary": f"{card['vocabulary']:,}",
            "device": f"{card['device']} · {card['dtype']}",
            "memory": t(
                "model.memory_value",
                needed=i18n.size(card["memory_needed_bytes"]),
                available=i18n.size(card["memory_available_bytes"]),
            ),
            "checks": t("finding.comma").join(t(f"check.{check}") for check in card["checks"]),
        }
        rows = "".join(
            f"<dt>{escape(t(f'model.{key}'))}</dt><dd>{escape(value)}</dd>" for key, value in lines.items()
        )
        facts.html(f'<dl class="facts">{rows}</dl>')
    if card["memory_needed_bytes"] > card["memory_available_bytes"]:
        st.warning(t("model.too_big"), icon=":material/memory:")


shell.header("model", t("model.lead"))
choose()
answer = state.inspection()
if answer is not None and answer.pending:
    wait()
elif answer is not None and answer.error_key:
    shell.show_error(answer.error_key, answer.error_values)
elif answer is not None and answer.value:
    show_card(cast(ModelCard, answer.value))
shell.next_button("model", key="next_model", disabled=not state.model_ready(), reason=t("model.next_closed"))
