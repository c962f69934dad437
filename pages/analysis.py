"""Analysis: how thorough, start it, follow it, stop it, start it again."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core.jobs.backend import JobStatus, start, start_again
from core.runs.head_notes import one_line
from core.runs.run_folder import RunFolder
from pages.parts import i18n, shell
from pages.parts.analysis import progress, settings
from pages.parts.data import results
from pages.parts.guide import checklist
from pages.parts.session import samples, state
from pages.parts.session.state import t

LONGEST = 80  # Characters of a run's name


def setup() -> None:
    """Presets, advanced settings, and the button that starts."""
    hindrance = state.fails(state.draft().config)
    settings.presets()
    settings.advanced()
    if hindrance:
        shell.show(hindrance)
    draft = state.draft()
    name = st.text_input(
        t("analysis.run_name"),
        key="run_name",
        placeholder=samples.default_name(draft.scenario, draft.source, draft.examples),
        width=640,  # a default name of full-width letters whole
        max_chars=LONGEST,
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(
            t("analysis.start"),
            key="start_run",
            type="primary",
            icon=":material/play_arrow:",
            disabled=hindrance is not None,
        ):
            submit(partial(begin, one_line(name, LONGEST)))


def begin(name: str) -> RunFolder:
    """Start the draft as a run, with what was ticked before there was one."""
    run = start(
        state.backend(),
        state.draft().config(),
        name,
        owner=st.session_state.get("owner", ""),
        language=state.language(),
    )
    state.fails(lambda: checklist.hand_over(run))  # what was ticked by hand is no reason not to start
    return run


def submit(make: Callable[[], RunFolder]) -> None:
    """Follow the run that `make` starts, or show why it cannot."""
    if shell.succeeds(lambda: state.adopt(make())):
        st.rerun()


@st.fragment(run_every=1.0)
def follow(drawn: str) -> None:
    """The one fragment that polls; when the state is no longer as drawn, the whole page is drawn anew."""
    state.polls()
    state.sees_at_work()
    job = state.job()
    if job is None or job.state.status != drawn:
        st.rerun()
    progress.show(job)
    # a callback, because a click is lost where the state changes at the same time and the page is drawn anew
    cancel = state.backend().cancel
    icon = ":material/stop_circle:"
    st.button(t("analysis.cancel"), key="cancel_run", icon=icon, on_click=cancel, args=(job.run_id,))


def ended(job: JobStatus) -> None:
    """A run that did not finish: why, and the way on."""
    if job.state.status == "failed":
        shell.show_error(job.state.error_key, job.state.error_values)
    else:
        st.warning(t(f"analysis.{job.state.status}"), icon=":material/info:")
    if way_on(t("runs.resume"), key="again", icon=":material/replay:"):
        submit(partial(start_again, state.backend(), job.run_id))


def finished(job: JobStatus) -> None:
    """A finished run: its stages folded, and the way to the result or to another run."""
    with st.expander(t("analysis.stages"), icon=":material/timer:", key="stage_times"):
        progress.stages(job)
    if state.settings_changed():
        st.info(t("analysis.settings_changed"), icon=":material/info:")
    if way_on(
        t("analysis.next"), key="next_analysis", icon=":material/arrow_forward:", icon_position="right"
    ):
        shell.go("result")


def way_on(label: str, **look: Any) -> bool:
    """The way back to the settings, and beside it the primary button; whether that was pressed."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("analysis.change"), key="change_settings", icon=":material/tune:"):
            state.leave_run()
            st.rerun()
        return st.button(label, type="primary", **look)


def lead(job: JobStatus | None) -> str:
    """One sentence on where the analysis is."""
    if job and job.state.status == "done":
        seconds = results.seconds(state.folder(), job.seconds)
        return t("analysis.done", time=i18n.duration(state.language(), seconds))
    if job:
        return t("analysis.lead_active" if job.active else "analysis.lead_ended")
    return t("analysis.lead")


job = state.job()
shell.header("analysis", lead(job))
if job is None and not state.examples_ready():
    shell.needs("examples" if state.draft().source else "model")
elif job is None:
    setup()
elif job.active:
    follow(job.state.status)
elif job.state.status == "done":
    if state.saw_it_end():
        shell.go("result")
    finished(job)
else:
    ended(job)
