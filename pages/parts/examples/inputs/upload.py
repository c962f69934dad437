"""A file with examples: what was recognised in it, what is not clear and is asked, and how it can be read otherwise."""

from dataclasses import dataclass, field, replace

import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import Label
from core.examples.reading import ENDINGS, FinalTurn, Mapping, parse_examples, sentence, to_csv
from core.examples.reading.columns import roles_of, samples_of
from core.examples.reading.formats.decoding import NAMES
from core.examples.reading.mapping import ColumnRole
from core.examples.reading.tables import table_of
from core.schema import Note
from pages.parts import shell
from pages.parts.examples.inputs import mapper, texts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import widgets

TYPES = [ending.removeprefix(".") for ending in ENDINGS]
ENCODINGS = ("", "utf-8", "utf-16", *(name for name in NAMES if not name.startswith("utf-16")))
"""What a reader may choose; none leaves it to the file."""
_RECOGNISED_BEGINNING = "beginnings_recognised"
_ABOUT_ANSWERS = (
    "answers_taken",
    "answers_taken_as_chosen",
    "beginnings_taken",
    "answers_carried",
    _RECOGNISED_BEGINNING,
)
_UNCLEAR = ("columns_unclear", "labels_unclear")
_ABOUT_CHARACTERS = ("not_utf8", "bad_byte", "unknown_encoding", "not_text", "not_a_text_file")


@dataclass(frozen=True)
class Choices:
    """How the reader wants this file to be read; what is not chosen is recognised."""

    file_id: str
    encoding: str = ""
    columns: dict[str, ColumnRole] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    final_turn: FinalTurn | None = None
    keep_ends: bool = False


@dataclass(frozen=True)
class FileRead:
    """A file whose texts were taken: with which choices, and what was told of it."""

    choices: Choices
    count: int
    notes: tuple[Note, ...]
    encoding: str
    columns: dict[str, ColumnRole]
    samples: dict[str, list[str]]


def show() -> None:
    """The uploader, what came of the file, and the examples as a file to take along."""
    st.markdown(t("examples.file_text"))
    file = st.file_uploader(t("examples.file_label"), type=TYPES, key="upload")
    if file is not None:
        choices = _choices(file.file_id)
        read: FileRead | None = st.session_state.get("file_read")
        if read is None or read.choices != choices:
            read = _take(file.getvalue(), file.name, choices)
        if read is not None:
            _tell(read, file.name)
    examples, label = state.draft().examples, t("examples.download")
    widgets.download(
        "examples.csv", to_csv(state.draft().examples), label, key="download_examples", disabled=not examples
    )


def _choices(file_id: str) -> Choices:
    """The choices for this file, none for a new one."""
    known: Choices | None = st.session_state.get("file_choices")
    if known is None or known.file_id != file_id:
        known = Choices(file_id)
    return replace(known, keep_ends=state.draft().keep_ends)


def choose(choices: Choices) -> None:
    """Read the file in this way from the next drawing on."""
    st.session_state["file_choices"] = choices


def _take(content: bytes, name: str, choices: Choices) -> FileRead | None:
    """Take the file's texts; where it is refused or unclear, the texts stay as they were and it is said or asked."""
    encoding = choices.encoding or None
    try:
        reading = parse_examples(
            content,
            name,
            encoding=encoding,
            mapping=Mapping(choices.columns, choices.labels),
            final_turn=choices.final_turn,
            keep_space=choices.keep_ends,
        )
        samples = samples_of(table_of(content, name, encoding))
    except HeadlightError as error:
        _ask(error, content, name, choices)
        return None
    read = FileRead(
        choices,
        len(reading.examples.examples),
        reading.notes,
        reading.encoding,
        dict(reading.columns),
        samples,
    )
    if reading.examples.form == "chat":
        state.draft().form_chosen = True  # the file says so: a model without template is warned of instead
    texts.take(reading.examples)
    st.session_state["file_read"] = read
    st.rerun()


