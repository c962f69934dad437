"""A file with examples: what was recognised in it, and how it can be read otherwise."""

import streamlit as st

from core.errors import HeadlightError
from core.examples.reading import ENDINGS, parse_examples, sentence, to_csv
from pages.parts import shell
from pages.parts.examples import inputs
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import widgets

TYPES = [ending.removeprefix(".") for ending in ENDINGS]


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
    encoding = st.session_state.get("read_as", {}).get(file_id)
    try:
        reading = parse_examples(content, name, encoding=encoding, keep_space=state.draft().keep_ends)
    except HeadlightError as error:
        shell.show(error)
        guess, as_guessed = error.values.get("guess"), error.values.get("encoding")
        if error.key == "not_utf8" and st.button(t("examples.as_guessed", guess=guess), key="as_guessed"):
            st.session_state["read_as"] = {file_id: as_guessed}
            st.rerun()
        return
    inputs.take(reading.examples)
    st.session_state["read_file"] = file_id
    st.session_state["read_notes"] = reading.notes
    st.rerun()
