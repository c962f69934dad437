"""The sidebar: each step with its state and its result in two words, and below it the pages beside the way."""

from html import escape
from pathlib import Path

import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import LABELS, MINIMUM_PER_SIDE
from core.runs.review import read_review
from core.text import text
from pages.parts import i18n
from pages.parts.charts import drawings
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import t, tn
from pages.parts.shell.markdown import plain
from pages.parts.shell.navigation import STEPS, page_link

_ICONS = {
    "done": ":material/check_circle:",
    "here": ":material/radio_button_checked:",
    "open": ":material/radio_button_unchecked:",
    "closed": ":material/lock:",
    "failed": ":material/error:",
    "active": ":material/pending:",
}


def sidebar(current: str) -> None:
    """The stepper, and below it the pages beside the way."""
    with st.sidebar:
        st.html(f'<div class="brand">{drawings.mark()}<span>Headlight</span></div>')
        _link("start", current, ":material/home:")
        st.html(f'<div class="steps-title">{t("shell.steps")}</div>')
        told = False
        for step in STEPS:
            kind, result, reason = step_state(step)
            icon = _ICONS["here" if step == current and kind in ("open", "done") else kind]
            label = t(f"{step}.name") + (f" :gray[{plain(result)}]" if result else "")
            page_link(
                step,
                label=f"**{label}**" if step == current else label,
                icon=icon,
                disabled=kind == "closed",
                help=reason or None,
                width="stretch",
            )
            if kind == "closed" and not told:
                st.html(f'<p class="why">{escape(reason)}</p>')
                told = True
        st.html('<hr class="thin">')
        _link("sensitivity", current, ":material/tune:")
        _link("runs", current, ":material/history:")
        _link("guide", current, ":material/menu_book:")
        _link("benchmark", current, ":material/leaderboard:")
        if state.run_id():
            st.html(copy_button())


def copy_button() -> str:
    """The button that copies the address; what it does and says then stands in `browser.html`."""
    said = {"label": t("shell.copy"), "copied": t("shell.copied"), "failed": t("shell.not_copied")}
    attributes = " ".join(f'data-{name}="{escape(text)}"' for name, text in said.items())
    return (
        f'<button type="button" class="copy-link" {attributes}>{drawings.chain()}'
        f'<span aria-live="polite">{escape(said["label"])}</span></button>'
    )


def step_state(step: str) -> tuple[str, str, str]:
    """Kind (done, open, closed, active, failed), result in two words, reason if closed."""
    job = state.job()
    status = job.state.status if job else ""
    if step == "model":
        ready = state.model_ready() or bool(job)
        return ("done" if ready else "open"), Path(state.draft().source).name, ""
    if step == "examples":
        return _examples_state()
    if step == "analysis":
        return _analysis_state(status)
    if status != "done":
        return "closed", "", t("shell.analysis_at_work" if job and job.active else "shell.needs_analysis")
    return _result_state(step)


def _link(page: str, current: str, icon: str) -> None:
    label = t(f"{page}.name")
    page_link(page, label=f"**{label}**" if page == current else label, icon=icon, width="stretch")


def _examples_state() -> tuple[str, str, str]:
    draft = state.draft()
    if not draft.source:
        return "closed", "", t("shell.needs_model")
    if not state.job() and state.model_refused():
        return "closed", "", t("shell.refused_model")
    result = " + ".join(map(str, _counts())) if draft.examples.examples else ""
    return ("done" if state.examples_ready() else "open"), result, ""


def _counts() -> list[int]:
    return [state.draft().examples.count(label) for label in LABELS]


def _analysis_state(status: str) -> tuple[str, str, str]:
    job = state.job()
    if job and status == "done":
        return "done", i18n.duration(state.language(), results.seconds(state.folder(), job.seconds)), ""
    if job and job.active:
        return "active", t(f"status.{status}"), ""
    if job and status in ("failed", "cancelled", "interrupted"):
        return "failed", t(f"status.{status}"), ""
    if state.model_refused():
        return "closed", "", t("shell.refused_model")
    if not state.draft().source or not state.examples_ready():
        too_few = any(count < MINIMUM_PER_SIDE for count in _counts())
        return "closed", "", t("shell.needs_examples" if too_few else "examples.next_closed")
    return "open", "", ""


def _result_state(step: str) -> tuple[str, str, str]:
    """What the open run's result says of verdict, circuit, evidence and report."""
    try:
        if step == "report":
            signed = read_review(state.folder()).sign_off
            return ("done", t("shell.signed"), "") if signed else ("open", "", "")
        result = results.load(state.folder())
    except HeadlightError:
        return "open", "", ""
    count = len(result.selected)
    if step == "result":
        return "done", _trust(result), ""
    if step == "circuit":
        return "done", tn("shell.heads", count), ""
    if not result.checked:
        return "open", "", ""
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    return "done", t("shell.confirmed", count=confirmed, total=count), ""


def _trust(result: Result) -> str:
    """The trust in the run in a word; empty for a run made before it was measured."""
    judged = result.manifest.stability and result.manifest.stability.confidence
    return text(state.language(), f"verdict.trust_{judged.level}") if judged else ""
