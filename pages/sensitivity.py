"""Sensitivity: what other settings, other seeds and fewer texts would have changed in the open analysis."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.config import RunConfig
from core.errors import HeadlightError
from core.runs.job_state import JobState
from core.sensitivity import sentences as words
from core.sensitivity.plan import SETTINGS
from core.sensitivity.summary import MAP_FILE, SWEEP_FILE, Quality, means, read_sensitivity, read_table
from pages.parts import shell
from pages.parts.charts import colours
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.sensitivity import charts as sweep_charts
from pages.parts.sensitivity import sections as sweep_parts
from pages.parts.session import state
from pages.parts.session.state import language, t

COLUMNS = 3


def page() -> None:
    """The whole page; where no run is open, the way to one."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
        config = state.folder().config() if result else None
        content = read_sensitivity(state.folder(), config) if config else None
        found = state.backend().check_status(state.run_id()) if result else None
    except HeadlightError as error:
        shell.header("sensitivity")
        if shell.needs_run():
            shell.show(error)
        return
    if result is None or config is None:
        shell.header("sensitivity")
        shell.needs_run()
        return
    if content is None or not content["summary"]["settings"]:
        shell.header("sensitivity", t("sweep.lead"))
        not_yet(result, config, found, begun=content is not None)
        return
    quality = _stored_quality(content)
    shell.header("sensitivity", words.sentence(content, quality, language()))
    swept(content, found)


def not_yet(result: Result, config: RunConfig, found: JobState | None, begun: bool) -> None:
    """What the sweep does, and the button that starts it; while a check is at work, how far it is."""
    active = found is not None and found.active
    if found is not None and active:
        sweep_parts.follow(found.status)
    with st.container(border=True):
        sweep_parts.intention(result, config)
        if not active:
            sweep_parts.begin(found, "resume" if begun else "start")


def swept(content: Mapping[str, Any], found: JobState | None) -> None:
    """What the sweep found: verdicts, the map, each setting for itself, all numbers."""
    if found is not None and found.active:
        sweep_parts.follow(found.status)
    elif not content["complete"]:
        sweep_parts.begin(found, "resume")
    quality = sweep_parts.choose_quality(content)
    st.caption(words.limits(quality, language()))
    for said in words.details(content, quality, language()):
        st.markdown(shell.plain(said))
    st.html(sweep_parts.verdicts(content, quality))
    run = state.folder()
    try:
        table, grid = read_table(run, SWEEP_FILE), read_table(run, MAP_FILE)
    except HeadlightError as error:
        shell.show(error)
        return
    if len(grid):
        the_map(grid, quality)
    each_setting(table, quality)
    with st.expander(t("sweep.numbers"), icon=":material/table:"):
        sweep_parts.numbers(run, table, quality)
    with st.expander(t("sweep.how"), icon=":material/rule:"):
        st.markdown(t("sweep.how_text", seeds=len(content["seeds"]), draws=content["draws"]))
    if content["complete"] and not (found is not None and found.active):
        sweep_parts.begin(found, "again")


def the_map(grid: pd.DataFrame, quality: Quality) -> None:
    """Dictionary size × sparsity."""
    st.subheader(t("sweep.map_title"), anchor=False)
    st.altair_chart(
        sweep_charts.heat(grid, quality, colours.palette(), t),
        key=f"sweep_map_{quality}",
        theme=None,
        alt=t("alt.sweep_map", count=len(grid)),
    )
    st.caption(t("sweep.map_reading"))


def each_setting(table: pd.DataFrame, quality: Quality) -> None:
    """A small chart a setting."""
    st.subheader(t("sweep.each_title"), anchor=False)
    drawn = [name for name in SETTINGS if len(means(table, name, quality)) > 1]
    for start in range(0, len(drawn), COLUMNS):
        for place, name in zip(
            st.columns(COLUMNS, gap="medium"), drawn[start : start + COLUMNS], strict=False
        ):
            title = sweep_parts.titled(name)
            place.markdown(f"**{shell.plain(title)}**", help=t(f"sweep.about_{name}"))
            place.altair_chart(
                sweep_charts.line(means(table, name, quality), name, quality, colours.palette(), t),
                key=f"sweep_{name}_{quality}",
                theme=None,
                alt=t("alt.sweep_setting", setting=title),
            )
    st.caption(t(f"sweep.each_reading_{quality}"))


def _stored_quality(content: Mapping[str, Any]) -> Quality:
    """The measure that the switch further down stands on."""
    both = content["summary"]["by"] == "auc"
    return "auc" if both and st.session_state.get("sweep_measure", "auc") == "auc" else "agreement"


page()
