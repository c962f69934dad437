"""What stands around all texts of a file alike is held by the set, and is written and read again."""

import json

import pytest

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import parse_examples, to_csv
from tests.support import chat_incident


def log(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def row(label: str, *turns: tuple[str, str], **answers: str) -> dict[str, object]:
    return {"label": label, "messages": [{"role": role, "content": said} for role, said in turns], **answers}


def keys(reading) -> list[str]:
    return [note.key for note in reading.notes]


def test_system_message_and_beginning_that_all_share_are_held_by_the_set():
    reading = parse_examples(chat_incident.as_jsonl(), "log.jsonl")
    examples = reading.examples
    assert (examples.form, examples.system, examples.beginning) == (
        "chat",
        chat_incident.SYSTEM,
        chat_incident.BEGINNING,
    )
    assert examples.texts("anomalous") == chat_incident.texts("anomalous")
    assert {(e.expected, e.actual) for e in examples.examples} == {
        (chat_incident.EXPECTED, chat_incident.ACTUAL)
    }
    assert keys(reading) == ["beginnings_recognised"]


def test_last_turn_that_holds_an_answer_is_kept_as_one():
    turns = ("user", "Where to?"), ("assistant", "Send it to the Legal Office, please.")
    answers = {"expected": "Billing", "actual": "legal office"}
    reading = parse_examples(
        log(row("anomalous", *turns, **answers), row("normal", ("user", "x"))), "l.jsonl"
    )
    assert reading.examples.examples[0].carried == {"answer": "Send it to the Legal Office, please."}
    assert reading.examples.examples[0].text == "Where to?"
    assert keys(reading) == ["answers_carried"]


def test_chosen_answer_is_no_beginning():
    turns = ("user", "Where to?"), ("assistant", "To the")
    content = log(row("anomalous", *turns, expected="A", actual="B"), row("normal", ("user", "x")))
    reading = parse_examples(content, "l.jsonl", final_turn="answer")
    assert reading.examples.examples[0].carried == {"answer": "To the"}
    assert keys(reading) == ["answers_carried"]


def test_system_messages_that_differ_stay_with_their_texts():
    rows = [
        row(label, ("system", said), ("user", "hi " + said)) for label, said in (("ng", "a"), ("ok", "b"))
    ]
    examples = parse_examples(log(*rows), "l.jsonl").examples
    assert examples.system == ""
    assert [example.messages[0].content for example in examples.examples] == ["a", "b"]


AROUND = [
    {"form": "chat", "system": "Be brief.\nAlways.", "beginning": "It is"},
    {"form": "chat", "beginning": "To the"},
    {"form": "plain", "frame": "Ticket: {text}\nDepartment:"},
]


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_the_texts_comes_back_from_our_own_file(around):
    examples = ExampleSet(
        examples=tuple(
            Example(label=label, text=text)
            for label in ("anomalous", "normal")
            for text in (label, "x " + label)
        ),
        **around,
    )
    reading = parse_examples(to_csv(examples), "examples.csv")
    back = reading.examples
    assert (back.form, back.system, back.beginning, back.frame) == (
        examples.form,
        examples.system,
        examples.beginning,
        examples.frame,
    )
    assert [example.text for example in back.examples] == [example.text for example in examples.examples]
    assert reading.notes == ()


def test_own_system_message_wins_in_our_own_file():
    own = (Message(role="system", content="own"), Message(role="user", content="a"))
    examples = ExampleSet(
        examples=(
            Example(label="anomalous", text="system: own\nuser: a", messages=own),
            Example(label="normal", text="b"),
        ),
        form="chat",
        system="common",
    )
    back = parse_examples(to_csv(examples), "examples.csv").examples
    assert [[turn.content for turn in example.messages] for example in back.examples] == [
        ["own", "a"],
        ["common", "b"],
    ]


def test_frames_that_differ_are_refused():
    content = b"label,text,frame\nanomalous,a,T: {text}\nnormal,b,U: {text}\n"
    with pytest.raises(ExamplesError) as refusal:
        parse_examples(content, "x.csv")
    assert refusal.value.key == "frames_differ"
