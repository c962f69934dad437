"""The three ways to give examples: two boxes to paste into, a file, a table. All write the draft's rows."""

from collections import Counter
from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import COLUMNS, LABELS, ExampleSet, Label
from core.examples.pasted import read_sheet
from core.examples.reading import Pasted, from_pasted, from_rows, parse_examples, to_csv
from pages.parts import shell
from pages.parts.session import state
from pages.parts.session.state import t, tn
from pages.parts.shell import widgets

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
    _change(examples, "paste_", "edit_")


def add(label: Label, text: str) -> None:
    """Add one text to a side."""
    new = from_rows([{"label": label, "text": text, "line": state.draft().examples.count(label) + 1}])
    take(ExampleSet(examples=(*state.draft().examples.examples, *new.examples)))


def _change(examples: ExampleSet, *inputs: str) -> None:
    """Take other examples; the inputs whose keys begin so are filled from them again."""
    columns = set(COLUMNS)
    before, after = (
        [e.model_dump(include=columns) for e in s.examples] for s in (state.draft().examples, examples)
    )
    if before != after:
        state.draft().scenario = ""
    state.draft().examples = examples
    for key in [key for key in st.session_state if str(key).startswith(inputs)]:
        del st.session_state[key]


def _boxes() -> None:
    examples = state.draft().examples
    if any(len(example.text.splitlines()) > 1 for example in examples.examples):
        st.info(t("examples.long_texts"), icon=":material/info:")
        return
    for column, label in zip(st.columns(2, gap="medium", vertical_alignment="bottom"), LABELS, strict=True):
        key = f"paste_{label}"
        if key not in st.session_state:
            st.session_state[key] = "\n".join(examples.texts(label))
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
        shell.show_error(*error)
        return
    if note := st.session_state.get("paste_note"):
        how, anomalous, normal = note
        st.success(t(f"examples.sheet_{how}", anomalous=anomalous, normal=normal), icon=":material/table:")
    left_out = _read_boxes().empty_lines
    if left_out:
        st.caption(tn("examples.empty_lines", left_out))
    if any("\t" in example.text for example in state.draft().examples.examples):
        st.caption(t("examples.tabs"))


def _pasted(label: Label) -> None:
    """Take the boxes' lines, or the cells of a spreadsheet that was pasted into the box of this label."""
    for key in ("paste_error", "paste_note"):
        st.session_state.pop(key, None)
    try:
        sheet = read_sheet(st.session_state[f"paste_{label}"], label)
        if sheet is None:
            _take_boxes()
            return
    except HeadlightError as error:
        st.session_state["paste_error"] = (error.key, error.values)
        return
    pasted = {example.text for example in sheet.examples.examples}
    others = [e for e in state.draft().examples.examples if e.label != label and e.text not in pasted]
    take(ExampleSet(examples=(*sheet.examples.examples, *others)))
    counts = [sheet.examples.count(side) for side in LABELS]
    st.session_state["paste_note"] = (sheet.how, *counts)


def _take_boxes() -> None:
    """Take the boxes' lines; pair and expected words stay with their line."""
    _change(_read_boxes().examples.keeping_columns_of(state.draft().examples), "edit_")


def _read_boxes() -> Pasted:
    """What the boxes hold, a text a line."""
    anomalous, normal = (str(st.session_state.get(f"paste_{label}", "")) for label in LABELS)
    return from_pasted(anomalous, normal, cut="lines")


def _file() -> None:
    st.markdown(t("examples.file_text"))
    file = st.file_uploader(t("examples.file_label"), type=["csv", "tsv", "jsonl"], key="upload")
    if file is not None:
        _read(file.getvalue(), file.name, file.file_id)
    examples, label = state.draft().examples.examples, t("examples.download")
    widgets.download("examples.csv", to_csv(examples), label, key="download_examples", disabled=not examples)


def _read(content: bytes, name: str, file_id: str) -> None:
    if st.session_state.get("read_file") == file_id:
        st.caption(tn("examples.file_read", len(state.draft().examples.examples), name=shell.plain(name)))
        return
    encoding = SHIFT_JIS if st.session_state.get("read_as") == file_id else None
    try:
        examples = parse_examples(content, name, encoding=encoding).examples
    except HeadlightError as error:
        shell.show(error)
        if error.key == "not_utf8" and st.button(t("examples.as_shift_jis"), key="as_shift_jis"):
            st.session_state["read_as"] = file_id
            st.rerun()
        return
    take(examples)
    st.session_state["read_file"] = file_id
    st.rerun()


def _table() -> None:
    if "edit_base" not in st.session_state or "edit_table" not in st.session_state:
        rows = [example.model_dump(include=set(COLUMNS)) for example in state.draft().examples.examples]
        st.session_state["edit_base"] = pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)
        st.session_state.pop("edit_error", None)
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
    if error := st.session_state.get("edit_error"):
        shell.show_error(*error)
    st.caption(t("examples.table_text"))


def _edited() -> None:
    """Apply the editor's changes to the table it was given, and leave that table alone."""
    st.session_state.pop("edit_error", None)
    changes = st.session_state["edit_table"]
    rows = st.session_state["edit_base"].to_dict("records")
    for index, values in changes["edited_rows"].items():
        rows[int(index)].update(values)
    rows = [row for index, row in enumerate(rows) if index not in changes["deleted_rows"]]
    rows += changes["added_rows"]
    counts = Counter[str]()
    filled = []
    for row in rows:
        if row.get("label") and str(row.get("text") or "").strip():
            counts[row["label"]] += 1
            filled.append({**row, "line": counts[row["label"]]})
    try:
        _change(from_rows(filled), "paste_")
    except HeadlightError as error:
        st.session_state["edit_error"] = (error.key, error.values)
