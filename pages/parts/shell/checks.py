"""Deeper checks of a finished run: the button that begins one, how far it is, and the way to stop it."""

import streamlit as st

from core.runs.job_state import CheckKind, JobState
from pages.parts import i18n
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.shell.page import show_error, succeeds


def begin(
    kind: CheckKind, check: JobState | None, label: str, key: str, icon: str, primary: bool = False
) -> None:
    """Why the last check of this kind ended, and the button that begins another."""
    if check is not None and check.kind == kind and check.status == "failed":
        show_error(check.error_key, check.error_values)
    elif check is not None and check.kind == kind and check.status in ("cancelled", "interrupted"):
        st.caption(t(f"circuit_check.{check.status}_{kind}"))
    clicked = st.button(label, key=key, icon=icon, type="primary" if primary else "secondary")
    if clicked and succeeds(lambda: state.backend().submit(state.folder(), kind)):
        st.rerun()


def follow(check: JobState | None) -> bool:
    """How far the check is that is at work on the open run, with the way to stop it; whether there is one."""
    if check is None or not check.active:
        return False
    _follow(check.status)
    return True


@st.fragment(run_every=0.8)
def _follow(drawn: str) -> None:
    """The progress; the page is drawn anew when the check is in another state than the `drawn` one."""
    state.polls()
    check = state.backend().check_status(state.run_id())
    if check is None or check.status != drawn:
        st.rerun()
    running = check.status == "running"
    stage = check.stage or "load" if running else "queued"
    words = t(f"circuit_check.stage_{stage}", done=check.step, total=check.total)
    with st.container(horizontal=True, vertical_alignment="center"):
        share = check.share if running else 0.0
        st.progress(share, text=f"{words} · {i18n.duration(language(), check.seconds)}")
        # a callback, because a click is lost where the state changes at the same time and the page is drawn anew
        cancel, icon = state.backend().cancel, ":material/stop_circle:"
        args = (state.run_id(),)
        st.button(t("circuit_check.cancel"), key="cancel_check", icon=icon, on_click=cancel, args=args)
