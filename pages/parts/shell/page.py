"""What every page begins and ends with: title, language switch, errors, the button to the next step."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from core.errors import HeadlightError
from core.runs.run_folder import RunFolder
from pages.parts import i18n
from pages.parts.charts import colours
from pages.parts.i18n import glossary
from pages.parts.session import state
from pages.parts.session.state import t
from pages.parts.shell.markdown import plain
from pages.parts.shell.navigation import STEPS, go, navigation

Content = TypeVar("Content")


BROWSER = (Path(__file__).parent / "browser.html").read_text(encoding="utf-8")
LANGUAGE_COOKIE = "headlight_language"
_CHOSEN = "language_chosen"


def browser() -> None:
    """What happens in the reader's browser: steps of its history, and the language that was chosen for next time."""
    script = BROWSER
    if st.session_state.get(_CHOSEN):
        rules = f"path=/; max-age={365 * 24 * 60 * 60}; SameSite=Lax"
        script += f"<script>document.cookie = '{LANGUAGE_COOKIE}={state.language()}; {rules}';</script>"
    st.html(script, unsafe_allow_javascript=True)


def _language_chosen() -> None:
    st.session_state[_CHOSEN] = True


def style() -> None:
    """The little styling that the theme does not offer, and the page on a phone and on paper."""
    dark = ["print_dark.css"] if colours.palette() is colours.DARK else []
    for sheet in ("style.css", "phone.css", "print.css", *dark):
        st.html(Path(__file__).parent / sheet)
    words = f"--word-upload: '{t('shell.upload')}'; --word-skip: '{t('shell.skip')}';"
    words += f" --word-faults: '{t('runs.column_faults')}';"
    st.html(f"<style>:root {{ --ground: {colours.palette().background}; {words} }}</style>")


def header(page: str, sentence: str = "", title: str = "", strong: Sequence[str] = ()) -> None:
    """Title, language switch, and one sentence on what the page shows.

    A page whose `title` is a finding has its own name in small above it. `strong` are parts of the sentence to stress.
    """
    if "begun" not in st.session_state:
        # until a first session has called `st.navigation`, Streamlit runs a file of pages/ by itself when its
        # address is opened directly; app.py is to draw it
        navigation()
        st.rerun()
    state.keep_language()
    left, right = st.columns([8, 2], vertical_alignment="center")
    if title:
        left.html(f'<p class="page-name">{escape(t(f"{page}.title"))}</p>')
    left.title(plain(title) or t(f"{page}.title"), anchor=False)
    with right.container(horizontal=True, horizontal_alignment="right", key="language_switch"):
        st.segmented_control(
            t("shell.language"),
            list(i18n.LANGUAGES),
            format_func=i18n.LANGUAGES.__getitem__,
            key="language",
            required=True,
            on_change=_language_chosen,
            label_visibility="collapsed",
            persist_state="session",
        )
    if sentence:
        told = glossary.sentence(sentence)
        for part in map(escape, strong):
            told = told.replace(part, f"<strong>{part}</strong>")
        st.html(f'<p class="lead">{told}</p>')


def next_button(page: str, *, key: str, disabled: bool = False, reason: str = "") -> None:
    """The one primary button of a page, bottom right; it names the next step."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        missing = escape(reason) if disabled else ""  # the element stays, so that the button keeps its place
        st.html(f'<p class="missing">{missing}</p>', width="content")
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
        go(STEPS[STEPS.index(page) + 1])


def show_error(key: str, values: Mapping[str, Any]) -> None:
    """An error in the reader's language: what was expected, what came, what to do."""
    st.error(plain(i18n.error(state.language(), key, values)), icon=":material/error:")


def show(error: HeadlightError) -> None:
    """An error that was raised here."""
    show_error(error.key, error.values)


def succeeds(action: Callable[[], object]) -> bool:
    """Whether an action ends without an error; the error is shown."""
    error = state.fails(action)
    if error:
        show(error)
    return not error


def needs_run() -> bool:
    """Whether a finished run is open; if not, says so with the way there."""
    job = state.job()
    if job and job.state.status == "done":
        return True
    needs("analysis" if job else "start", "analysis_at_work" if job and job.active else "needs_analysis")
    return False


def opened(page: str, load: Callable[[RunFolder], Content]) -> Content | None:
    """What `load` reads of the open run; where none is finished or it is damaged, the page's title and the way on."""
    try:
        job = state.job()
        content = load(state.folder()) if job is not None and job.state.status == "done" else None
    except HeadlightError as error:
        header(page)
        if needs_run():
            show(error)
        return None
    if content is None:
        header(page)
        needs_run()
    return content


def needs(page: str, reason: str = "") -> None:
    """Say that something else comes first, with the way to its page."""
    st.info(t(f"shell.{reason or f'needs_{page}'}"), icon=":material/info:")
    if st.button(t(f"shell.to_{page}"), key="to_way", type="primary"):
        go(page)
