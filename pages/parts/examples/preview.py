"""The section below the inputs: what the model makes of the examples, and what is wrong with them."""

import streamlit as st

from core.errors import HeadlightError
from core.report.sentences import notes
from core.text import text
from pages.parts import i18n, shell
from pages.parts.examples import fitness, token_view
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import worker_answer

FIRST_ROWS = 20  # Rows of the token table, unless all are asked for


def show() -> bool:
    """Token view, pairs, and what the model says next; False where the model refuses the texts."""
    st.subheader(t("examples.preview"), anchor=False)
    try:
        config = state.draft().config()
    except HeadlightError as error:
        shell.show(error)
        return False
    payload = config.model_dump(mode="json")
    answer = worker_answer.ask("preview", payload, "examples")
    if answer is None:
        return state.backend().ask("preview", payload).pending
    texts = PreviewedTexts.read(answer)
    _comparison(texts)
    difference = fitness.difference(texts)
    _warnings(texts, difference)
    _table(texts)
    differs = difference >= fitness.LEAST_DIFFERENCE
    st.session_state["behaviour"] = (state.draft().source, state.draft().examples, differs)
    return True


def _comparison(texts: PreviewedTexts) -> None:
    """How the texts are compared, and the button that pairs them or takes the pairs apart."""
    alignment, off = texts.alignment, state.draft().pairing == "off"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        sentences = (notes.alignment(alignment, language()), notes.pairs(alignment, language()))
        st.markdown(" ".join(sentences), width="stretch")
        if (off or alignment.pairs_source == "automatic") and st.button(
            t("examples.pair" if off else "examples.unpair"),
            key="toggle_pairs",
            icon=":material/link:" if off else ":material/link_off:",
        ):
            state.draft().pairing = "auto" if off else "off"
            state.refill("pairing")
            st.rerun()


def _warnings(texts: PreviewedTexts, difference: float) -> None:
    """Texts whose next word does not fit, texts left out, sides that differ in variety or not in behaviour."""
    for note in texts.notes:
        _warn(text(language(), f"note.{note.key}", **note.values))
    judged = [one["behaves"] for one in texts.examples if one["behaves"] is not None]
    if not all(judged):
        _warn(tn("examples.unfit", judged.count(False), total=len(judged)))
    if texts.alignment.left_out:
        _warn(tn("examples.left_out", len(texts.alignment.left_out)), "info")
    if fitness.less_varied(texts.examples):
        anomalous, normal = fitness.variety(texts.examples)
        _warn(t("examples.less_varied", anomalous=anomalous, normal=normal))
    if difference < fitness.LEAST_DIFFERENCE:
        _warn(t("examples.same_behaviour", share=i18n.number(100 * difference)))


def _warn(sentence: str, icon: str = "warning") -> None:
    st.warning(sentence, icon=f":material/{icon}:")


def _table(texts: PreviewedTexts) -> None:
    """The token table with its legend, the first rows of many unless all are asked for."""
    total = len(texts.examples)
    everything = total <= FIRST_ROWS or st.toggle(
        t("examples.all_rows", shown=FIRST_ROWS, total=total), key="all_rows", persist_state="session"
    )
    st.html(token_view.table(texts, t, None if everything else FIRST_ROWS))
    st.html(token_view.legend(texts, t))