def _ask(error: HeadlightError, content: bytes, name: str, choices: Choices) -> None:
    """What is not clear is asked; anything else is told, with the choices that led there."""
    if error.key == "labels_unclear":
        if labels := mapper.labels(str(error.values["column"]), dict(error.values["counts"])):
            choose(replace(choices, labels=labels))
            st.rerun()
    elif error.key == "columns_unclear":
        st.warning(t("mapper.unclear", name=shell.plain(name)), icon=":material/table_edit:")
    else:
        shell.show(error)
    guess, as_guessed = error.values.get("guess"), str(error.values.get("encoding", ""))
    if error.key == "not_utf8" and st.button(t("examples.as_guessed", guess=guess), key="as_guessed"):
        choose(replace(choices, encoding=as_guessed, labels={}))
        st.rerun()
    if error.key in _ABOUT_CHARACTERS:
        _encoding(choices)
        return
    if error.key in _UNCLEAR or choices.columns:
        table = table_of(content, name, choices.encoding or None)
        recognised: dict[str, ColumnRole] = dict(error.values.get("recognised", {}))
        if error.key == "labels_unclear":
            roles = roles_of(table, Mapping(choices.columns))[0]
            recognised = dict(zip(table.headings, roles, strict=True))
        with st.expander(t("mapper.columns"), expanded=error.key != "labels_unclear", key="read_columns"):
            _columns(choices, samples_of(table), {**recognised, **choices.columns})


def _tell(read: FileRead, name: str) -> None:
    """What was read, everything that must be known of it, and the ways to read it otherwise."""
    st.caption(tn("examples.file_read", read.count, name=shell.plain(name)))
    if read.notes:
        st.caption("\n".join(f"- {shell.plain(sentence(note, language()))}" for note in read.notes))
    if any(note.key in _ABOUT_ANSWERS for note in read.notes):
        recognised = any(note.key == _RECOGNISED_BEGINNING for note in read.notes)
        _final_turn(read.choices, "beginning" if recognised else "answer")
    with st.expander(t("mapper.otherwise"), key="read_otherwise"):
        if read.encoding:
            _encoding(read.choices, read.encoding)
        _columns(read.choices, read.samples, read.columns)


def _encoding(choices: Choices, recognised: str = "") -> None:
    names = {name: NAMES.get(name, name.upper()) for name in ENCODINGS}
    used = names.get(recognised) or NAMES.get(recognised) or recognised.upper()
    names[""] = t("mapper.encoding_auto", name=used) if recognised else t("mapper.encoding_choose")
    st.session_state["read_encoding"] = choices.encoding if choices.encoding in names else ""
    st.selectbox(
        t("mapper.encoding"),
        list(names),
        format_func=names.__getitem__,
        key="read_encoding",
        on_change=_set_encoding,
        args=(choices,),
        width=360,
    )


def _set_encoding(choices: Choices) -> None:
    choose(replace(choices, encoding=st.session_state["read_encoding"], labels={}))


def _final_turn(choices: Choices, recognised: FinalTurn) -> None:
    """Whether an answer behind the texts is what the model said, or the beginning that it goes on from."""
    st.session_state["read_final_turn"] = choices.final_turn or recognised
    names = state.named(("answer", "beginning"), "mapper.final_{}")
    st.segmented_control(
        t("mapper.final_turn"),
        list(names),
        format_func=names.__getitem__,
        key="read_final_turn",
        required=True,
        on_change=_set_final_turn,
        args=(choices,),
    )


def _set_final_turn(choices: Choices) -> None:
    choose(replace(choices, final_turn=st.session_state["read_final_turn"]))


def _columns(choices: Choices, samples: dict[str, list[str]], recognised: dict[str, ColumnRole]) -> None:
    """The columns with their roles, and the button that reads the file with them."""
    if (columns := mapper.columns(samples, recognised)) is not None:
        choose(replace(choices, columns=columns, labels={}))
        st.rerun()
