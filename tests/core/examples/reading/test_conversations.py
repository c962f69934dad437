"""Conversations in files: the forms of their turns, what stands beside them, and what the last turn is."""

import csv
import io
import json

import pytest

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import Example
from core.examples.reading import parse_examples
from core.examples.reading.conversations import turns_of
from core.examples.reading.rows import to_csv

USER = Message(role="user", content="hi")
SYSTEM = Message(role="system", content="Be brief.")
ANSWER = Message(role="assistant", content="Legal")


def examples(*records: dict, **asked) -> tuple[Example, ...]:
    return parse_examples(json.dumps(records).encode(), "x.json", **asked).examples.examples


@pytest.mark.parametrize(
    "cell",
    [
        [{"role": "user", "content": "hi"}],
        [{"from": "human", "value": "hi"}],
        [{"role": "User", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}],
        [{"role": "user", "content": ["h", "i"]}],
        {"role": "user", "content": "hi"},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"choices": [{"index": 0, "message": {"role": "user", "content": "hi"}}]},
        [{"id": "t", "messages": [{"role": "user", "content": "hi", "name": None}]}],
        '[{"role": "user", "content": "hi"}]',
        "[{'role': 'user', 'content': 'hi'}]",
    ],
)
def test_forms_of_a_turn(cell):
    assert turns_of(cell, 1) == (USER,)


@pytest.mark.parametrize(
    "cell",
    [
        "hi",
        "",
        None,
        [],
        ["hi"],
        "[not json",
        "{'a': 1}",
        {"a": 1},
        3,
        "[1, 2]",
        [{"type": "text", "text": "a"}],
    ],
)
def test_what_is_no_conversation_has_no_turns(cell):
    assert turns_of(cell, 1) == ()


@pytest.mark.parametrize(
    ("cell", "key", "named"),
    [
        ([{"role": "tool", "content": "x"}], "unknown_role", "tool"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "turn_without_text",
            "image_url",
        ),
        (
            [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
            "turn_without_text",
            "tool_calls",
        ),
        (
            [{"role": "assistant", "content": "ok", "function_call": {"name": "f"}}],
            "turn_without_text",
            "function_call",
        ),
        ([{"role": "assistant", "content": None}], "turn_without_text", "null"),
        ([{"messages": [{"role": "user", "content": "a"}]}] * 2, "several_conversations", "2"),
    ],
)
def test_turn_that_is_no_text_is_refused_by_its_name(cell, key, named):
    with pytest.raises(ExamplesError, match=f"Line 7.*{named}") as caught:
        turns_of(cell, 7)
    assert caught.value.key == key


def test_list_of_messages_under_text_is_a_conversation():
    (example,) = examples({"label": "NG", "text": [{"role": "user", "content": "hi"}]})
    assert (example.text, example.messages) == ("hi", (USER,))


def test_column_of_messages_in_a_csv_file():
    buffer = io.StringIO()
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'a, b\n"c"'}]
    csv.writer(buffer).writerows([("label", "messages"), ("NG", json.dumps(turns)), ("OK", str(turns))])
    examples = parse_examples(buffer.getvalue().encode(), "x.csv").examples
    wrong, right = examples.examples
    assert examples.system == SYSTEM.content
    assert wrong.messages == right.messages == (Message(role="user", content='a, b\n"c"'),)


def test_columns_of_system_prompt_and_answer():
    rows = [
        {"label": "NG", "system": "Be brief.", "prompt": "hi", "answer": "Legal"},
        {"label": "OK", "system": "", "prompt": "ho", "answer": "Billing"},
    ]
    wrong, right = examples(*rows)
    assert (wrong.messages, wrong.actual, wrong.expected) == ((SYSTEM, USER), "Legal", "")
    assert (right.messages, right.actual, right.expected) == ((), "", "Billing")
    begun = examples(*rows, final_turn="beginning")
    assert begun[0].messages == (SYSTEM, USER, ANSWER)
    assert begun[1].messages == (
        Message(role="user", content="ho"),
        Message(role="assistant", content="Billing"),
    )
    assert {example.actual + example.expected for example in begun} == {""}


