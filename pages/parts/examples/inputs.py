"""The three ways to give examples: two boxes to paste into, a file, a table. All write the draft's rows."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import (
    COLUMNS,
    LABELS,
    Example,
    ExampleSet,
    Label,
    from_pasted,
    parse_examples,
    to_csv,
)
from core.examples.pasted import read_sheet
from pages.parts.session import state
from pages.parts.session.state import t, tn
from pages.parts.shell import frame

SHIFT_JIS = "cp932"
LIVE = Path(__file__).with_name("live.html").read_text(encoding="utf-8")
"""Commits a box while it is typed in: Streamlit's text area waits until it is left."""


def show() -> None:
    """The boxes, and folded beside them the file and the table."""
    boxes, file, table = st.tabs(
        [t("examples.paste"), t("examples.file"), t("examples.table")], key="examples_tab"
    )
    with boxes:
        _boxes()
    with file:
        _file()
    with table:
        _table()


def take(examples: ExampleSet) -> None:
    """Replace the draft's examples; they are no longer those of a scenario."""
    _take_rows(_rows_of(examples.examples), [example.line for example in examples.examples])
    _forget_inputs()


def add(label: str, text: str) -> None:
    """Add one text to a side."""
    _take_rows([*state.draft().rows, {**dict.fromkeys(COLUMNS, ""), "label": label, "text": text}])
    _forget_inputs()


def _take_rows(rows: list[dict[str, str]], lines: Sequence[int] = ()) -> None:
    if rows != state.draft().rows:
        state.draft().scenario = ""
    state.draft().rows, state.draft().lines = rows, list(lines)


def _forget_inputs() -> None:
    for key in [key for key in st.session_state if str(key).startswith(("paste_", "edit_"))]:
        del st.session_state[key]


def _boxes() -> None:
    rows = state.draft().rows
    if any("\n" in row["text"].strip() for row in rows):
        st.info(t("examples.long_texts"), icon=":material/info:")
        return
    for column, label in zip(st.columns(2, gap="medium", vertical_alignment="bottom"), LABELS, strict=True):
        key = f"paste_{label}"
        if key not in st.session_state:
            st.session_state[key] = "\n".join(row["text"] for row in rows if row["label"] == label)
        column.html(
            f'<span class="side {label}">{escape(t(f"examples.{label}_title"))}</span>'
            f'<p class="lead-small">{escape(t(f"examples.{label}_hint"))}</p>'
        )
        column.text_area(
            t(f"examples.{label}_title"),
            height=212,
            key=key,
            on_change=_pasted,
            args=(label,),
            label_visibility="collapsed",
            placeholder=t(f"examples.{label}_placeholder"),
        )
    st.html(LIVE, unsafe_allow_javascript=True)
    st.caption(t("examples.live"))
    _say_how_it_was_read()


def _say_how_it_was_read() -> None:
    if error := st.session_state.get("paste_error"):
        frame.show_error(*error)
        return
    if note := st.session_state.get("paste_note"):
        how, anomalous, normal = note
        said = t(f"examples.sheet_{how}", anomalous=anomalous, normal=normal)
        st.success(said, icon=":material/table:")
    left_out = _read_boxes()[1]
    if left_out:
        st.caption(tn("examples.empty_lines", left_out))
    if any("\t" in row["text"] for row in state.draft().rows):
        st.caption(t("examples.tabs"))


def _pasted(label: Label) -> None:
    """Take the boxes' lines, or the cells of a spreadsheet that was pasted into the box of this label."""
    for key in ("paste_error", "paste_note"):
        st.session_state.pop(key, None)
    try:
        sheet = read_sheet(st.session_state[f"paste_{label}"], label)
    except HeadlightError as error:
        st.session_state["paste_error"] = (error.key, error.values)
        return
    if sheet is None:
        _take_boxes()
        return
    new = sheet.examples.examples
    texts = {example.text for example in new}
    kept = [row for row in state.draft().rows if row["label"] != label and row["text"] not in texts]
    _take_rows([*_rows_of(new), *kept])
    _forget_inputs()
    counts = [sheet.examples.count(side) for side in LABELS]
    st.session_state["paste_note"] = (sheet.how, *counts)


