"""What the model should answer and what it answers: how both are compared, and answers taken from the model itself."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from core.examples.answer_match import MATCHES
from core.examples.example_set import Example, ExampleSet, shortened
from core.examples.made_texts import without_made
from core.inspection.answers import Suggestion, Suggestions
from pages.parts.examples import inputs
from pages.parts.session import state
from pages.parts.session.state import t, tn
from pages.parts.shell import worker_answer

ASKED = "answers_asked"
"""Key of the texts for which the model was asked for answers."""
SNIPPET = 70  # Characters of a text or an answer in the list of what is to be filled in


def show(payload: Mapping[str, Any]) -> None:
    """The folded panel; its title tells how many texts have answers."""
    examples = without_made(state.draft().examples)
    with st.expander(_summary(examples), key="answers", icon=":material/question_answer:"):
        st.caption(t("answers.text"))
        with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
            names = state.named(MATCHES, "answers.match_{}")
            st.segmented_control(
                t("answers.match"),
                MATCHES,
                format_func=names.__getitem__,
                required=True,
                **state.bound("match"),
            )
            st.button(t("answers.fill"), key="fill_answers", icon=":material/auto_fix:", on_click=_ask)
        if st.session_state.get(ASKED) == examples:
            given = {**payload, "examples": examples.model_dump(mode="json")}
            suggestions: Suggestions | None = worker_answer.ask("suggest", given, "answers")
            if suggestions is not None:
                _offer(examples, suggestions)


def _summary(examples: ExampleSet) -> str:
    total = len(examples.examples)
    expected, actual = (
        sum(bool(getattr(example, side).strip()) for example in examples.examples)
        for side in ("expected", "actual")
    )
    if not expected and not actual:
        return t("answers.none")
    return t("answers.given", expected=expected, actual=actual, total=total)


def _ask() -> None:
    st.session_state[ASKED] = without_made(state.draft().examples)


def _offer(examples: ExampleSet, suggestions: Suggestions) -> None:
    """What would be filled in for each text, and the button that does it."""
    if suggestions["state"] == "alike":
        st.info(t("answers.alike"), icon=":material/info:")
        return
    chosen = ""
    if suggestions["state"] == "choose":
        counts = {offer["answer"]: offer["texts"] for offer in suggestions["offered"]}
        chosen = st.selectbox(
            t("answers.choose"),
            list(counts),
            format_func=lambda answer: t(
                "shell.bracketed", words=shortened(answer, SNIPPET), more=counts[answer]
            ),
            key="answers_chosen",
        )
    else:
        st.caption(t(f"answers.{suggestions['state']}"))
    filled = filled_in(examples, suggestions["examples"], chosen)
    changed = [
        (after, suggestion)
        for before, after, suggestion in zip(
            examples.examples, filled.examples, suggestions["examples"], strict=True
        )
        if before != after
    ]
    if suggestions["alike"]:
        st.caption(tn("answers.some_alike", suggestions["alike"]))
    if not changed:
        st.info(t("answers.nothing"), icon=":material/info:")
        return
    st.html(_list(changed))
    st.button(
        tn("answers.accept", len(changed)),
        key="accept_answers",
        icon=":material/check:",
        on_click=_accept,
        args=(filled,),
    )


def _list(changed: Sequence[tuple[Example, Suggestion]]) -> str:
    """What each text would get, as HTML: the text, what the model says, both answers."""
    rows = "".join(
        f'<tr class="{after.label}"><td><span class="side {after.label}"></span>{_cell(after.text)}</td>'
        f"<td>{_cell(suggestion['says'] + ('' if suggestion['ended'] else ' …'))}</td>"
        f"<td>{_cell(after.expected)}</td><td>{_cell(after.actual)}</td></tr>"
        for after, suggestion in changed
    )
    keys = ("column.text", "examples.says", "column.expected", "column.actual")
    heads = "".join(f"<th>{escape(t(key))}</th>" for key in keys)
    label = escape(t("answers.fill"))
    return (
        f'<div class="suggested" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def filled_in(examples: ExampleSet, suggestions: Sequence[Suggestion], chosen: str = "") -> ExampleSet:
    """The texts with the suggested answers where they have none; answers that are there stay.

    `chosen` is the expected answer of the anomalous texts where nothing else tells it.
    """
    filled = []
    for example, suggestion in zip(examples.examples, suggestions, strict=True):
        expected, actual = suggestion["expected"], suggestion["actual"]
        if chosen and actual and example.label == "anomalous":
            expected, actual = (chosen, actual) if actual != chosen else ("", "")
        filled.append(
            example.model_copy(
                update={"expected": example.expected or expected, "actual": example.actual or actual}
            )
        )
    return examples.with_examples(filled)


def _cell(text: str) -> str:
    return (
        f'<span dir="auto" title="{escape(text)}">{escape(shortened(" ".join(text.split()), SNIPPET))}</span>'
    )


def _accept(filled: ExampleSet) -> None:
    inputs.change(filled, "edit_")
    st.session_state.pop(ASKED, None)
