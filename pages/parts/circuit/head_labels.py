"""The panel's fields for a head's own name, notes and group, and the one that groups several heads at once."""

import pandas as pd
import streamlit as st

from core.runs.head_notes import LONGEST_NOTE, HeadLabel, groups, read_labels, write_group, write_label
from pages.parts import shell
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import t

FIELDS = ("name", "note", "group")


def edit(head: str) -> None:
    """A button that opens name, note and group of this head, kept with the run."""
    labels = read_labels(state.folder())
    label = labels.get(head, HeadLabel())
    title = t("circuit.add_label" if label == HeadLabel() else "circuit.change_label")
    with (
        st.popover(title, icon=":material/edit:", key=f"label_{head}"),
        st.form(f"label_form_{head}", border=False),
    ):
        keys = {field: f"label_{field}_{state.run_id()}_{head}" for field in FIELDS}
        keys["group"] += f"_{label.group}"  # the box follows a group that was given in another place
        st.text_input(
            t("circuit.own_name"), label.name, key=keys["name"], placeholder=t("circuit.own_name_example")
        )
        _group_box(list(groups(labels)), label.group, keys["group"])
        st.text_area(t("circuit.note"), label.note, max_chars=LONGEST_NOTE, key=keys["note"])
        st.form_submit_button(
            t("circuit.keep_label"), key=f"keep_label_{head}", on_click=_keep, args=(head, keys)
        )


def tell(head: str) -> None:
    """Group and note of this head, where there are any; and why they could not be kept."""
    if error := st.session_state.pop("label_error", None):
        shell.show(error)
    label = read_labels(state.folder()).get(head, HeadLabel())
    if label.group:
        st.text(t("group.of", name=label.group))
    if label.note:
        st.text(label.note)


def edit_groups(result: Result, heads: pd.DataFrame) -> None:
    """Put several heads of the picture into one group, or take them out of theirs."""
    titles = result.titles()
    known = list(dict.fromkeys(name for name in result.heads["group"] if name))
    options = list(dict.fromkeys([*heads["name"], *result.heads["name"]]))
    st.markdown(t("group.lead"))
    run = state.run_id()
    with st.form("group_form", border=False, clear_on_submit=True):
        st.multiselect(
            t("group.members"),
            options,
            key=f"group_members_{run}",
            format_func=lambda name: titles.get(name, name),
            placeholder=t("group.members_hint"),
            select_all=False,
        )
        _group_box(sorted(known), None, f"group_name_{run}")
        st.form_submit_button(t("group.keep"), key="keep_group", on_click=_keep_group, args=(run,))
    if st.session_state.pop("group_empty", False):
        st.caption(t("group.none_chosen"))


def _group_box(known: list[str], group: str | None, key: str) -> None:
    """An existing group or the name of a new one."""
    st.selectbox(
        t("group.name"),
        known,
        index=known.index(group) if group in known else None,
        key=key,
        accept_new_options=True,
        placeholder=t("group.name_hint"),
        help=t("group.help"),
    )


def _keep(head: str, keys: dict[str, str]) -> None:
    st.session_state["head"] = head  # the list shows the new name only where its value is set anew
    label = HeadLabel(**{field: st.session_state.get(key) or "" for field, key in keys.items()})
    st.session_state["label_error"] = state.fails(lambda: write_label(state.folder(), head, label))


def _keep_group(run: str) -> None:
    members = st.session_state.get(f"group_members_{run}") or []
    name = st.session_state.get(f"group_name_{run}") or ""
    st.session_state["group_empty"] = not members
    st.session_state["label_error"] = state.fails(lambda: write_group(state.folder(), members, name))
