"""Which anomalous texts share a mechanism, and each group of them as a draft of its own."""

from collections.abc import Sequence

import streamlit as st

from core.examples.example_set import MINIMUM_PER_SIDE
from core.examples.narrowing import with_anomalous
from core.report.sentences.groups import groups, numbers
from core.runs.facts import facts
from core.schema import TextGroups
from core.text import text
from pages.parts import shell
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import language, t


def show(result: Result) -> None:
    """The sentences, and a button a group; nothing for a run that did not ask."""
    lines = groups(facts(result.manifest, result.heads, result.edges, result.own_names), language())
    if not lines:
        return
    st.subheader(text(language(), "groups.title"), anchor=False, help=t("text_groups.help"))
    st.markdown(" ".join(shell.plain(line) for line in lines))
    found = result.manifest.groups
    if found is not None and found.state == "several":
        _buttons(found)
    st.space("small")


def _buttons(found: TextGroups) -> None:
    """A button a group; a group with too few texts for an analysis says so."""
    with st.container(horizontal=True, key="text_groups"):
        for place, group in enumerate(found.groups, start=1):
            few = len(group.texts) < MINIMUM_PER_SIDE
            if st.button(
                t("text_groups.alone", texts=numbers(group.texts, language())),
                key=f"group_alone_{place}",
                icon=":material/call_split:",
                disabled=few,
                help=t("text_groups.few", least=MINIMUM_PER_SIDE) if few else t("text_groups.alone_help"),
            ):
                _open(group.texts)


def _open(texts: Sequence[int]) -> None:
    """The examples page with these anomalous texts and the normal ones, with the settings of this run."""
    draft = state.draft_of(state.folder().config())
    draft.examples = draft.given = with_anomalous(draft.examples, texts)
    draft.scenario = ""
    state.leave_run()
    state.replace_draft(draft)
    shell.go("examples")


def order(found: TextGroups | None) -> list[int]:
    """Numbers of the texts, from 1, group by group and then those without one; empty where there is one group."""
    if found is None or found.state != "several":
        return []
    return [place + 1 for group in found.groups for place in group.texts] + [
        place + 1 for place in found.unplaced
    ]
