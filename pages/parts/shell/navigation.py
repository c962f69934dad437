"""The pages, the way from one to another, and what the address says."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit import Page as StreamlitPage

from pages.parts.session import state, url_state
from pages.parts.session.state import t

STEPS = ("model", "examples", "analysis", "circuit", "evidence", "report")
PAGES = ("start", *STEPS, "sensitivity", "runs", "guide", "benchmark")
FORMER_ADDRESSES = {"robustness": "sensitivity"}
"""Addresses of earlier versions that stand in people's links, and the pages that they lead to."""
_FOLDER = Path(__file__).parents[2]


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


def go(page: str) -> None:
    """Switch to another page and keep what the address says."""
    st.switch_page(f"pages/{page}.py", query_params=page_parameters(page))


def page_parameters(page: str = "") -> dict[str, str]:
    """What the address of a page tells: language, open run, and on the circuit page what is shown of it."""
    parts = {"lang": state.language()}
    if state.run_id():
        parts["run"] = state.run_id()
    if page == "circuit":
        parts |= url_state.encode(url_state.gather(st.session_state, state.run_id()))
    return parts


def keep_address(page: str) -> None:
    """Bring the browser's address into step with what is shown."""
    parts = page_parameters(page)
    for name in ("run", *url_state.NAMES):
        if name not in parts:
            st.query_params.pop(name, None)
    for name, value in parts.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def link(current: str, page: str, parameters: Mapping[str, str]) -> str:
    """The address of a page with these parameters, as seen from the current one."""
    base = str(st.context.url or "").split("?")[0].rstrip("/").removesuffix(f"/{current}")
    return f"{base}/{'' if page == PAGES[0] else page}?{urlencode(parameters)}"
