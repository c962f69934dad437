"""The table editor: texts of several lines, whole answers, and what the table does not show."""

from typing import Any

import pytest

from core.examples.conversation import Message, transcript
from core.examples.example_set import Example, ExampleSet
from pages.parts.examples.inputs import table
from pages.parts.session import state

TURNS = (Message(role="user", content="one"), Message(role="assistant", content="It is"))


def session(
    monkeypatch: pytest.MonkeyPatch, examples: ExampleSet, edited: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """A session in which the table was filled with the examples and then edited."""
    held = {
        "draft": state.Draft(examples=examples, **more),
        "edit_examples": examples.examples,
        "edit_table": {"edited_rows": {}, "deleted_rows": [], "added_rows": [], **edited},
    }
    monkeypatch.setattr(table.st, "session_state", held)
    return held


def texts() -> ExampleSet:
    rows = (
        Example(
            label="anomalous", text="first\nsecond", actual="the Legal desk", line=2, carried={"id": "7"}
        ),
        Example(label="normal", text=transcript(TURNS), messages=TURNS, line=3, carried={"id": "8"}),
        Example(label="normal", text="third", line=4),
    )
    return ExampleSet(examples=rows, form="chat", system="s")


def test_what_is_not_edited_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    edit = {"edited_rows": {"0": {"expected": "the Billing desk,\nsecond floor"}}}
    held = session(monkeypatch, texts(), edit)
    table._edited()
    assert "edit_error" not in held
    first, second, third = held["draft"].examples.examples
    assert (first.text, first.expected) == ("first\nsecond", "the Billing desk,\nsecond floor")
    assert (first.actual, first.carried) == ("the Legal desk", {"id": "7"})
    assert (second.messages, second.carried) == (TURNS, {"id": "8"})
    assert third.text == "third"
    assert (held["draft"].examples.form, held["draft"].examples.system) == ("chat", "s")


def test_a_further_column_of_the_same_name_hides_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    carried = {"text": "=T1", "pair": "x", "prio": "high"}
    held = session(
        monkeypatch, ExampleSet(examples=(Example(label="normal", text="hi", carried=carried),)), {}
    )
    table._fill()
    (row,) = held["edit_base"].to_dict("records")
    assert (row["text"], row["pair"]) == ("hi", "")
    assert [row[name] for name in ("carried.text", "carried.pair", "prio")] == ["=T1", "x", "high"]


def test_edited_transcript_becomes_other_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "user: two\nassistant: That is"
    held = session(monkeypatch, texts(), {"edited_rows": {"1": {"text": text}}})
    table._edited()
    edited = held["draft"].examples.examples[1]
    assert [(turn.role, turn.content) for turn in edited.messages] == [
        ("user", "two"),
        ("assistant", "That is"),
    ]
    assert edited.carried == {"id": "8"}


def test_deleted_and_added_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    edit = {
        "deleted_rows": [0],
        "added_rows": [{"label": "anomalous", "text": "new\nlines "}, {"label": "normal"}],
    }
    held = session(monkeypatch, texts(), edit)
    table._edited()
    assert [(e.label, e.text, e.carried) for e in held["draft"].examples.examples] == [
        ("normal", transcript(TURNS), {"id": "8"}), ("normal", "third", {}), ("anomalous", "new\nlines", {}),
    ]  # fmt: skip


def test_ends_are_kept_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    held = session(monkeypatch, texts(), {"edited_rows": {"2": {"text": "third: "}}}, keep_ends=True)
    table._edited()
    assert held["draft"].examples.examples[2].text == "third: "
