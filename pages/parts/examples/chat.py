"""How the model reads each text: as it stands or in a frame, or as a conversation through its chat template."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.examples.example_set import PLACE, ExampleSet
from pages.parts.session import state
from pages.parts.session.state import t
from pages.parts.shell.markdown import plain

FORMS = ("plain", "chat")
UNSET = ""
"""A variable of the template to which nothing is given."""
BEGINNING = 60  # Characters of a system message or a frame by which a folded panel tells it


def show() -> None:
    """The choice between plain text and conversation, and what stands around every text."""
    follow_model()
    examples = state.draft().examples
    st.session_state["form_choice"] = examples.form
    names = state.named(FORMS, "chat.form_{}")
    choice, around = st.columns([3, 7], gap="small")
    choice.segmented_control(
        t("chat.form"),
        FORMS,
        format_func=names.__getitem__,
        key="form_choice",
        required=True,
        on_change=_choose,
        label_visibility="collapsed",
    )
    with around.expander(_summary(examples), key="around"):
        st.caption(t(f"chat.{_reason(examples)}"))
        _conversation() if examples.form == "chat" else _frame()
    if unreadable():
        st.warning(t("chat.no_template_for_chat"), icon=":material/warning:")


def follow_model() -> None:
    """Take the form of the model's own template, unless somebody chose one or the texts are conversations."""
    draft = state.draft()
    facts = facts_of_model()
    if draft.form_chosen or facts is None or any(e.messages for e in draft.examples.examples):
        return
    form = "chat" if facts["has_template"] else "plain"
    if draft.examples.form != form:
        draft.examples = draft.examples.in_form(form)  # type: ignore[arg-type]


def facts_of_model() -> Mapping[str, Any] | None:
    """What the model's chat template offers; None while the model has not been looked at."""
    card = state.backend().ask("inspect", state.model_question()).value
    return card.get("chat") if card else None


def unreadable() -> bool:
    """Whether the texts are conversations, for a model without chat template."""
    return state.draft().examples.form == "chat" and _has_template() is False


def _has_template() -> bool | None:
    facts = facts_of_model()
    return None if facts is None else bool(facts["has_template"])


def _reason(examples: ExampleSet) -> str:
    """Key of the sentence on why texts are read in this form."""
    if examples.form == "chat":
        return "is_chat"
    if examples.frame.strip():
        return "is_framed"
    return "plain_though_template" if _has_template() else "is_plain"


def _choose() -> None:
    form = st.session_state["form_choice"] or state.draft().examples.form
    draft = state.draft()
    draft.form_chosen = True
    draft.examples = draft.examples.in_form(form)


def _summary(examples: ExampleSet) -> str:
    """What stands around every text, in the panel's title."""
    if examples.form == "plain":
        frame = f"“{plain(_short(examples.frame))}”" if examples.frame.strip() else t("chat.nothing")
        return t("chat.frame_summary", frame=frame)
    system, beginning = (
        f"“{plain(_short(text))}”" if text.strip() else t("chat.nothing")
        for text in (examples.system, examples.beginning)
    )
    return t("chat.chat_summary", system=system, beginning=beginning)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= BEGINNING else f"{words[: BEGINNING - 1]}…"


def _frame() -> None:
    st.text_area(
        t("chat.frame", place=PLACE),
        height=80,
        placeholder=t("chat.frame_placeholder", place=PLACE),
        help=t("chat.frame_help", place=PLACE),
        **state.bound("frame", "examples"),
    )


def _conversation() -> None:
    facts = facts_of_model()
    st.text_area(
        t("chat.system"),
        height=90,
        placeholder=t("chat.system_placeholder"),
        **state.bound("system", "examples"),
    )
    if facts and facts["has_template"] and not facts["system"] and state.draft().examples.system.strip():
        st.warning(t("chat.no_system"), icon=":material/warning:")
    st.text_input(
        t("chat.beginning"),
        placeholder=t("chat.beginning_placeholder"),
        help=t("chat.beginning_help"),
        **state.bound("beginning", "examples"),
    )
    for switch in facts["switches"] if facts else ():
        _switch(switch)
    st.caption(t("chat.turns"))


def _switch(switch: Mapping[str, Any]) -> None:
    """A variable of the template: as the template has it, or one of its values."""
    name, key = switch["name"], f"form_switch_{switch['name']}"
    known, unset = state.draft().examples.switches.get(name, UNSET), switch["default"]
    as_template = t("chat.as_template") if unset is None else t("chat.as_template_is", value=_named(unset))
    values: list[bool | str] = [True, False] if switch["kind"] == "bool" else list(switch["options"])
    if known != UNSET and known not in values:
        values.append(known)
    by_word = {_written(value): value for value in values}
    bound: dict[str, Any] = {"key": key, "on_change": _set, "args": (name, key, by_word)}
    st.session_state[key] = _written(known)
    if switch["kind"] == "text" and not switch["options"]:
        st.text_input(t("chat.switch", name=name), placeholder=as_template, **bound)
        return
    names = {UNSET: as_template, **{word: _named(value) for word, value in by_word.items()}}
    st.segmented_control(
        t("chat.switch", name=name), list(names), format_func=names.__getitem__, required=True, **bound
    )


def _written(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _named(value: bool | str) -> str:
    return t("chat.on" if value else "chat.off") if isinstance(value, bool) else value


def _set(name: str, key: str, by_word: Mapping[str, bool | str]) -> None:
    """Give the template's variable the chosen value, or none."""
    draft, word = state.draft(), st.session_state[key] or UNSET
    others = {other: value for other, value in draft.examples.switches.items() if other != name}
    switches = others if word == UNSET else {**others, name: by_word.get(word, word)}
    draft.examples = draft.examples.model_copy(update={"switches": switches})
