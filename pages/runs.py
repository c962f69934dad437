"""Runs: every analysis on this machine; open, resume, rename, duplicate, link to, delete."""

from collections.abc import Callable

import streamlit as st

from core.jobs.backend import start_again
from core.runs.head_notes import one_line
from pages.parts import shell
from pages.parts.guide import checklist
from pages.parts.runs import comparison_section, runs_table
from pages.parts.runs.runs_table import Line
from pages.parts.session import state
from pages.parts.session.state import t, tn

# Characters of a run's name and of its owner's. Cut when kept: a box with a limit ignores a longer paste.
LONGEST = 80
PER_PAGE = 20
FEW = 8  # analyses up to which nobody needs a search
COLUMNS = {"name": 2.9, "trust": 1.5, "faults": 1.0, "model": 1.3, "examples": 0.9, "state": 1.5}
COLUMNS |= {"date": 1.5, "owner": 1.0, "": 2.8}
UNFINISHED = ("failed", "cancelled", "interrupted")


def more(line: Line) -> None:
    """What is rarely done: another name or owner, start again, with other settings, delete."""
    with st.popover(t("runs.more"), key=f"more_{line.run.run_id}"):
        if line.status != "damaged":
            name = st.text_input(t("runs.new_name"), line.name, key=f"name_{line.run.run_id}")
            owner = st.text_input(t("runs.owner"), line.owner, key=f"owner_{line.run.run_id}")
            if choice("runs.rename", "rename", "edit", line):
                act(lambda: rename(line, name, owner))
                st.rerun()
            if line.status in UNFINISHED and choice("runs.open", "open", "open_in_full", line):
                runs_table.open_line(line)
            if line.status == "done" and choice("analysis.again", "again", "replay", line):
                resume(line)
            if choice("runs.duplicate", "duplicate", "content_copy", line):
                act(lambda: state.open_in_session(line.run))
                state.leave_run()  # its settings stay as the draft
                shell.go("analysis")
        if choice("runs.delete", "delete", "delete", line):
            runs_table.confirm_delete(line)
        if line.status != "damaged":
            st.caption(t("runs.link"))
            st.code(address(line), language=None, wrap_lines=True)


def address(line: Line) -> str:
    """The link that opens this run for whoever can reach this dashboard."""
    page = "result" if line.status == "done" else "analysis"
    return shell.link("runs", page, {"run": line.run.run_id})


def resume(line: Line) -> None:
    """Go on with a run that did not finish, or repeat a finished one as a new run."""
    act(lambda: state.open_in_session(start_again(state.backend(), line.run.run_id)))
    shell.go("analysis")


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
    if not shell.succeeds(action):
        st.stop()


def headings() -> None:
    """The one row of headings."""
    with st.container(key="runs_head"):
        for column, name in zip(st.columns(list(COLUMNS.values())), COLUMNS, strict=True):
            if name:
                column.caption(t(f"runs.column_{name}"))


def row(line: Line) -> None:
    """One run with all that can be done with it."""
    with st.container(key=f"runs_row_{line.run.run_id}"):
        columns = st.columns(list(COLUMNS.values()), vertical_alignment="center")
        runs_table.cells([columns[0], *columns[3:7]], line)
        columns[1].caption(line.trust or "–")
        columns[2].caption(line.faults or "–")
        columns[7].caption(shell.plain(line.owner))
        with columns[8].container(
            horizontal=True, horizontal_alignment="right", gap="xsmall", key=f"runs_do_{line.run.run_id}"
        ):
            main_button(line)
            more(line)


def main_button(line: Line) -> None:
    """Open the run, or go on with it where it did not finish."""
    if line.status in UNFINISHED:
        if st.button(t("runs.resume"), key=f"again_{line.run.run_id}", help=t("runs.resume_help")):
            resume(line)
    elif st.button(t("runs.open"), key=f"open_{line.run.run_id}", disabled=line.status == "damaged"):
        runs_table.open_line(line)


def searched(lines: list[Line]) -> list[Line]:
    """The lines that the reader looks for; a search where there are many."""
    if len(lines) <= FEW:
        return lines
    asked = st.text_input(
        t("runs.search"),
        key="runs_search",
        placeholder=t("runs.search_example"),
        label_visibility="collapsed",
        icon=":material/search:",
        width=420,
        persist_state="session",
    )
    return runs_table.matching(lines, asked or "")


def table(lines: list[Line]) -> None:
    """The rows of one page, newest first."""
    shown = searched(lines)
    if not shown:
        st.info(t("runs.no_match"), icon=":material/search_off:")
        return
    pages, place = -(-len(shown) // PER_PAGE), 1
    headings()
    rows = st.container(gap="xxsmall")
    if pages > 1:
        place = st.pagination(pages, key=f"runs_page_{pages}", persist_state="session")
    with rows:
        for line in shown[(place - 1) * PER_PAGE : place * PER_PAGE]:
            row(line)


lines = runs_table.listed()
shell.header("runs", tn("runs.lead", len(lines)) if lines else t("runs.none"))
if compared := comparison_section.show(lines):
    checklist.note_comparison(*compared)
if lines:
    table(lines)
elif st.button(t("shell.to_start"), key="to_start", type="primary"):
    shell.go("start")
