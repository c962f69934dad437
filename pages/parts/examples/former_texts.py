"""Texts of the reader's own that something else replaced, and what another tab has changed: one click to have them."""

import streamlit as st

from core.examples.example_set import LABELS
from core.runs.drafts import Draft
from pages.parts import shell
from pages.parts.session import keeping, state
from pages.parts.session.state import t

BEGINNING = 40  # Characters of the first text that stand for a former draft


def show() -> None:
    """What other tabs did, and the former texts: offered in a line where none of the reader's own are shown."""
    _other_tab()
    drafts = keeping.former()
    if not drafts:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="former_texts"):
        if not state.draft().own:
            st.markdown(t("kept.own", **described(drafts[0])), width="content")
            st.button(
                t("kept.back"),
                key="bring_back",
                icon=":material/undo:",
                on_click=keeping.bring_back,
                args=(drafts[0],),
            )
        with st.popover(t("kept.former"), icon=":material/history:", type="tertiary", key="former"):
            _list(drafts)


def _list(drafts: list[Draft]) -> None:
    st.caption(t("kept.former_text"))
    for number, draft in enumerate(drafts):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(t("kept.one", **described(draft)))
            back, remove = f"bring_back_{number}", f"remove_former_{number}"
            st.button(
                t("kept.back_one"),
                key=back,
                icon=":material/undo:",
                on_click=keeping.bring_back,
                args=(draft,),
            )
            st.button(
                t("kept.remove"),
                key=remove,
                type="tertiary",
                icon=":material/delete:",
                on_click=keeping.remove,
                args=(draft,),
            )


def described(draft: Draft) -> dict[str, str]:
    """Counts and beginning of a draft's texts, safe within Markdown."""
    texts = [example.text for example in draft.examples.examples] or [*draft.unread.values()]
    first = " ".join(next((text for text in texts if text.strip()), "").split())
    beginning = first if len(first) <= BEGINNING else f"{first[:BEGINNING].rstrip()}…"
    counts: dict[str, str] = {label: str(draft.examples.count(label)) for label in LABELS}
    return counts | {"text": shell.plain(beginning)}


def _other_tab() -> None:
    notice = st.session_state.get(keeping.NOTICE)
    if notice is None:
        return
    st.info(t(f"kept.{notice}"), icon=":material/tab:")
    with st.container(horizontal=True, key="other_tab"):
        st.button(t("kept.take_those"), key="take_those", on_click=keeping.take_those)
        st.button(t("kept.keep_these"), key="keep_these", on_click=keeping.keep_these)
