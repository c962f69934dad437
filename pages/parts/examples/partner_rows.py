"""The made partners of each text, a row each: what is exchanged, what that does, and how to edit or refuse it."""

from collections.abc import Mapping
from html import escape
from typing import Any
from zlib import crc32

import streamlit as st

from core.examples.example_set import Example, ExampleSet
from core.examples.made_texts import owner_of, partners_of, refusing, with_text, without_made
from core.inspection.answers import PartnersAnswer
from core.report.sentences import partners as sentences
from core.schema import MadePartner, PartnersRecord
from core.text import percent
from pages.parts import shell
from pages.parts.examples import exchanges
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import worker_answer

ASKED = "partners_asked"
"""Key of the texts for which partners are being made."""
EDITED = "partner_edited"
"""Key of an edit that is being checked: the made text, and what it is to become."""
MOST_WORDS = 2
"""Trigger words in sight; the others are folded."""
FIRST = 8
"""Texts whose partners are shown at first."""


def show(texts: PreviewedTexts, payload: Mapping[str, Any]) -> None:
    """The trigger words, then the rows: the first partner of each text, the others where asked for."""
    examples = state.draft().examples
    not_taken = _check_edit(payload)
    answer: PartnersAnswer | None = worker_answer.ask("partners", _reading(payload), "partner_effects")
    record = PartnersRecord.model_validate(answer["record"]) if answer else PartnersRecord()
    _told_of_words(record)
    read = {one.example - 1: one for one in record.made}
    owners = [e for e in examples.given if partners_of(examples, e)]
    further = len(examples.made) - len(owners)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        every = bool(further or len(owners) > FIRST) and st.toggle(
            tn("partners.every", len(examples.made)), key="every_partner", persist_state="session"
        )
        st.button(t("partners.remove"), key="remove_partners", type="tertiary", on_click=_remove)
    for owner in owners if every else owners[:FIRST]:
        for made in partners_of(examples, owner)[: None if every else 1]:
            number = examples.examples.index(made)
            _row(texts, examples.examples.index(owner), number, read.get(number), made, not_taken)


def take(examples: ExampleSet) -> None:
    """Other made partners beside the same texts."""
    draft = state.draft()
    draft.examples = draft.examples.with_examples(examples.examples).model_copy(
        update={"refused": examples.refused}
    )
    if draft.scenario and draft.examples.made:
        draft.scenario = ""
    for key in [key for key in st.session_state if str(key).startswith("edit_")]:
        del st.session_state[key]


def _told_of_words(record: PartnersRecord) -> None:
    """The trigger words in sentences."""
    lines = [f"- {shell.plain(line)}" for line in sentences.sentences(record, language())[1:]]
    st.markdown("\n".join(lines[:MOST_WORDS]))
    if lines[MOST_WORDS:]:
        with st.expander(t("partners.more_words"), key="more_words"):
            st.markdown("\n".join(lines[MOST_WORDS:]))


def _reading(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"config": payload, "direction": "anomalous", "make": False}


def _row(
    texts: PreviewedTexts,
    of: int,
    number: int,
    read: MadePartner | None,
    made: Example,
    not_taken: tuple[str, str],
) -> None:
    owner, key = state.draft().examples.examples[of], f"{number}_{crc32(made.text.encode())}"
    left, middle, right = st.columns([11, 6, 3], vertical_alignment="center", gap="small")
    line = f'<small class="line">{owner.line or of + 1}</small>'
    left.html(f'<div class="partner">{line}{exchanges.marked(owner.text, made.text, t)}</div>')
    told = exchanges.effect(texts.examples[of], texts.examples[number], texts.whole_answers, t, language())
    if read is not None and read.closes is not None:
        told += f"<div class='closes'>{escape(t('partners.closes', share=percent(read.closes)))}</div>"
    middle.html(f'<div class="partner-effect">{told}</div>')
    with right.container(horizontal=True, horizontal_alignment="right", key=f"partner_{key}"):
        with st.popover(t("partners.edit"), type="tertiary", key=f"change_partner_{key}"):
            st.text_area(t("partners.text"), value=made.text, key=f"partner_text_{key}", height=140)
            st.button(t("partners.check"), key=f"check_partner_{key}", on_click=_edit, args=(made.text, key))
            if not_taken[0] == made.text:
                st.warning(not_taken[1], icon=":material/straighten:")
        st.button(
            t("partners.refuse"),
            key=f"refuse_partner_{key}",
            type="tertiary",
            on_click=_refuse,
            args=(made.text,),
        )


def _edit(text: str, key: str) -> None:
    st.session_state[EDITED] = (text, st.session_state[f"partner_text_{key}"])


def _check_edit(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Have the worker read an edited partner, and take it where it keeps the number of tokens.

    Returns the text whose edit was not taken, and why; both are empty otherwise.
    """
    text, edited = st.session_state.get(EDITED) or ("", "")
    draft = state.draft()
    edited = edited if draft.keep_ends else edited.strip()
    examples = draft.examples
    before = next((e for e in examples.made if e.text == text), None)
    if before is None or edited == text:
        st.session_state.pop(EDITED, None)
        return "", ""
    if not edited.strip() or edited in {e.text for e in examples.examples} | set(examples.refused):
        return text, t("partners.not_own")
    changed = with_text(examples, text, before.model_copy(update={"text": edited})).in_form(examples.form)
    question = _reading({**payload, "examples": changed.model_dump(mode="json")})
    answer: PartnersAnswer | None = worker_answer.ask("partners", question, "partner_check")
    if answer is None:
        return "", ""
    owner = owner_of(changed, before)
    place, of = examples.examples.index(before), changed.examples.index(owner) if owner else 0
    count, needed = answer["tokens"][place], answer["tokens"][of]
    if count != needed:
        return text, t("partners.other_tokens", count=count, needed=needed)
    if place + 1 not in {one["example"] for one in answer["record"]["made"]}:
        return text, t("partners.same_tokens")
    del st.session_state[EDITED]
    take(changed)
    st.rerun()
    return "", ""


def _refuse(text: str) -> None:
    st.session_state.pop(EDITED, None)
    before = state.draft().examples
    take(refusing(before, text))
    examples = state.draft().examples
    if len({e.pair for e in examples.made}) < len({e.pair for e in before.made}):
        st.session_state[ASKED] = examples  # its last one: the next best is looked for


def _remove() -> None:
    take(without_made(state.draft().examples))
