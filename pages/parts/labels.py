"""The panel's fields for a head's own name and notes."""

import streamlit as st

from core.annotations import LONGEST_NAME, LONGEST_NOTE, HeadLabel, read_labels, write_label
from core.errors import HeadlightError
from pages.parts import frame, state
from pages.parts.state import t


def edit(head: str) -> None:
    """Name and note of this head, kept with the run."""
    error = st.session_state.pop("label_error", None)
    if error is not None:
        frame.show(error)
    label = read_labels(state.folder()).get(head, HeadLabel())
    title = t("circuit.change_label" if label.name or label.note else "circuit.add_label")
    if label.note:
        st.text(label.note)
    with (
        st.popover(title, icon=":material/edit:", key=f"label_{head}"),
        st.form(f"label_form_{head}", border=False),
    ):
        keys = {field: f"label_{field}_{state.run_id()}_{head}" for field in ("name", "note")}
        st.text_input(
            t("circuit.own_name"),
            label.name,
            max_chars=LONGEST_NAME,
            key=keys["name"],
            placeholder=t("circuit.own_name_example"),
        )
        st.text_area(t("circuit.note"), label.note, max_chars=LONGEST_NOTE, key=keys["note"])
        st.form_submit_button(
            t("circuit.keep_label"), key=f"keep_label_{head}", on_click=_keep, args=(head, keys)
        )


def _keep(head: str, keys: dict[str, str]) -> None:
    st.session_state["head"] = head  # the list shows the new name only where its value is set anew
    said = {field: st.session_state.get(key) or "" for field, key in keys.items()}
    try:
        write_label(state.folder(), head, HeadLabel(**said))
    except HeadlightError as error:
        st.session_state["label_error"] = error
