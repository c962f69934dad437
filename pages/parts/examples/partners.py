"""The panel of partners: which texts have one, made ones with what they exchange, and what becomes of each.

Made partners are in the draft as soon as they are there: whoever does nothing has accepted them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.examples.example_set import ExampleSet
from core.examples.made_texts import without_made
from core.inspection.answers import PartnersAnswer
from core.schema import Note, PartnersRecord
from core.text import text as note_text
from pages.parts import shell
from pages.parts.examples import partner_rows, setting_off
from pages.parts.examples.inputs.texts import DROPPED
from pages.parts.examples.partner_rows import ASKED
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import worker_answer

TOLD = "partners_told"
"""Key of what the search said, with the texts that it was asked about."""
KINDS = ("given", "matched", "made", "other_length", "none")


def show(texts: PreviewedTexts, payload: Mapping[str, Any]) -> None:
    """The panel, below the checks of the texts; `payload` are the settings of the run as the worker takes them."""
    draft = state.draft()
    counts = kinds(texts)
    lacking = counts["none"] + counts["other_length"]
    if not lacking and not draft.examples.made and not draft.examples.refused:
        return
    with st.container(border=True, key="partners"):
        st.markdown(f"**{t('partners.title')}**")
        st.html(_pills(counts))
        st.caption(t("partners.why"))
        if dropped := st.session_state.get(DROPPED):
            st.markdown(f":material/info: {tn('partners.dropped', dropped)}")
        if lacking and not draft.autoencoder.shared:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    t("partners.make"), key="make_partners", icon=":material/join_inner:", on_click=_ask
                )
                st.caption(t(f"partners.run_{draft.partners}"), width="stretch")
        elif lacking:
            st.caption(t("partners.published"))
        _made(payload)
        _told()
        if draft.examples.made:
            partner_rows.show(texts, payload)
        _refused()
        setting_off.show(payload)


def kinds(texts: PreviewedTexts) -> Counter[str]:
    """How many anomalous texts have a partner of each kind; one of another length than its text is no full one."""
    alignment, rows = texts.alignment, texts.examples
    sources = alignment.sources or ["matched" if alignment.pairs_source == "automatic" else "given"] * len(
        alignment.pairs
    )
    of = {}
    for (anomalous, normal), source in zip(alignment.pairs, sources, strict=True):
        alike = len(rows[anomalous]["pieces"]) == len(rows[normal]["pieces"])
        of[anomalous] = source if alike else "other_length"
    return Counter(
        of.get(number, "none") for number, row in enumerate(texts.given) if row["label"] == "anomalous"
    )


def _pills(counts: Counter[str]) -> str:
    shown = "".join(
        f'<span class="pill">{t(f"partners.kind_{kind}")} <b>{counts[kind]}</b></span>'
        for kind in KINDS
        if counts[kind]
    )
    return f'<div class="pills" role="status">{shown}</div>'


def _ask() -> None:
    st.session_state[ASKED] = state.draft().examples
    for key in (DROPPED, TOLD):
        st.session_state.pop(key, None)


def _made(payload: Mapping[str, Any]) -> None:
    """Wait for the search, and take what it has made into the draft."""
    asked = st.session_state.get(ASKED)
    if asked is None:
        return
    if asked != state.draft().examples:  # the texts have changed since
        del st.session_state[ASKED]
        return
    question = {"config": payload, "direction": "anomalous", "make": True}
    answer: PartnersAnswer | None = worker_answer.ask("partners", question, "partners")
    if answer is None:
        return
    del st.session_state[ASKED]
    record = PartnersRecord.model_validate(answer["record"])
    if record.examples:
        partner_rows.take(ExampleSet.model_validate(record.examples))
    state_note = [] if record.state in ("computed", "") else [Note(key=f"partners_{record.state}")]
    st.session_state[TOLD] = ([*state_note, *record.without], without_made(state.draft().examples))
    st.rerun()


def _told() -> None:
    """For which texts nothing was found, and why, as long as the texts are those that were asked about."""
    notes, asked = st.session_state.get(TOLD) or ([], None)
    if asked is None or asked.examples != without_made(state.draft().examples).examples:
        return
    for note in notes:
        sentence = note_text(language(), f"note.{note.key}", **note.values)
        st.markdown(f":material/info: {shell.plain(sentence)}")


def _refused() -> None:
    refused = state.draft().examples.refused
    if not refused:
        return
    with st.popover(tn("partners.refused", len(refused)), type="tertiary", key="refused_partners"):
        for place, text in enumerate(refused):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(shell.plain(text))
                st.button(
                    t("partners.allow"), key=f"allow_{place}", type="tertiary", on_click=_allow, args=(text,)
                )


def _allow(text: str) -> None:
    examples = state.draft().examples
    left = tuple(other for other in examples.refused if other != text)
    state.draft().examples = examples.model_copy(update={"refused": left})
