"""Help with the examples: templates to start from, and a matching normal text from an anomalous one."""

import streamlit as st

from core.examples.example_set import MAXIMUM_PER_SIDE, Label
from pages.parts.examples import inputs
from pages.parts.examples.templates import Template, templates
from pages.parts.session import state
from pages.parts.session.state import language, t


def show() -> None:
    """Two popovers beside each other."""
    with st.container(horizontal=True):
        with st.popover(t("help.templates"), icon=":material/content_paste:", key="templates"):
            _templates()
        anomalous = _texts("anomalous")
        if 0 < len(anomalous) <= MAXIMUM_PER_SIDE:
            with st.popover(t("help.match"), icon=":material/edit_note:", key="match"):
                _match(anomalous)


def _templates() -> None:
    if state.draft().examples.examples:
        st.caption(t("help.replaces"))
    for name, template in templates(language()).items():
        st.button(
            template.title,
            key=f"template_{name}",
            help=template.hint,
            on_click=_take,
            args=(template,),
            width="stretch",
        )
    st.caption(t("help.own"))


def _take(template: Template) -> None:
    inputs.take(template.examples(), given=True)


def _match(anomalous: list[str]) -> None:
    """Choose an anomalous text, change the words on which the fault hangs, add it to the normal side."""
    n_normal = len(_texts("normal"))
    known = st.session_state.get("match_from") in anomalous
    if not known or st.session_state.get("match_count") != n_normal:
        st.session_state["match_count"] = n_normal
        _offer(anomalous[min(n_normal, len(anomalous) - 1)])
    st.selectbox(t("help.match_from"), anomalous, key="match_from", on_change=_offer)
    st.text_area(t("help.match_text"), key="match_text", height=140)
    if st.session_state.pop("match_refused", False):
        st.caption(t("help.match_same"))
    st.button(t("help.match_add"), key="match_add", icon=":material/add:", on_click=_add)


def _offer(text: str | None = None) -> None:
    """Begin with this text, or with the chosen one."""
    if text is not None:
        st.session_state["match_from"] = text
    st.session_state["match_text"] = st.session_state["match_from"]


def _add() -> None:
    text = st.session_state.get("match_text", "")
    text = text if state.draft().keep_ends else text.strip()
    known = {example.text for example in state.draft().examples.examples}
    if not text.strip() or text in known:
        st.session_state["match_refused"] = True
        return
    inputs.add("normal", text)


def _texts(label: Label) -> list[str]:
    return list(dict.fromkeys(state.draft().examples.texts(label)))
