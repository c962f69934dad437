"""A model on its way here: the button that begins it, how far it is, the way to stop it, and what went wrong."""

import streamlit as st

from core.jobs import fetching
from core.jobs.fetching import FetchRequest, FetchState
from pages.parts import i18n
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.shell.page import show_error, succeeds

POLL = 0.7  # Seconds between two looks


def show(request: FetchRequest, label: str, key: str, primary: bool = True) -> FetchState | None:
    """The button, or the progress of a fetch at work, whoever began it; returns how far it is."""
    fetch = fetching.state_of(request)
    if fetch is not None and fetch.active:
        _follow(request, key)
        return fetch
    if fetch is not None and fetch.status == "failed":
        show_error(fetch.error_key, fetch.error_values)
    elif fetch is not None and fetch.status in ("cancelled", "interrupted"):
        st.caption(t(f"fetch.{fetch.status}"))
    kind = "primary" if primary else "secondary"
    if st.button(label, key=f"begin_{key}", icon=":material/download:", type=kind) and succeeds(  # type: ignore[arg-type]
        lambda: fetching.begin(request)
    ):
        st.rerun()
    return fetch


@st.fragment(run_every=POLL)
def _follow(request: FetchRequest, key: str) -> None:
    """The progress; the page is drawn anew when the fetch has ended."""
    state.polls()
    fetch = fetching.state_of(request)
    if fetch is None or not fetch.active:
        st.rerun()
    st.progress(fetch.share if fetch.stage == "download" else 0.0, text=_words(fetch))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(t("fetch.cancel"), key=f"cancel_{key}", on_click=fetching.cancel, args=(request,))
        st.caption(t("fetch.leave"))


def _words(fetch: FetchState) -> str:
    if fetch.stage != "download":
        return t(f"fetch.{fetch.stage or 'begin'}")
    parts = [t("fetch.download", done=i18n.size(fetch.step), total=i18n.size(fetch.total))]
    if fetch.seconds_left is not None and fetch.seconds_left > 1:
        parts.append(t("analysis.left", time=i18n.duration(language(), fetch.seconds_left)))
    return " · ".join(parts)