def _take_boxes() -> None:
    """Take the boxes' lines; a text that was there before keeps its pair and expected words."""
    known = {(row["label"], row["text"]): row for row in state.draft().rows}
    examples, _ = _read_boxes()
    rows = []
    for new in _rows_of(examples.examples):
        before = known.get((new["label"], new["text"]), {})
        rows.append({**new, **{column: before.get(column, "") for column in COLUMNS[2:]}})
    _take_rows(rows, [example.line for example in examples.examples])
    for key in [key for key in st.session_state if str(key).startswith("edit_")]:
        del st.session_state[key]


def _rows_of(examples: Sequence[Example]) -> list[dict[str, str]]:
    return [{column: getattr(example, column) for column in COLUMNS} for example in examples]


def _read_boxes() -> tuple[ExampleSet, int]:
    """What the boxes hold, and how many of their lines are empty."""
    return from_pasted(*(st.session_state.get(f"paste_{label}", "") for label in LABELS))


def _file() -> None:
    st.markdown(t("examples.file_text"))
    file = st.file_uploader(t("examples.file_label"), type=["csv", "tsv", "jsonl"], key="upload")
    if file is not None:
        _read(file.getvalue(), file.name, file.file_id)
    st.download_button(
        t("examples.download"),
        data=to_csv(ExampleSet.model_validate({"examples": state.draft().rows}).examples),
        file_name="examples.csv",
        mime="text/csv",
        key="download_examples",
        on_click="ignore",
        disabled=not state.draft().rows,
        icon=":material/download:",
    )


def _read(content: bytes, name: str, file_id: str) -> None:
    if st.session_state.get("read_file") == file_id:
        st.caption(tn("examples.file_read", len(state.draft().rows), name=frame.plain(name)))
        return
    encoding = SHIFT_JIS if st.session_state.get("read_as") == file_id else None
    try:
        examples = parse_examples(content, name, encoding)
    except HeadlightError as error:
        frame.show(error)
        if error.key == "not_utf8" and st.button(t("examples.as_shift_jis"), key="as_shift_jis"):
            st.session_state["read_as"] = file_id
            st.rerun()
        return
    take(examples)
    st.session_state["read_file"] = file_id
    st.rerun()


def _table() -> None:
    if "edit_base" not in st.session_state or "edit_table" not in st.session_state:
        st.session_state["edit_base"] = pd.DataFrame(state.draft().rows, columns=list(COLUMNS), dtype=str)
    names = state.named(LABELS, "label.{}")
    base: pd.DataFrame = st.session_state["edit_base"]
    st.data_editor(
        base,
        key="edit_table",
        num_rows="dynamic",
        hide_index=True,
        on_change=_edited,
        column_config={
            "label": st.column_config.SelectboxColumn(
                t("column.label"),
                options=list(LABELS),
                required=True,
                format_func=lambda label: names[str(label)],
                width="small",
            ),
            "text": st.column_config.TextColumn(t("column.text"), required=True, width="large"),
            "pair": st.column_config.TextColumn(t("column.pair"), help=t("column.pair_note"), width="small"),
            "expected": st.column_config.TextColumn(
                t("column.expected"), help=t("column.expected_note"), width="small"
            ),
            "actual": st.column_config.TextColumn(
                t("column.actual"), help=t("column.actual_note"), width="small"
            ),
        },
    )
    st.caption(t("examples.table_text"))


def _edited() -> None:
    """Apply the editor's changes to the table it was given, and leave that table alone."""
    changes = st.session_state["edit_table"]
    rows = st.session_state["edit_base"].to_dict("records")
    for index, values in changes["edited_rows"].items():
        rows[int(index)].update(values)
    rows = [row for index, row in enumerate(rows) if index not in changes["deleted_rows"]]
    rows += changes["added_rows"]
    clean = [{column: str(row.get(column) or "") for column in COLUMNS} for row in rows]
    _take_rows([row for row in clean if row["text"].strip() or row["label"]])
    for key in [key for key in st.session_state if str(key).startswith("paste_")]:
        del st.session_state[key]
