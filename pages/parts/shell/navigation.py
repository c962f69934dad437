"""The pages, the way from one to another, and what the address says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit import Page as StreamlitPage

from core.runs.run_folder import open_run
from pages.parts.session import keeping, state, url_state
from pages.parts.session.state import t

STEPS = ("model", "examples", "analysis", "result", "circuit", "evidence", "report")
PAGES = ("start", *STEPS, "sensitivity", "runs", "guide", "benchmark")
MISSING = "missing"
"""The page that says that there is none at an address."""
FORMER_ADDRESSES = {"robustness": "sensitivity", "start": "start"}
"""Addresses of earlier versions that stand in people's links, and the pages that they lead to."""
_FOLDER = Path(__file__).parents[2]
_ADDRESS = "address"  # Key of page and run that the address had after the last drawing, and the run before it


def navigation() -> tuple[str, StreamlitPage]:
    """Name of the page that was asked for, and the page."""
    pages = {
        name: st.Page(_FOLDER / f"{name}.py", title=t(f"{name}.name"), default=name == "start")
        for name in (*PAGES, MISSING)
    }
    page = st.navigation([*pages.values()], position="hidden")
    return next(name for name, candidate in pages.items() if candidate.title == page.title), page


def go(page: str) -> None:
    """Switch to another page and keep what the address says."""
    st.switch_page(f"pages/{page}.py", query_params=page_parameters(page))


def page_link(page: str, **look: Any) -> None:
    """A link to a page with its whole address, so that following it is one step of the browser's history."""
    st.page_link(f"pages/{page}.py", query_params=page_parameters(page), **look)


def page_parameters(page: str = "") -> dict[str, str]:
    """What the address of a page tells: the open run, and on the circuit and evidence pages what is shown of it.

    Not the language: a link opens in that of whoever follows it.
    """
    parts = {"run": state.run_id()} if state.run_id() else {}
    if page in ("circuit", "evidence"):
        view = url_state.encode(url_state.gather(st.session_state, state.run_id()))
        parts |= {name: value for name, value in view.items() if (name == "part") == (page == "evidence")}
    return parts


def follow_address(page: str) -> None:
    """Where the reader went back or forward, open or close the run as the address says; raises HeadlightError.

    An address that differs from what was last written into it, on the same page, may be one that the browser sent
    before it heard of the change: it is followed only where it names a run that was not open just before.
    """
    named = st.query_params.get("run", "")
    last_page, written, before = st.session_state.get(_ADDRESS, (page, named, named))
    if named == state.run_id() or (page == last_page and (not named or named in (written, before))):
        return
    if named:
        run = open_run(named)
        state.open_in_session(run)
        url_state.restore(st.session_state, named, url_state.decode(st.query_params.to_dict()))
    else:
        keeping.close_run()


def keep_address(page: str) -> None:
    """Bring the browser's address into step with what is shown."""
    parts, before = page_parameters(page), st.query_params.get("run", "")
    for name in ("run", *url_state.NAMES):
        if name not in parts:
            st.query_params.pop(name, None)
    for name, value in parts.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    st.session_state[_ADDRESS] = (page, parts.get("run", ""), before)


def link(current: str, page: str, parameters: Mapping[str, str]) -> str:
    """The address of a page with these parameters, as seen from the current one."""
    base = str(st.context.url or "").split("?")[0].rstrip("/").removesuffix(f"/{current}")
    return f"{base}/{'' if page == PAGES[0] else page}?{urlencode(parameters)}"
