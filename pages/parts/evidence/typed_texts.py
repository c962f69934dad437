"""Texts of one's own beside those of the analysis: a box, cut as the boxes of the examples are."""

import streamlit as st

from core.errors import HeadlightError
from core.examples.reading import Cut, from_pasted, recognised
from pages.parts import shell
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import t, tn


def typed(result: Result) -> list[str]:
    """The texts in the box, which is drawn here; empty where it cannot be read, which is shown."""
    with st.expander(t("whatif.typed"), icon=":material/edit:"):
        box = st.text_area(
            t("whatif.typed_label"),
            key="what_if_typed",
            height=130,
            placeholder=t("whatif.typed_placeholder"),
            persist_state="session",
        )
        if not box.strip():
            return []
        try:
            return _cut(box, st.session_state.get(_key()) or told(box, list(result.examples["text"])))
        except HeadlightError as error:
            shell.show(error)
            return []


def told(box: str, texts: list[str]) -> Cut:
    """How a box is cut: as it tells itself, else at empty lines where the texts of the analysis have several lines."""
    how = recognised([box]).how
    several = any("\n" in text.strip() for text in texts)
    return "blank_lines" if how == "lines" and several else how


def _cut(box: str, how: Cut) -> list[str]:
    """The texts, with a line that says how they were cut and a click for the other way."""
    pasted = from_pasted(box, "", cut=how, keep_space=True)
    other: Cut = "lines" if pasted.cut != "lines" else "blank_lines"
    count, otherwise = (sum(pasted.counts.get(way, (0, 0))) for way in (pasted.cut, other))
    with st.container(horizontal=True, vertical_alignment="center"):
        way = t(f"cutting.{pasted.cut}", separator=shell.plain(pasted.separator))
        st.caption(tn("cutting.texts", count, how=way), width="content")
        if otherwise != count:
            st.button(
                tn(f"cutting.to_{other}", otherwise),
                key="what_if_cut_otherwise",
                type="tertiary",
                on_click=_choose,
                args=(other,),
            )
    return [example.text for example in pasted.examples.examples]


def _choose(how: Cut) -> None:
    st.session_state[_key()] = how


def _key() -> str:
    return f"what_if_cut_{state.run_id()}"
