"""The section below the inputs: what the model makes of the examples, and what is wrong with them."""

from collections.abc import Mapping

import streamlit as st

from core.errors import HeadlightError
from core.examples.checks import Kind
from core.report.sentences import notes
from pages.parts import shell
from pages.parts.examples import accuracy, answer_tokens, answers, findings, fitness, partners, token_view
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import language, t
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
    accuracy.show(texts)
    flags = findings.show(texts)
    partners.show(texts, payload)
    answers.show(payload)
    _table(texts, flags)
    _prompt(texts)
    differs = fitness.difference(texts) >= fitness.LEAST_DIFFERENCE
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


def _table(texts: PreviewedTexts, flags: Mapping[int, Kind]) -> None:
    """The token table with its legend, the first rows of many unless all are asked for; flagged texts are marked."""
    total = len(texts.examples)
    everything = total <= FIRST_ROWS or st.toggle(
        t("examples.all_rows", shown=FIRST_ROWS, total=total), key="all_rows", persist_state="session"
    )
    st.html(token_view.table(texts, t, None if everything else FIRST_ROWS, flags))
    st.html(token_view.legend(texts, t))
    if answer_tokens.any_answers(texts.examples):
        with st.expander(t("answers.tokens"), key="answer_tokens"):
            st.caption(t("answers.tokens_text"))
            named = [example.text for example in state.draft().examples.examples]
            rows = list(zip(named, texts.examples, strict=True))
            st.html(answer_tokens.table(rows if everything else rows[:FIRST_ROWS], t))


def _prompt(texts: PreviewedTexts) -> None:
    """The whole prompt of the first text, where something stands around the texts."""
    examples = state.draft().examples
    if examples.form == "chat" or examples.frame.strip():
        with st.expander(t("answers.prompt"), key="whole_prompt"):
            st.code(texts.examples[0].get("prompt", ""), language=None, wrap_lines=True)
