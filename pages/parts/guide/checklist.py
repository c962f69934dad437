"""The check list of the guide: its facts from the open run or the draft, its ticks, and how it is drawn."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from html import escape
from typing import Any

import streamlit as st

from core.errors import HeadlightError
from core.runs.checklist import COMPARED, Facts, Item, Week, is_repeated, items, read_ticks, tick, write_ticks
from core.runs.head_notes import read_labels
from core.runs.review import read_review
from core.runs.run_folder import RunFolder, list_runs, open_run
from pages.parts import shell
from pages.parts.data import results
from pages.parts.session import state
from pages.parts.session.state import t

_TICKS = "poc_ticks"  # Ticks of a session in which no run is open; the next run takes them over


def facts() -> Facts:
    """What the open run shows; without one, what the draft does."""
    draft = state.draft()
    sides = Counter((example.pair, example.label) for example in draft.examples.given if example.pair)
    given = {pair for pair, _ in sides}
    behaviour = st.session_state.get("behaviour")
    known = Facts(
        model=state.model_ready() or state.run_id() != "",
        anomalous=draft.examples.count("anomalous"),
        normal=draft.examples.count("normal"),
        pairs=sum(sides[pair, "anomalous"] == sides[pair, "normal"] == 1 for pair in given),
        differs=bool(behaviour and behaviour[:2] == (draft.source, draft.examples) and behaviour[2]),
    )
    job = state.job()
    if job is None or job.state.status != "done":
        return known
    try:
        return facts_of(state.folder(), known)
    except HeadlightError:
        return known


def facts_of(run: RunFolder, known: Facts) -> Facts:
    """What a finished run shows, beside what is known of its draft; raises StorageError for a damaged one."""
    manifest, review = run.manifest(), read_review(run)
    tested = results.load(run).checked
    return replace(
        known,
        analysed=True,
        pairs=len(manifest.alignment.pairs),
        differs=tested or (known.differs and manifest.evidence != "no_difference"),
        named=sum(bool(label.name) for label in read_labels(run).values()),
        tested=tested,
        repeated=is_repeated(run, list_runs()),
        commented=bool(review.comments),
        signed=review.sign_off is not None,
    )


def ticks() -> frozenset[str]:
    """What was ticked by hand, for the open run or for the one to come; raises StorageError."""
    if state.run_id():
        return read_ticks(state.folder())
    return frozenset(st.session_state.get(_TICKS, ()))


def hand_over(run: RunFolder) -> None:
    """Keep with a new run what was ticked before it was there."""
    if ticked := st.session_state.get(_TICKS):
        write_ticks(run, ticked)


def note_comparison(first: str, second: str) -> None:
    """Two analyses have been held against each other: tick it for both."""
    for run_id in (first, second):
        with suppress(HeadlightError):  # a run that cannot be written is told of where it is opened
            tick(open_run(run_id), COMPARED)


def lines() -> list[Item]:
    """The whole list; raises StorageError where the ticks cannot be read."""
    return items(facts(), ticks())


def show(whole: list[Item], week: Week) -> None:
    """The lines of one week, under a bar; its words tell of the whole list too."""
    of_week = [item for item in whole if item.week == week]
    all_done, done = (sum(item.done for item in some) for some in (whole, of_week))
    counts = {"done": done, "total": len(of_week), "all_done": all_done, "all": len(whole)}
    st.progress(done / len(of_week), text=t("poc.progress", **counts))
    with st.container(border=True, gap="xsmall", key="checklist"):
        for item in of_week:
            if item.by_hand:
                _hand(item)
            else:
                _self(item)
    st.caption(t("poc.of_run" if state.run_id() else "poc.of_draft"))
    if error := st.session_state.pop("poc_error", None):
        shell.show(error)


def _self(item: Item) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"item_{item.key}"):
        sign, word = ("●", "poc.done") if item.done else ("○", "poc.open")
        kind = "done" if item.done else "open"
        st.html(
            f'<div class="check-line"><span class="tick {kind}" role="img" aria-label="{escape(t(word))}">'
            f"{sign}</span><span>{escape(t(f'poc.item_{item.key}'))}</span></div>",
            width="stretch",
        )
        if not item.done and st.button(
            t(f"{item.page}.name"), key=f"poc_to_{item.key}", type="tertiary", icon=":material/arrow_forward:"
        ):
            shell.go(str(item.page))


def _hand(item: Item) -> None:
    key = f"poc_{state.run_id()}_{item.key}"
    st.session_state[key] = item.done
    st.checkbox(t(f"poc.item_{item.key}"), key=key, on_change=_tick, args=(item.key, key), width="stretch")


def _tick(item: str, key: str) -> None:
    done = bool(st.session_state.get(key))
    if not state.run_id():
        held: set[Any] = set(st.session_state.get(_TICKS, ()))
        st.session_state[_TICKS] = sorted((held | {item}) if done else (held - {item}))
        return
    st.session_state["poc_error"] = state.fails(lambda: tick(state.folder(), item, done))
