"""Model: which language model is looked into, and whether it can be read."""

from html import escape
from pathlib import Path

import streamlit as st

from core.scenarios import load_scenario
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
    found = samples.stories(state.language())
    if not found:
        st.caption(t("start.no_scenarios"))
        return
    draft = state.draft()
    if draft.scenario in found:
        st.session_state.setdefault("draft_bundled", draft.scenario)
    chosen = st.selectbox(
        t("model.bundled_label"),
        list(found),
        format_func={name: title for name, (title, _) in found.items()}.__getitem__,
        key="draft_bundled",
    )
    source = str(load_scenario(chosen).model_folder)
    if draft.source != source:
        draft.source, draft.scenario = source, ""
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


def card(found: dict) -> None:
    """The model's numbers, its shape as a drawing, memory against what is there, and what was checked."""
    with st.container(border=True):
        drawing, facts = st.columns([1, 2], gap="large", vertical_alignment="center")
        shape = t("model.shape", layers=found["n_layers"], heads=found["n_heads"])
        drawing.html(drawings.model_shape(found["n_layers"], found["n_heads"], shape))
        drawing.caption(shape)
        lines = {
            "name": Path(found["name"]).name,
            "architecture": found["architecture"],
            "parameters": f"{found['n_parameters']:,}",
            "widths": t("model.widths_value", d_model=found["d_model"], d_head=found["d_head"]),
            "context": f"{found['context_length']:,}" if found["context_length"] else t("model.no_limit"),
            "vocabulary": f"{found['vocabulary']:,}",
            "device": f"{found['device']} · {found['dtype']}",
            "memory": t(
                "model.memory_value",
                needed=i18n.size(found["memory_needed_bytes"]),
                available=i18n.size(found["memory_available_bytes"]),
            ),
            "checks": t("said.comma").join(t(f"check.{check}") for check in found["checks"]),
        }
        rows = "".join(
            f"<dt>{escape(t(f'model.{key}'))}</dt><dd>{escape(value)}</dd>" for key, value in lines.items()
        )
        facts.html(f'<dl class="facts">{rows}</dl>')
    if found["memory_needed_bytes"] > found["memory_available_bytes"]:
        st.warning(t("model.too_big"), icon=":material/memory:")


shell.header("model", t("model.lead"))
choose()
answer = state.inspection()
if answer is not None and answer.pending:
    wait()
elif answer is not None and answer.error_key:
    shell.show_error(answer.error_key, answer.error_values)
elif answer is not None and answer.value:
    card(dict(answer.value))
shell.next_button("model", key="next_model", disabled=not state.model_ready(), reason=t("model.next_closed"))
