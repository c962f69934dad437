"""The list of runs, on the start page in short and on the page of runs in full."""

import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import StorageError
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder, list_runs
from core.text import text
from pages.parts import i18n, shell
from pages.parts.session import samples, state
from pages.parts.session.state import t

BADGES = {
    "done": ("green", ":material/check:"),
    "running": ("blue", ":material/pending:"),
    "queued": ("blue", ":material/hourglass_empty:"),
    "failed": ("red", ":material/error:"),
    "damaged": ("red", ":material/broken_image:"),
    "interrupted": ("orange", ":material/power_off:"),
}


@dataclass(frozen=True)
class Line:
    """What the list says of one run."""

    run: RunFolder
    name: str
    model: str
    counts: str
    status: str
    created: str
    owner: str = ""
    reason: str = ""
    """Why a damaged run cannot be read."""

    sample: bool = False
    """Whether it is the finished sample that came with the package."""

    trust: str = ""
    faults: str = ""
    """Texts with the fault before and after, where a check has counted them: 8 → 0."""


def listed(limit: int | None = None) -> list[Line]:
    """The runs, newest first; a damaged one is listed as such."""
    return [_line(run) for run in list_runs()[:limit]]


def matching(lines: list[Line], asked: str) -> list[Line]:
    """The lines in whose name, model, owner, date or state every word that is asked for stands."""
    words = _plain(asked).split()
    return [line for line in lines if all(word in _searched(line) for word in words)]


def _searched(line: Line) -> str:
    return _plain(f"{line.name} {line.model} {line.owner} {line.created} {t(f'status.{line.status}')}")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def show(lines: list[Line], key: str) -> None:
    """One row a run with a button that opens it, or deletes it where it is damaged."""
    for line in lines:
        with st.container(border=True, key=f"{key}_row_{line.run.run_id}"):
            columns = st.columns([5, 2, 1.2, 1.8, 2.1, 1.7], vertical_alignment="center")
            cells(columns, line)
            with columns[5].container(horizontal=True, horizontal_alignment="right"):
                if line.status == "damaged":
                    if st.button(t("runs.delete"), key=f"{key}_delete_{line.run.run_id}"):
                        confirm_delete(line)
                elif st.button(t("runs.open"), key=f"{key}_open_{line.run.run_id}"):
                    open_line(line)


def cells(columns: Sequence[DeltaGenerator], line: Line) -> None:
    """The run in five columns: its name, marked where it is open, with why it cannot be read; model to date."""
    mark = f" :gray[({t('runs.here')})]" if line.run.run_id == state.run_id() else ""
    reason = f"  \n:small[{shell.plain(line.reason)}]" if line.reason else ""
    columns[0].markdown(f"**{shell.plain(line.name)}**{mark}{reason}")
    columns[1].caption(shell.plain(line.model))
    columns[2].caption(line.counts)
    colour, icon = BADGES.get(line.status, ("gray", ":material/block:"))
    columns[3].badge(t(f"status.{line.status}"), color=colour, icon=icon)  # type: ignore[arg-type]
    columns[4].caption(line.created)


def confirm_delete(line: Line) -> None:
    """Ask before a run's folder is removed."""
    st.dialog(t("runs.delete_title"))(_delete_or_keep)(line)


def _delete_or_keep(line: Line) -> None:
    st.markdown(t("runs.delete_text", name=shell.plain(line.name)))
    with st.container(horizontal=True, horizontal_alignment="right"):
        keep = st.button(t("runs.keep"), key="keep_run")
        sure = st.button(
            t("runs.delete"),
            key="really_delete",
            type="primary",
            icon=":material/delete:",
            on_click=delete,
            args=(line,),
        )
        if keep or sure:
            st.rerun()


def delete(line: Line) -> None:
    """Stop what is at work on the run, and remove its folder."""
    state.fails(lambda: state.backend().cancel(line.run.run_id))  # a damaged run has no state to be changed
    line.run.delete()
    if state.run_id() == line.run.run_id:
        state.leave_run()


def open_line(line: Line) -> None:
    """Open a run and go to where it is."""
    if shell.succeeds(lambda: state.open_in_session(line.run)):
        shell.go("result" if line.status == "done" else "analysis")


def _line(run: RunFolder) -> Line:
    try:
        config, meta, status = run.config(), run.meta(), run.state().status
        name = samples.run_name(run, config)
    except StorageError as error:
        whole = i18n.error(state.language(), error.key, error.values)
        reason = str(error.values.get("detail") or whole)  # the row names the run itself
        return Line(run, run.run_id, "", "", "damaged", "", reason=reason)
    examples = config.examples
    counts = f"{examples.count('anomalous')} + {examples.count('normal')}"
    about = Line(run, name, Path(config.model).name, counts, status, _date(meta.created), meta.owner)
    if status != "done":
        return about
    return replace(about, sample=meta.sample, trust=_trust(run), faults=_faults(run))


def _trust(run: RunFolder) -> str:
    """The trust in a finished run in a word; empty where it was not measured or cannot be read."""
    with suppress(StorageError):
        judged = (stability := run.manifest().stability) and stability.confidence
        return text(state.language(), f"verdict.trust_{judged.level}") if judged else ""
    return ""


def _faults(run: RunFolder) -> str:
    """Texts with the fault before and after the smallest ablation; empty where that was not checked."""
    with suppress(StorageError):
        check = read_circuit(run)
        side = check.before_after.counts.get("anomalous") if check and check.before_after else None
        return f"{side.fault_before} → {side.fault_after}" if side and side.judged else ""
    return ""


def _date(created: str) -> str:
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""
