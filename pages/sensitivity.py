"""Sensitivity: what other settings, other seeds and fewer texts would have changed in the open analysis."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from core.config import RunConfig
from core.errors import HeadlightError
from core.runs.compared import compared_config
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder
from core.sensitivity import sentences
from core.sensitivity.plan import SETTINGS
from core.sensitivity.summary import MAP_FILE, SWEEP_FILE, Quality, means, read_sensitivity, read_table
from pages.parts import shell
from pages.parts.charts import colours
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.sensitivity import charts, sections
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.shell import checks, widgets

COLUMNS = 3


class Sensitivity(NamedTuple):
    """What there is of a run's sweep over settings, and the check at work or the last."""

    result: Result
    config: RunConfig
    content: Mapping[str, Any] | None
    check: JobState | None


def load(run: RunFolder) -> Sensitivity:
    """The sweep of a run; raises HeadlightError where a file is missing or damaged."""
    config = compared_config(run)
    check = state.backend().check_status(run.run_id)
    return Sensitivity(results.load(run), config, read_sensitivity(run, config), check)


def page() -> None:
    """The whole page; where no run is open, the way to one."""
    opened = shell.opened("sensitivity", load)
    if opened is None:
        return
    content = opened.content
    if content is None or not content["summary"]["settings"]:
        shell.header("sensitivity", t("sweep.lead"))
        not_yet(opened)
        return
    shell.header("sensitivity", sentences.sentence(content, _stored_quality(content), language()))
    swept(content, opened.check)


def not_yet(opened: Sensitivity) -> None:
    """What the sweep does, and the button that starts it; while a check is at work, how far it is."""
    active = checks.follow(opened.check)
    with st.container(border=True):
        sections.intention(opened.result, opened.config)
        if not active:
            sections.begin(opened.check, "start" if opened.content is None else "resume")


def swept(content: Mapping[str, Any], check: JobState | None) -> None:
    """What the sweep found: verdicts, the map, each setting for itself, all numbers."""
    active = checks.follow(check)
    if not active and not content["complete"]:
        sections.begin(check, "resume")
    quality = sections.choose_quality(content)
    st.caption(sentences.limits(quality, language()))
    for sentence in sentences.details(content, quality, language()):
        st.markdown(shell.plain(sentence))
    st.html(sections.verdicts(content, quality))
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
        sections.numbers(run, table, quality)
    with st.expander(t("sweep.how"), icon=":material/rule:"):
        st.markdown(t("sweep.how_text", seeds=len(content["seeds"]), draws=content["draws"]))
    if content["complete"] and not active:
        sections.begin(check, "again")


def the_map(grid: pd.DataFrame, quality: Quality) -> None:
    """Dictionary size × sparsity."""
    st.subheader(t("sweep.map_title"), anchor=False)
    drawing = charts.heat(grid, quality, colours.palette(), t)
    widgets.chart(drawing, f"sweep_map_{quality}", t("alt.sweep_map", count=len(grid)))
    st.caption(t("sweep.map_reading"))


def each_setting(table: pd.DataFrame, quality: Quality) -> None:
    """A small chart a setting."""
    st.subheader(t("sweep.each_title"), anchor=False)
    drawn = [name for name in SETTINGS if len(means(table, name, quality)) > 1]
    for start in range(0, len(drawn), COLUMNS):
        for place, name in zip(
            st.columns(COLUMNS, gap="medium"), drawn[start : start + COLUMNS], strict=False
        ):
            title = sections.titled(name)
            place.markdown(f"**{shell.plain(title)}**", help=t(f"sweep.about_{name}"))
            drawing = charts.line(means(table, name, quality), name, quality, colours.palette(), t)
            with place:
                widgets.chart(drawing, f"sweep_{name}_{quality}", t("alt.sweep_setting", setting=title))
    st.caption(t(f"sweep.each_reading_{quality}"))


def _stored_quality(content: Mapping[str, Any]) -> Quality:
    """The quality that the switch further down stands on."""
    both = content["summary"]["by"] == "auc"
    return "auc" if both and st.session_state.get("sweep_measure", "auc") == "auc" else "agreement"


page()
