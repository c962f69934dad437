"""The examples as a table that can be edited; columns that the page does not know stay with their text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import COLUMNS, LABELS, Example
from core.examples.made_texts import without_made
from core.examples.reading import carried_heading, from_rows
from pages.parts import shell
from pages.parts.examples.inputs import texts
from pages.parts.session import state
from pages.parts.session.state import t

TALL_ROW = 88  # Pixels of a row where texts have several lines


def show() -> None:
    """The editor, what is wrong with its last change, and what its columns mean."""
    if "edit_base" not in st.session_state or "edit_table" not in st.session_state:
        _fill()
    base: pd.DataFrame = st.session_state["edit_base"]
    carried = [name for name in base.columns if name not in COLUMNS]
    several_lines = base["text"].str.contains("\n", regex=False).any()
    st.data_editor(
        base,
        key="edit_table",
        num_rows="dynamic",
        hide_index=True,
        on_change=_edited,
        disabled=carried,
        row_height=TALL_ROW if several_lines else None,
        column_config=_columns(),
    )
    if error := st.session_state.get("edit_error"):
        shell.show_error(*error)
    st.caption(t(f"examples.table_text_{state.draft().examples.form}"))


def _fill() -> None:
    examples = without_made(state.draft().examples).examples
    carried = list(dict.fromkeys(name for example in examples for name in example.carried))
    rows = [
        {**_cells(example), **{carried_heading(name): cell for name, cell in example.carried.items()}}
        for example in examples
    ]
    columns = [*COLUMNS, *map(carried_heading, carried)]
    st.session_state["edit_base"] = pd.DataFrame(rows, columns=columns, dtype=str).fillna("")
    st.session_state["edit_examples"] = examples
    st.session_state.pop("edit_error", None)


def _cells(example: Example) -> dict[str, str]:
    return {column: getattr(example, column) for column in COLUMNS}


def _columns() -> dict[str, Any]:
    names = state.named(LABELS, "label.{}")
    widths = {"text": "large", "expected": "medium", "actual": "medium", "pair": "small"}
    texts = {
        column: st.column_config.TextColumn(
            t(f"column.{column}"),
            help=None if column == "text" else t(f"column.{column}_note"),
            required=column == "text",
            width=width,  # type: ignore[arg-type]
        )
        for column, width in widths.items()
    }
    label = st.column_config.SelectboxColumn(
        t("column.label"),
        options=list(LABELS),
        required=True,
        format_func=lambda label: names[str(label)],
        width="small",
    )
    return {"label": label, **texts}


def _edited() -> None:
    """Apply the editor's changes to the table it was given, and leave that table alone."""
    st.session_state.pop("edit_error", None)
    try:
        rows, origins = _rows()
        keep_ends = state.draft().keep_ends
        read = state.draft().examples.with_examples(from_rows(rows, keep_ends).examples)
    except HeadlightError as error:
        st.session_state["edit_error"] = (error.key, error.values)
        return
    whole = [
        example.model_copy(update={"carried": origin.carried, "messages": origin.messages})
        if origin
        else example
        for example, origin in zip(read.examples, origins, strict=True)
    ]
    texts.change(read.with_examples(whole), "paste_")


def _rows() -> tuple[list[dict[str, object]], Sequence[Example | None]]:
    """The rows that have a label and a text, each with the example that it was before."""
    changes = st.session_state["edit_table"]
    before: Sequence[Example] = st.session_state["edit_examples"]
    edited = {int(index): values for index, values in changes["edited_rows"].items()}
    rows: list[tuple[dict[str, object], Example | None]] = [
        ({**_cells(example), **edited.get(index, {})}, example)
        for index, example in enumerate(before)
        if index not in changes["deleted_rows"]
    ]
    rows += [(row, None) for row in changes["added_rows"]]
    counts = Counter[object]()
    filled: list[dict[str, object]] = []
    origins: list[Example | None] = []
    for row, origin in rows:
        if row.get("label") and str(row.get("text") or "").strip():
            counts[row["label"]] += 1
            filled.append({**row, "line": counts[row["label"]]})
            origins.append(origin)
    return filled, origins
