"""The dashboard: page settings, language, navigation, sidebar. Run it with `streamlit run app.py`."""

import logging
import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import Page as StreamlitPage

from core.errors import HeadlightError
from core.runs.run_folder import open_run
from pages.parts import i18n, shell
from pages.parts.i18n import glossary
from pages.parts.session import keeping, state, url_state
from pages.parts.session.samples import load_sample
from pages.parts.shell import notifications
from pages.parts.shell.serving import RequestGuard, open_browser

log = logging.getLogger("headlight")
# A file of our own: a named icon would be fetched from a font host.
ICON = Path(__file__).parent / "pages" / "parts" / "shell" / "icon.svg"


def begin_session() -> None:
    """Take over what the address and the command line say, once a browser session."""
    if "begun" in st.session_state:
        return
    st.session_state["begun"] = True
    # a link of an earlier version tells the language of whoever copied it
    wishes = (keeping.cookie(shell.LANGUAGE_COOKIE), st.context.locale, st.query_params.get("lang"))
    st.session_state["language"] = i18n.first_language(wishes)
    try:
        if st.query_params.get("run"):
            run = open_run(st.query_params["run"])
            state.open_in_session(run)
            url_state.restore(st.session_state, run.run_id, url_state.decode(st.query_params.to_dict()))
        if not keeping.begin(state.run_id()) and not state.run_id() and "--scenario" in sys.argv[:-1]:
            load_sample(sys.argv[sys.argv.index("--scenario") + 1])
    except HeadlightError as error:
        st.session_state["greeting_error"] = (error.key, error.values)


def run(page: StreamlitPage) -> None:
    """Draw the page; what goes wrong unexpectedly is said in the reader's language, and written to the log."""
    try:
        page.run()
    except HeadlightError as error:
        shell.show(error)
    except Exception as error:
        log.exception("the page could not be drawn")
        shell.show_error("page_failed", {"detail": f"{type(error).__name__}: {error}"[:300]})


def draw() -> None:
    """Session, navigation, sidebar, page, what is folded below it, notices."""
    begin_session()
    state.keep_language()
    state.job()  # a run that was deleted meanwhile is closed before the address is written
    st.session_state["polling"] = False
    current, page = shell.navigation()
    try:
        shell.follow_address(current)
    except HeadlightError as error:
        st.session_state["greeting_error"] = (error.key, error.values)
    keeping.keep(current)
    notifications.update(current)
    st.set_page_config(page_title=notifications.title(), page_icon=str(ICON), layout="wide")
    url_state.keep_to_run(st.session_state, state.run_id())
    shell.keep_address(current)
    shell.browser()
    shell.style()
    shell.sidebar(current)
    if "greeting_error" in st.session_state:
        shell.show_error(*st.session_state.pop("greeting_error"))
    try:
        run(page)
    finally:  # also where the page ends early to be drawn anew, or to lead to another one
        keeping.keep(current)
    glossary.fold(current)
    notifications.show(current)


if __name__ == "__main__":
    with state.one_drawing():
        draw()
else:  # `streamlit run` imports this file to serve it, and then draws it as `__main__`
    app = st.App(__file__, middleware=[Middleware(RequestGuard)], lifespan=open_browser)
