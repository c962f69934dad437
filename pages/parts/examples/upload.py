"""A file with examples: what was recognised in it, and how it can be read otherwise."""

import streamlit as st

from core.errors import HeadlightError
from core.examples.reading import parse_examples, to_csv
from core.examples.reading.mapping import sentence
from pages.parts import shell
from pages.parts.examples import inputs
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import widgets

TYPES = ["csv", "tsv", "txt", "jsonl", "json", "xlsx", "parquet"]
SHIFT_JIS = "cp932"


def show() -> None:
    """The uploader, what came of the file, and the examples as a file to take along."""
    st.markdown(t("examples.file_text"))
    file = st.file_uploader(t("examples.file_label"), type=TYPES, key="upload")
    if file is not None:
        _read(file.getvalue(), file.name, file.file_id)
    examples, label = state.draft().examples.examples, t("examples.download")
    widgets.download("examples.csv", to_csv(examples), label, key="download_examples", disabled=not examples)


def _read(content: bytes, name: str, file_id: str) -> None:
    if st.session_state.get("read_file") == file_id:
        st.caption(tn("examples.file_read", len(state.draft().examples.examples), name=shell.plain(name)))
        for note in st.session_state.get("read_notes", ()):
            st.caption(shell.plain(sentence(note, language())))
        return
    encoding = SHIFT_JIS if st.session_state.get("read_as") == file_id else None
    try:
        reading = parse_examples(content, name, encoding=encoding, keep_space=state.draft().keep_ends)
    except HeadlightError as error:
        shell.show(error)
        if error.key == "not_utf8" and st.button(t("examples.as_shift_jis"), key="as_shift_jis"):
            st.session_state["read_as"] = file_id
            st.rerun()
        return
    inputs.take(reading.examples)
    st.session_state["read_file"] = file_id
    st.session_state["read_notes"] = reading.notes
    st.rerun()
