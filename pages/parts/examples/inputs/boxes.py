"""Two boxes to paste into, how they are cut into texts, and the ways to cut them otherwise."""

from html import escape
from pathlib import Path

import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import LABELS, ExampleSet, Label
from core.examples.pasted import read_sheet
from core.examples.reading import Cut, Pasted, from_pasted, recognised, written
from core.examples.reading.notes import sentence
from pages.parts import shell
from pages.parts.examples.inputs import texts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn

LIVE = Path(__file__).with_name("live.html").read_text(encoding="utf-8")
"""Commits a box while it is typed in: Streamlit's text area waits until it is left."""
HEIGHT = 260  # Pixels of a box: two or three texts of several lines


def show() -> None:
    """The boxes, and below them how they were cut."""
    _fill()
    for column, label in zip(st.columns(2, gap="medium", vertical_alignment="bottom"), LABELS, strict=True):
        column.html(
            f'<span class="side {label}">{escape(t(f"examples.{label}_title"))}</span>'
            f'<p class="lead-small">{escape(t(f"examples.{label}_hint"))}</p>'
        )
        column.text_area(
            t(f"examples.{label}_title"),
            height=HEIGHT,
            key=f"paste_{label}",
            on_change=_pasted,
            args=(label,),
            label_visibility="collapsed",
            placeholder=t(f"examples.{state.draft().examples.form}_placeholder"),
        )
    st.html(LIVE, unsafe_allow_javascript=True)
    _say_how_it_was_read()


def _fill() -> None:
    """Boxes that hold nothing yet are filled with the draft's texts, and cut as these are written."""
    if all(f"paste_{label}" in st.session_state for label in LABELS):
        return
    draft = state.draft()
    if draft.unread:
        st.session_state.update({f"paste_{label}": box for label, box in draft.unread.items()})
        return
    sides = [draft.examples.texts(label) for label in LABELS]
    whole = [written(side, others) for side, others in zip(sides, reversed(sides), strict=True)]
    for label, (box, _) in zip(LABELS, whole, strict=True):
        st.session_state[f"paste_{label}"] = box
    if any(sides):
        cutting = whole[0][1]
        draft.cut = "auto" if recognised([box for box, _ in whole]) == cutting else cutting.how
        draft.separator = cutting.separator
        draft.keep_ends |= any(text != text.strip() for side in sides for text in side)


def _boxes() -> list[str]:
    return [st.session_state.get(f"paste_{label}", "") for label in LABELS]


def _read() -> Pasted:
    """What the boxes hold, cut as somebody chose, or as they themselves tell. Raises ExamplesError."""
    draft = state.draft()
    chosen, separator = (None, "") if draft.cut == "auto" else (draft.cut, draft.separator)
    anomalous, normal = _boxes()
    return from_pasted(anomalous, normal, separator, chosen, draft.keep_ends)


def _say_how_it_was_cut(pasted: Pasted) -> None:
    """How the boxes were cut, one click for the other way, and the separator and the ends in a popover."""
    other: Cut = "lines" if pasted.cut != "lines" else "blank_lines"
    count, otherwise = (sum(pasted.counts.get(way, (0, 0))) for way in (pasted.cut, other))
    with st.container(horizontal=True, vertical_alignment="center", key="cutting"):
        if count:
            how = t(f"cutting.{pasted.cut}", separator=shell.plain(pasted.separator))
            st.caption(tn("cutting.texts", count, how=how), width="content")
            filled = sum(bool(box.strip()) for box in _boxes())
            if otherwise != count and (pasted.cut != "lines" or otherwise > filled):
                st.button(
                    tn(f"cutting.to_{other}", otherwise),
                    key="cut_otherwise",
                    type="tertiary",
                    on_click=_cut,
                    args=(other,),
                )
        else:
            st.caption(t("examples.live"), width="content")
        if count:
            with st.popover(t("cutting.more"), type="tertiary", key="cutting_more"):
                _choices()


def _choices() -> None:
    names = state.named(("auto", "lines", "blank_lines", "separator"), "cutting.choice_{}")
    _bound("cut")
    st.radio(
        t("cutting.choice"),
        list(names),
        format_func=names.__getitem__,
        key="cutting_cut",
        on_change=_cut_again,
    )
    if state.draft().cut == "separator":
        _bound("separator")
        st.text_input(
            t("cutting.separator_label"),
            key="cutting_separator",
            help=t("cutting.separator_help"),
            on_change=_cut_again,
        )
    _bound("keep_ends")
    st.toggle(
        t("cutting.keep_ends"),
        key="cutting_keep_ends",
        help=t("cutting.keep_ends_help"),
        on_change=_cut_again,
    )


def _bound(name: str) -> None:
    """A widget of the cutting always shows the draft, which buttons change as well."""
    st.session_state[f"cutting_{name}"] = getattr(state.draft(), name)


def _cut(how: Cut) -> None:
    state.draft().cut = how
    _take_boxes()


def _cut_again() -> None:
    """Cut as the popover's widgets say."""
    draft = state.draft()
    for name in ("cut", "separator", "keep_ends"):
        setattr(draft, name, st.session_state.get(f"cutting_{name}", getattr(draft, name)))
    _take_boxes()


def _say_how_it_was_read() -> None:
    if error := st.session_state.get("paste_error"):
        shell.show_error(*error)
        return
    pasted = _read()
    _say_how_it_was_cut(pasted)
    if note := st.session_state.get("paste_note"):
        how, anomalous, normal = note
        st.success(t(f"examples.sheet_{how}", anomalous=anomalous, normal=normal), icon=":material/table:")
    if pasted.empty_lines:
        st.caption(tn("examples.empty_lines", pasted.empty_lines))
    for note in pasted.notes:
        st.caption(shell.plain(sentence(note, language())))
    if any("\t" in example.text for example in state.draft().examples.examples):
        st.caption(t("examples.tabs"))


def _pasted(label: Label) -> None:
    """Take the boxes' texts, or the cells of a spreadsheet that was pasted into the box of this label."""
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
    pasted = {example.text for example in sheet.examples.examples}
    others = [e for e in state.draft().examples.given if e.label != label and e.text not in pasted]
    texts.take(ExampleSet(examples=(*sheet.examples.examples, *others)))
    counts = [sheet.examples.count(side) for side in LABELS]
    st.session_state["paste_note"] = (sheet.how, *counts)


def _take_boxes() -> None:
    """Take the boxes' texts; pair and answers stay with their text."""
    if not any(box.strip() for box in _boxes()):
        state.draft().cut = "auto"
    try:
        examples = _read().examples
    except HeadlightError as error:
        st.session_state["paste_error"] = (error.key, error.values)
        return
    st.session_state.pop("paste_error", None)
    texts.change(examples.keeping_columns_of(state.draft().examples), "edit_")
