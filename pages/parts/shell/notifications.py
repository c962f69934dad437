"""The runs that this session started or opened while they were at work: one notice when each has ended.

1. `state` puts a run on the watch list when it is started, or opened at work.
2. Every drawing of the app calls `update`, which notices those that ended.
3. `show` draws what is left in the sidebar: a bar that polls, or the way to what has finished.
"""

from urllib.parse import urlencode

import streamlit as st

from core.errors import HeadlightError
from core.jobs.backend import JobStatus
from core.runs.run_folder import open_run
from pages.parts import shell
from pages.parts.analysis import progress
from pages.parts.session import samples, state
from pages.parts.session.state import t

POLL = 2.0  # Seconds between two looks at a run from another page
RESULT_PAGES = ("result", "circuit", "evidence", "report")
_WATCHED, _ENDED = state.WATCHED, "ended_runs"


def update(current: str) -> None:
    """Notice which watched runs have ended; what the reader has in view is no news any more."""
    if current != "analysis":
        state.looks_away()
    watched, ended = _held(_WATCHED), _held(_ENDED)
    for run_id in list(watched):
        job = _status(run_id)
        if job is None:
            watched.remove(run_id)
        elif not job.active:
            watched.remove(run_id)
            if job.state.status != "cancelled":
                ended.append(run_id)
                if not (current == "analysis" and run_id == state.run_id()):  # that page says it itself
                    _toast(run_id, job.state.status)
    seen = state.run_id() if current in RESULT_PAGES else ""
    st.session_state[_ENDED] = [run_id for run_id in ended if run_id != seen and _status(run_id)]
    st.session_state[_WATCHED] = watched


def title() -> str:
    """What the browser's tab says."""
    if _held(_ENDED):
        return t("notifications.tab_ended")
    return t("notifications.tab_active") if _held(_WATCHED) else "Headlight"


def show(current: str) -> None:
    """In the sidebar: the watched run at work, and what has ended on another page."""
    ended = [run_id for run_id in _held(_ENDED) if not (current == "analysis" and run_id == state.run_id())]
    watched = _held(_WATCHED)
    polled_here = current == "analysis" and state.run_id() in watched
    with st.sidebar:
        for run_id in ended:
            _notice(run_id)
        if watched and not polled_here and not st.session_state.get("polling"):
            _follow(tuple(watched))


@st.fragment(run_every=POLL)
def _follow(watched: tuple[str, ...]) -> None:
    """The one polling fragment of the pages beside the analysis page."""
    jobs = [_status(run_id) for run_id in watched]
    if any(job is None or not job.active for job in jobs):
        st.rerun()
    for job in jobs:
        if job is not None:
            _at_work(job)


def _at_work(job: JobStatus) -> None:
    with st.container(border=True, gap="xsmall", key=f"at_work_{job.run_id}"):
        st.text(_name(job.run_id))
        if job.state.status == "queued":
            st.progress(0.0, text=t("status.queued"))
        else:
            st.progress(progress.share(job), text=progress.line(job))


def _notice(run_id: str) -> None:
    job = _status(run_id)
    if job is None:
        return
    done = job.state.status == "done"
    with st.container(border=True, gap="xsmall", key=f"ended_{run_id}"):
        st.text(_name(run_id))
        st.caption(t(f"notifications.{'done' if done else 'not_done'}"))
        if st.button(
            t("notifications.open" if done else "notifications.look"),
            key=f"open_ended_{run_id}",
            width="stretch",
        ):
            st.session_state[_ENDED] = [other for other in _held(_ENDED) if other != run_id]
            try:
                state.open_in_session(open_run(run_id))
            except HeadlightError:
                st.rerun()
            st.switch_page(f"pages/{'result' if done else 'analysis'}.py", query_params=_address(run_id))


def _toast(run_id: str, status: str) -> None:
    name = shell.plain(_name(run_id))
    if status == "done":
        link = f"[{t('notifications.open')}](result?{urlencode(_address(run_id))})"
        sentence, icon = f"{t('notifications.done_of', name=name)} {link}", "check_circle"
    else:
        sentence, icon = t("notifications.not_done_of", name=name), "error"
    st.toast(sentence, icon=f":material/{icon}:", duration="long")


def _address(run_id: str) -> dict[str, str]:
    return {"run": run_id}


def _name(run_id: str) -> str:
    try:
        run = open_run(run_id)
        return samples.run_name(run, run.config())
    except HeadlightError:  # damaged meanwhile: the list of runs says why
        return run_id


def _status(run_id: str) -> JobStatus | None:
    try:
        return state.status(run_id)
    except HeadlightError:
        return None


def _held(key: str) -> list[str]:
    return list(st.session_state.get(key, []))
