"""Runs: every analysis on this machine; open, rename, start again, delete."""

from collections.abc import Callable

import streamlit as st

from core.annotations import one_line
from core.jobs import start_again
from pages.parts import frame, runs_table, side_by_side, state
from pages.parts.runs_table import Line
from pages.parts.state import t, tn

# Characters of a run's name and of its owner's.
LONGEST = 80


@st.dialog(" ")
def confirm_delete(line: Line) -> None:
    """Ask before a run's folder is removed."""
    st.markdown(t("runs.delete_text", name=frame.plain(line.name)))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t("runs.keep"), key="keep_run"):
            st.rerun()
        if st.button(
            t("runs.delete"),
            key="really_delete",
            type="primary",
            icon=":material/delete:",
            on_click=delete,
            args=(line,),
        ):
            st.rerun()


def delete(line: Line) -> None:
    """Stop the run where it is at work, and remove its folder."""
    state.backend().cancel(line.run.run_id)
    line.run.delete()
    if state.run_id() == line.run.run_id:
        state.leave_run()


def more(line: Line) -> None:
    """What is rarely done: another name or owner, start again, with other settings, delete."""
    with st.popover(t("runs.more"), key=f"more_{line.run.run_id}"):
        if line.status != "damaged":
            name = st.text_input(t("runs.new_name"), line.name, LONGEST, key=f"name_{line.run.run_id}")
            owner = st.text_input(t("runs.owner"), line.owner, LONGEST, key=f"owner_{line.run.run_id}")
            if choice("runs.rename", "rename", "edit", line):
                act(lambda: rename(line, name, owner))
                st.rerun()
            if choice("analysis.again", "again", "replay", line):
                act(lambda: state.open_in_session(start_again(state.backend(), line.run.run_id)))
                frame.go("analysis")
            if choice("runs.duplicate", "duplicate", "content_copy", line):
                act(lambda: state.draft_from(line.run))
                frame.go("analysis")
        if choice("runs.delete", "delete", "delete", line):
            confirm_delete(line)


def rename(line: Line, name: str, owner: str) -> None:
    """Keep name and owner; a name left empty or as it is shown stays as it was."""
    name, owner = one_line(name, LONGEST), one_line(owner, LONGEST)
    line.run.rename(name if name and name != line.name else line.run.meta().name, owner)
    if owner:
        st.session_state["owner"] = owner


def choice(text: str, key: str, icon: str, line: Line) -> bool:
    """A button as wide as its popover."""
    return st.button(t(text), key=f"{key}_{line.run.run_id}", icon=f":material/{icon}:", width="stretch")


def act(action: Callable[[], object]) -> None:
    """Do it, and show the error that it ends in."""
    error = state.fails(action)
    if error is not None:
        frame.show(error)
        st.stop()


def row(line: Line) -> None:
    """One run with all that can be done with it."""
    with st.container(border=True):
        columns = st.columns([4, 1.7, 1.1, 1.7, 2.1, 2.8], vertical_alignment="center")
        with columns[0].container(gap="xxsmall"):
            st.markdown(f"**{frame.plain(line.name)}**")
            if line.owner:
                st.caption(t("runs.of", owner=frame.plain(line.owner)))
        columns[1].caption(frame.plain(line.model))
        columns[2].caption(line.counts)
        with columns[3]:
            runs_table.badge(line.status)
        columns[4].caption(line.created)
        with columns[5].container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
            if st.button(t("runs.open"), key=f"open_{line.run.run_id}", disabled=line.status == "damaged"):
                runs_table.open_line(line)
            more(line)


lines = runs_table.listed()
frame.header("runs", tn("runs.lead", len(lines)) if lines else t("runs.none"))
side_by_side.show(lines)
for line in lines:
    row(line)
if not lines and st.button(t("frame.to_start"), key="to_start"):
    frame.go("start")
