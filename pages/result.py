"""Result: the verdict in one sentence, what helps and at what price, how sure that is, the picture, one text."""

import streamlit as st

from core.report.sentences import verdict, when
from core.report.sentences.mlps import mlp_sentence
from core.text import joined, text
from pages.parts import shell
from pages.parts.evidence import trigger_words
from pages.parts.examples import after_run
from pages.parts.result import pair, picture, tiles, waiting
from pages.parts.result.telling import Telling, load
from pages.parts.session.state import language, t

FURTHER = (("evidence", ":material/fact_check:"), ("report", ":material/description:"))


def page() -> None:
    """The whole page."""
    telling = shell.opened("result", load)
    if telling is None:
        return
    told = verdict.headline(telling.facts, telling.result.examples, language())
    words = telling.cue.words if telling.cue else ()
    strong = [text(language(), "partners.word", word=word) for word in words]
    shell.header("result", lead(telling), title=told, strong=strong)
    after_run.show(telling.result)
    st.html(tiles.html(tiles.of(telling.facts, telling.waits)))
    picture.show(telling)
    if row := pair.html(telling):
        st.html(row)
    else:
        waiting.show(telling)  # where the text will stand, so that nothing moves when it comes
    if sentence := mlp_sentence(telling.facts.manifest, language()):
        st.caption(sentence)
    if telling.facts.made:
        trigger_words.in_one_line()
    onward()


def lead(telling: Telling) -> str:
    """When it happens, what helps and at what price; what to do where the trust is low."""
    facts, tongue = telling.facts, language()
    helps = t("result.measured_now") if telling.waits else verdict.advises(facts, tongue)
    lines = [when.when(facts, telling.mechanisms, tongue), helps]
    judged = verdict.trust(facts, tongue)
    if judged.level in ("low", "none"):
        lines.append(judged.advice)
    return joined(tongue, *(line for line in lines if line))


def onward() -> None:
    """The next step, and beside it the two that a reader may want at once."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        for page, icon in FURTHER:
            if st.button(t(f"result.to_{page}"), key=f"to_{page}", icon=icon):
                shell.go(page)
        shell.next_button("result", key="next_result")


page()
