"""What every page shares: title, language switch, stepper, the button to the next step, errors."""

import re
from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit import Page as StreamlitPage

from core.errors import HeadlightError
from core.examples.example_set import LABELS, MINIMUM_PER_SIDE
from core.runs.review import read_review
from pages.parts.charts import colours, drawings
from pages.parts.data import results
from pages.parts.i18n import catalogue as texts
from pages.parts.i18n import glossary as terms
from pages.parts.session import state
from pages.parts.session import url_state as view_address
from pages.parts.session.state import t, tn

STEPS = ("model", "examples", "analysis", "circuit", "evidence", "report")
_FOLDER = Path(__file__).parents[2]
_DIRECTIVE = re.compile(r":[\w+/\\-]+:?")
_LINKED = re.compile(r"(?<=http)(?=://)|(?<=https)(?=://)|(?<=www)(?=\.)|(?<=[-.\w+]@)(?=[-\w])", re.I)
_JOINER = "\u2060"
_LIST_MARK = re.compile(r"^(\s*\d*)([-+.)])(?=\s)", re.MULTILINE)
PAGES = ("start", *STEPS, "sensitivity", "runs", "guide", "benchmark")
FORMER_ADDRESSES = {"robustness": "sensitivity"}
"""Addresses of earlier versions that stand in people's links, and the pages that they lead to."""
_ICONS = {
    "done": ":material/check_circle:",
    "here": ":material/radio_button_checked:",
    "open": ":material/radio_button_unchecked:",
    "closed": ":material/lock:",
    "failed": ":material/error:",
    "active": ":material/pending:",
}


def navigation() -> tuple[str, StreamlitPage]:
    """Name of the page that was asked for, and the page."""
    pages = {
        name: st.Page(_FOLDER / f"{name}.py", title=t(f"{name}.name"), default=name == "start")
        for name in PAGES
    }
    former = [
        st.Page(partial(go_on, name), title=t(f"{name}.name"), url_path=path)
        for path, name in FORMER_ADDRESSES.items()
    ]
    page = st.navigation([*pages.values(), *former], position="hidden")
    return next(name for name, candidate in pages.items() if candidate.title == page.title), page


def go_on(page: str) -> None:
    """Lead a link of an earlier version to where the page is now, with all that it says."""
    st.switch_page(f"pages/{page}.py", query_params=st.query_params.to_dict())


def style() -> None:
    """The little styling that the theme does not offer."""
    st.html(Path(__file__).parent / "style.css")
    st.html(f"<style>:root {{ --ground: {colours.palette().background}; }}</style>")


