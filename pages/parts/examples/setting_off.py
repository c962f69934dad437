"""What would set the fault off: the fewest words exchanged in the normal texts that make it come, behind a fold."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from core.examples.made_texts import without_made
from core.inspection.answers import PartnersAnswer
from core.report.sentences import partners as sentences
from core.schema import PartnersRecord
from core.text import percent
from pages.parts import shell
from pages.parts.examples import exchanges
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import worker_answer

ASKED = "setting_off_asked"
"""Key of the given texts for which it was asked."""


def show(payload: Mapping[str, Any]) -> None:
    """The fold, its button, and what the worker has found."""
    given = without_made(state.draft().examples)
    with st.expander(t("setting_off.title"), key="setting_off"):
        if st.session_state.get(ASKED) != given:
            st.button(t("setting_off.look"), key="look_setting_off", on_click=_ask)
            return
        settings = {**payload, "examples": given.model_dump(mode="json")}
        question = {"config": settings, "direction": "normal", "make": True}
        answer: PartnersAnswer | None = worker_answer.ask("partners", question, "setting_off")
        if answer is not None:
            _tell(PartnersRecord.model_validate(answer["record"]))


def _ask() -> None:
    st.session_state[ASKED] = without_made(state.draft().examples)


def _tell(record: PartnersRecord) -> None:
    if record.state == "no_difference":
        st.caption(t("setting_off.no_difference"))
    lines = sentences.setting_off(record, language())
    for note in record.without:
        lines.append(
            tn(f"setting_off.{note.key}", int(note.values["count"] or 0), lines=note.values["lines"])
        )
    st.markdown("\n".join(f"- {shell.plain(line)}" for line in lines))
    if record.made:
        st.html(_table(record))


def _table(record: PartnersRecord) -> str:
    """The best exchange of each normal text, with the share of the way to the anomalous ones that it goes."""
    texts = [example["text"] for example in record.examples["examples"]]
    firsts = {one.text: one for one in reversed(record.made)}
    rows = "".join(
        f"<tr><td>{exchanges.marked(texts[of - 1], texts[one.example - 1], t)}</td>"
        f"<td>{escape(percent(one.closes))}</td></tr>"
        for of, one in sorted(firsts.items())
    )
    heads = f"<th>{escape(t('column.text'))}</th><th>{escape(t('setting_off.share'))}</th>"
    label = escape(t("setting_off.title"))
    return (
        f'<div class="suggested" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