@pytest.mark.parametrize(
    ("label", "beside", "found"),
    [
        ("NG", {}, ("", "Legal")),
        ("OK", {}, ("Legal", "")),
        ("NG", {"expected": "Billing"}, ("Billing", "Legal")),
        ("OK", {"expected": "Billing"}, ("Billing", "Legal")),
        ("OK", {"expected": "Legal"}, ("Legal", "")),
        ("NG", {"actual": "Sales"}, ("Legal", "Sales")),
    ],
)
def test_last_turn_of_an_assistant_fills_the_answer_that_is_free(label, beside, found):
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Legal"}]
    (example,) = examples({"label": label, "messages": turns, **beside})
    assert (example.expected, example.actual) == found
    assert example.messages == (USER,)


def test_last_turn_beside_two_answers_that_it_holds_is_kept():
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "To sales."}]
    (example,) = examples({"label": "NG", "messages": turns, "expected": "Billing", "actual": "Sales"})
    assert (example.expected, example.actual, example.carried) == (
        "Billing",
        "Sales",
        {"answer": "To sales."},
    )


def test_what_stands_beside_a_conversation_keeps_the_heading_of_its_column():
    turns = [{"role": "user", "content": "hi"}]
    content = json.dumps([{"label": "NG", "messages": turns, "ticket": "=T1"}]).encode()
    reading = parse_examples(content, "x.json")
    (example,) = reading.examples.examples
    assert (example.text, example.carried) == ("hi", {"ticket": "=T1"})
    assert [note.key for note in reading.notes] == ["texts_beside_turns"]
    (again,) = parse_examples(to_csv(reading.examples), "x.csv").examples.examples
    assert again.carried == example.carried
    both = {"label": "NG", "prompt": "hi", "output": "To sales.", "expected": "Billing", "actual": "Sales"}
    assert examples(both)[0].carried == {"output": "To sales."}


def test_taken_answers_are_named():
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Legal"}]
    content = json.dumps(
        [{"label": "NG", "messages": turns}, {"label": "OK", "messages": turns[:1]}]
    ).encode()
    for asked, key in (
        (None, "answers_taken"),
        ("answer", "answers_taken_as_chosen"),
        ("beginning", "beginnings_taken"),
    ):
        notes = parse_examples(content, "x.json", final_turn=asked).notes
        assert [(note.key, note.values) for note in notes] == [(key, {"count": 1, "lines": "1"})]


def test_missing_numbers_and_true_are_no_texts_but_empty_cells_and_words():
    content = b'{"label": "NG", "text": "a", "pair": NaN, "expected": NaN, "actual": true, "score": NaN}'
    (example,) = parse_examples(content, "x.jsonl").examples.examples
    assert (example.pair, example.expected, example.actual, example.carried) == (
        "",
        "",
        "true",
        {"score": ""},
    )


def test_answers_of_yes_and_no_are_no_labels():
    rows = [{"label": "NG", "text": "a", "correct": "yes"}, {"label": "OK", "text": "b", "correct": "no"}]
    assert [example.expected for example in examples(*rows)] == ["yes", "no"]


def test_conversation_without_a_users_words_is_refused():
    with pytest.raises(ExamplesError, match="Line 1"):
        examples({"label": "NG", "messages": [{"role": "system", "content": "Be brief."}]})
    with pytest.raises(ExamplesError) as caught:
        examples({"label": "NG", "messages": [1, 2]})
    assert caught.value.key == "no_turns"


def test_names_that_differ_in_capitals_alone_stay_two_columns():
    (example,) = examples({"label": "NG", "text": "a", "ID": 1, "id": 2})
    assert example.carried == {"ID": "1", "id": "2"}
