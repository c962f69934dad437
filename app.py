"""The dashboard: page settings, language, navigation, sidebar. Run it with `streamlit run app.py`."""

import sys
from pathlib import Path

import streamlit as st

from core.errors import HeadlightError
from core.runs import open_run
from pages.parts import frame, state, texts
from pages.parts.samples import load_sample

# A file of our own: a named icon would be fetched from a font host.
ICON = Path(__file__).parent / "pages" / "parts" / "icon.svg"


def begin_session() -> None:
    """Take over what the address and the command line say, once a browser session."""
    if "begun" in st.session_state:
        return
    st.session_state["begun"] = True
    asked = st.query_params.get("lang", "")
    st.session_state["language"] = (
        asked if asked in texts.LANGUAGES else texts.best_language(st.context.locale)
    )
    try:
        if st.query_params.get("run"):
            state.open_in_session(open_run(st.query_params["run"]))
        elif "--scenario" in sys.argv[:-1]:
            load_sample(sys.argv[sys.argv.index("--scenario") + 1])
    except HeadlightError as error:
        st.session_state["greeting_error"] = (error.key, error.values)


def main() -> None:
    """Draw the frame and the page that was asked for."""
    begin_session()
    state.keep_language()
    st.set_page_config(page_title="Headlight", page_icon=str(ICON), layout="wide")
    current, page = frame.navigation()
    for name, value in frame.address().items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    if not state.run_id():
        st.query_params.pop("run", None)
    frame.style()
    frame.sidebar(current)
    if "greeting_error" in st.session_state:
        frame.show_error(*st.session_state.pop("greeting_error"))
    page.run()


main()
