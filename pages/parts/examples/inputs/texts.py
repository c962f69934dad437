"""What every way of giving examples writes: the draft's examples, and what the other inputs show of them."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.examples.example_set import COLUMNS, ExampleSet, Label
from core.examples.made_texts import keeping_made
from core.examples.reading import from_rows
from pages.parts.session import state

AROUND = ("system", "beginning", "frame")
"""What a file may bring that stands around its texts; what it does not bring stays as it was typed."""


DROPPED = "dropped_partners"
"""Key of how many made partners went with the last change of their texts, until others are made."""


def take(examples: ExampleSet, given: bool = False) -> None:
    """Replace the draft's examples; they are no longer those of a scenario. Own texts from before are kept.

    The draft keeps how texts are read, unless the new ones are conversations. `given` ones come with Headlight: as long
    as nobody changes them, there is nothing in them to keep.
    """
    draft = state.draft()
    former, draft.unread = replace(draft), {}
    change(examples, "paste_", "edit_")
    state.keep_former(former)
    if given:
        draft.given = draft.examples


def add(label: Label, text: str) -> None:
    """Add one text to a side."""
    draft = state.draft()
    row = {"label": label, "text": text, "line": draft.examples.count(label) + 1}
    new = from_rows([row], draft.keep_ends)
    take(ExampleSet(examples=(*state.draft().examples.examples, *new.examples)))


def change(examples: ExampleSet, *inputs: str) -> None:
    """Take other examples in the draft's form; the inputs whose keys begin so are filled from them again.

    Made partners stay beside the texts that stay what they were.
    """
    draft = state.draft()
    examples, gone = keeping_made(examples, draft.examples)
    if gone:
        st.session_state[DROPPED] = gone
    form = draft.examples.form if examples.form == "plain" else examples.form
    taken = draft.examples.with_examples(examples.examples).in_form(form)
    for name in AROUND:
        brought = getattr(examples, name)
        if brought and brought != getattr(taken, name):
            taken = taken.model_copy(update={name: brought})
            state.refill(f"examples_{name}")
    if _columns(taken) != _columns(draft.examples):
        draft.scenario = ""
    draft.examples = taken
    for key in [key for key in st.session_state if str(key).startswith(inputs)]:
        del st.session_state[key]


def _columns(examples: ExampleSet) -> Sequence[dict[str, object]]:
    columns = {*COLUMNS, "messages"}
    return [example.model_dump(include=columns) for example in examples.examples]