def header(page: str, sentence: str = "") -> None:
    """Title, language switch, and one sentence on what the page shows."""
    if "begun" not in st.session_state:
        _enter_by_app()
    state.keep_language()
    left, right = st.columns([8, 2], vertical_alignment="center")
    left.title(t(f"{page}.title"), anchor=False)
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.segmented_control(
            t("frame.language"),
            list(texts.LANGUAGES),
            format_func=texts.LANGUAGES.__getitem__,
            key="language",
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    if sentence:
        st.html(f'<p class="lead">{terms.sentence(sentence)}</p>')


def sidebar(current: str) -> None:
    """The stepper, and below it the pages beside the way."""
    with st.sidebar:
        st.html(f'<div class="brand">{drawings.mark()}<span>Headlight</span></div>')
        _link("start", current, ":material/home:")
        st.html(f'<div class="steps-title">{t("frame.steps")}</div>')
        told = False
        for step in STEPS:
            kind, result, reason = step_state(step)
            icon = _ICONS["here" if step == current and kind in ("open", "done") else kind]
            label = t(f"{step}.name") + (f" :gray[{plain(result)}]" if result else "")
            st.page_link(
                f"pages/{step}.py",
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
            _copy_link(current)


def step_state(step: str) -> tuple[str, str, str]:
    """Kind (done, open, closed, active, failed), result in two words, reason if closed."""
    job = state.job()
    status = job.state.status if job else ""
    done = status == "done"
    if step == "model":
        ready = state.model_ready() or bool(job)
        return ("done" if ready else "open"), model_name(), ""
    if step == "examples":
        return _examples_state()
    if step == "analysis":
        return _analysis_state(status)
    if not done:
        return "closed", "", t("frame.analysis_at_work" if job and job.active else "frame.needs_analysis")
    return _result_state(step)


def model_name() -> str:
    """Short name of the draft's model: its folder's, or the last part of its id."""
    return Path(state.draft().source).name


def next_button(page: str, *, key: str, disabled: bool = False, reason: str = "") -> None:
    """The one primary button of a page, bottom right; it names the next step."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        said = escape(reason) if disabled else ""  # the element stays, so that the button keeps its place
        st.html(f'<p class="missing">{said}</p>', width="content")
        clicked = st.button(
            t(f"{page}.next"),
            key=key,
            type="primary",
            icon=":material/arrow_forward:",
            icon_position="right",
            disabled=disabled,
            help=reason if disabled else None,
        )
    if clicked:
        go({"model": "examples", "examples": "analysis", "analysis": "circuit"}.get(page, _after(page)))


def go(page: str) -> None:
    """Switch to another page and keep what the address says."""
    st.switch_page(f"pages/{page}.py", query_params=address(page))


def address(page: str = "") -> dict[str, str]:
    """What the address of a page tells: language, open run, and on the circuit page what is shown of it."""
    parts = {"lang": state.language()}
    if state.run_id():
        parts["run"] = state.run_id()
    if page == "circuit":
        parts |= view_address.encode(view_address.gather(st.session_state, state.run_id()))
    return parts


def keep_address(page: str) -> None:
    """Bring the browser's address into step with what is shown."""
    parts = address(page)
    for name in ("run", *view_address.NAMES):
        if name not in parts:
            st.query_params.pop(name, None)
    for name, value in parts.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def show_error(key: str, values: Mapping[str, Any]) -> None:
    """An error in the reader's language: what was expected, what came, what to do."""
    st.error(plain(texts.error(state.language(), key, values)), icon=":material/error:")


def show(error: HeadlightError) -> None:
    """An error that was raised here."""
    show_error(error.key, error.values)


def needs_run() -> bool:
    """Whether a finished run is open; if not, says so with the way there."""
    job = state.job()
    if job and job.state.status == "done":
        return True
    at_work = job is not None and job.active
    st.info(t("frame.analysis_at_work" if at_work else "frame.needs_analysis"), icon=":material/info:")
    if st.button(t("frame.to_analysis" if job else "frame.to_start"), key="to_way", type="primary"):
        go("analysis" if job else "start")
    return False


def _enter_by_app() -> None:
    """Let app.py draw this page.

    Until a first session has called `st.navigation`, Streamlit runs a file of pages/ by itself when its
    address is opened directly.
    """
    navigation()
    st.rerun()


def _after(page: str) -> str:
    return STEPS[STEPS.index(page) + 1]


def _link(page: str, current: str, icon: str) -> None:
    label = t(f"{page}.name")
    st.page_link(
        f"pages/{page}.py", label=f"**{label}**" if page == current else label, icon=icon, width="stretch"
    )


def _copy_link(current: str) -> None:
    """The address of this page and run, to be copied."""
    with st.popover(t("frame.copy"), icon=":material/link:", type="tertiary", key="copy_link"):
        st.code(link(current, current, address(current)), language=None, wrap_lines=True)


def link(current: str, page: str, parameters: Mapping[str, str]) -> str:
    """The address of a page with these parameters, as seen from the current one."""
    base = str(st.context.url or "").split("?")[0].rstrip("/").removesuffix(f"/{current}")
    return f"{base}/{'' if page == PAGES[0] else page}?{urlencode(parameters)}"


def _examples_state() -> tuple[str, str, str]:
    draft = state.draft()
    if not draft.source:
        return "closed", "", t("frame.needs_model")
    counts = _counts()
    result = f"{counts[0]} + {counts[1]}" if draft.examples.examples else ""
    return ("done" if state.examples_ready() else "open"), result, ""


def _counts() -> list[int]:
    return [state.draft().examples.count(label) for label in LABELS]


def _result_state(step: str) -> tuple[str, str, str]:
    """What the open run's result says of circuit, evidence and report."""
    try:
        if step == "report":
            signed = read_review(state.folder()).sign_off
            return ("done", t("frame.signed"), "") if signed else ("open", "", "")
        result = results.load(state.folder())
    except HeadlightError:
        return "open", "", ""
    count = len(result.selected)
    if step == "circuit":
        return "done", tn("frame.heads", count), ""
    if not result.checked:
        return "open", "", ""
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    return "done", t("frame.confirmed", count=confirmed, total=count), ""


def _analysis_state(status: str) -> tuple[str, str, str]:
    job = state.job()
    if job and status == "done":
        return "done", texts.duration(state.language(), job.seconds), ""
    if job and job.active:
        return "active", t(f"status.{status}"), ""
    if job and status in ("failed", "cancelled", "interrupted"):
        return "failed", t(f"status.{status}"), ""
    if not state.draft().source or not state.examples_ready():
        too_few = any(count < MINIMUM_PER_SIDE for count in _counts())
        return "closed", "", t("frame.needs_examples" if too_few else "examples.next_closed")
    return "open", "", ""


def plain(text: str) -> str:
    """Text that Markdown shows as it stands: no emphasis, link, list, colour (`:red[…]`) or icon (`:home:`).

    Addresses of pages and mail are linked even where they are escaped; a word joiner within, which nobody sees,
    keeps them text.
    """
    text = _LINKED.sub(_JOINER, text)
    for mark in "\\`*_[]$#~<>|&":
        text = text.replace(mark, f"\\{mark}")
    text = _DIRECTIVE.sub(lambda found: found.group().replace(":", "\\:"), text)
    return _LIST_MARK.sub(r"\1\\\2", text)
