"""What a file holds besides texts and answers is kept, named or refused, never left out in silence."""

import io
import json

import openpyxl
import pytest

from core.errors import ExamplesError
from core.examples.reading import Mapping, Reading, parse_examples, sentence
from core.schema import Note
from core.text import LANGUAGES

USER = {"role": "user", "content": "My parcel is late."}


def read(*records: dict, name: str = "x.jsonl") -> Reading:
    content = "\n".join(json.dumps({"label": "NG", **record}) for record in records)
    return parse_examples(content.encode(), name)


def note(reading: Reading, key: str) -> Note:
    (one,) = [each for each in reading.notes if each.key == key]
    assert all(sentence(one, language) for language in LANGUAGES)
    return one


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"messages": [{**USER, "name": "Bob", "weight": 0}]}, "“name”"),
        (
            {"messages": [USER, {"role": "assistant", "content": "No", "reasoning_content": "So."}]},
            "“reasoning_content”",
        ),
        ({"messages": [{**USER, "value": "Other."}]}, "“value”"),
        ({"messages": [{"from": "human", "value": "Hi", "tool_calls": []}], "id": 3}, None),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "lang": "en"}]}]},
            "“lang”",
        ),
        ({"messages": json.dumps({"messages": [USER], "system": "Be brief."})}, "“system”"),
        ({"text": "Hi", "output": [{"message": {**USER, "name": None}, "score": 0.5}]}, "“score”"),
    ],
)
def test_parts_of_a_conversation_that_are_not_read_are_named(record, names):
    reading = read(record, record)
    if names is None:
        assert "parts_unread" not in [each.key for each in reading.notes]
    else:
        assert note(reading, "parts_unread").values == {"count": 2, "lines": "1–2", "names": names}


def test_a_text_that_is_json_but_no_conversation_has_no_unread_parts():
    reading = read({"text": '{"a": 1, "b": 2}'})
    assert reading.examples.examples[0].text == '{"a": 1, "b": 2}'
    assert reading.notes == ()


def test_a_system_message_beside_another_one_is_kept():
    system = {"role": "system", "content": "Be brief."}
    reading = read({"system": "Be kind.", "messages": [system, USER]})
    assert note(reading, "systems_beside_turns").values == {"count": 1, "lines": "1"}
    assert reading.examples.system == "Be brief."
    assert reading.examples.examples[0].carried == {"system": "Be kind."}
    same = read({"system": "Be brief.", "messages": [system, USER]})
    assert same.notes == ()


def test_a_conversation_beside_another_one_is_kept():
    other = [{"role": "user", "content": "Hello"}]
    reading = read({"prompt": other, "messages": [USER]})
    assert note(reading, "texts_beside_turns").values["count"] == 1
    assert json.loads(reading.examples.examples[0].carried["prompt"]) == other
    beginning_of_it = read({"prompt": [USER], "messages": [USER, {"role": "assistant", "content": "No"}]})
    assert beginning_of_it.examples.examples[0].carried == {}


def test_a_frame_around_conversations_is_named():
    reading = read({"frame": "Ticket: {text}", "messages": [USER]})
    assert note(reading, "frame_not_used").values == {"frame": "Ticket: {text}"}


def test_an_answer_of_several_turns_is_named():
    turns = [{"role": "assistant", "content": said} for said in ("One", "Two")]
    reading = read({"text": "Hi", "output": turns})
    assert reading.examples.examples[0].actual == "Two"
    assert note(reading, "answers_of_last_turn").values == {"count": 1, "lines": "1"}


@pytest.mark.parametrize(
    "record", [{"messages": [{"role": "user", "content": "a\r\nb"}]}, {"text": "a\r\nb"}]
)
def test_line_breaks_of_json_are_line_feeds_and_named(record):
    reading = read(record)
    assert reading.examples.examples[0].text == "a\nb"
    assert note(reading, "breaks_changed").values == {"count": 1, "lines": "1"}


def test_a_key_that_stands_twice_is_refused_with_its_line():
    doubled = '{"role": "user", "content": "a", "content": "b"}'
    cell = f'label,messages\nNG,"[{doubled.replace(chr(34), chr(34) * 2)}]"\n'
    record = '{"label": "NG", "text": "a"}\n{"label": "NG", "messages": [' + doubled + "]}"
    for content, name in ((cell, "x.csv"), (record, "x.jsonl")):
        with pytest.raises(ExamplesError) as caught:
            parse_examples(content.encode(), name)
        assert (caught.value.key, caught.value.values["line"]) == ("doubled_keys", 2)
        assert caught.value.values["found"] == "content"
    text = '{"a": 1, "a": 2}'
    assert read({"text": text}).examples.examples[0].text == text


def test_what_stands_beside_the_list_of_records_is_for_all_of_them():
    records = [{"label": "NG", "text": "a"}, {"label": "OK", "text": "b"}]
    file = {"version": 3, "system": "Be kind.", "label": "june", "rows": records}
    reading = parse_examples(json.dumps(file).encode(), "x.json")
    assert reading.examples.system == "Be kind."
    assert [example.label for example in reading.examples.examples] == ["anomalous", "normal"]
    assert reading.examples.examples[1].carried == {"file.version": "3", "file.label": "june"}
    sides = {"NG": ["a"], "OK": ["b"], "frame": "T: {text}", "by": "Bob"}
    reading = parse_examples(json.dumps(sides).encode(), "x.json")
    assert reading.examples.frame == "T: {text}"
    assert reading.examples.examples[0].carried == {"file.by": "Bob"}


@pytest.mark.parametrize("above", ["Report of June\n\n", "# made by hand\n# twice\n", "一覧\n"])
@pytest.mark.parametrize("separator", ",;\t|")
def test_a_title_above_the_headings_hides_no_separator(above, separator):
    rows = [("label", "text"), ("NG", "One"), ("OK", "Two")]
    content = above + "".join(separator.join(row) + "\n" for row in rows)
    reading = parse_examples(content.encode(), "x.csv")
    assert [example.text for example in reading.examples.examples] == ["One", "Two"]
    assert reading.examples.examples[0].line == above.count("\n") + 2
    assert note(reading, "rows_above_headings").values["count"] == len(above.split("\n")) - 1 - (
        "\n\n" in above
    )


def test_a_chosen_word_that_no_label_is_is_refused():
    content = b"label,text\nA,One\nB,Two\n"
    chosen = Mapping(labels={"A": "anomalous", "C": "normal"})
    with pytest.raises(ExamplesError, match="does not hold the word “C”. It holds “A”, “B”") as caught:
        parse_examples(content, "x.csv", mapping=chosen)
    assert caught.value.key == "no_such_label_word"


def test_one_under_a_heading_that_asks_for_right_is_right():
    reading = parse_examples("テキスト,正誤\nあ,1\nい,0\n".encode(), "x.csv")
    assert [example.label for example in reading.examples.examples] == ["normal", "anomalous"]


def test_cells_that_show_an_error_are_named():
    book = openpyxl.Workbook()
    for row in (["label", "text", "note"], ["NG", "One", "#N/A"], ["OK", "Two", "fine"]):
        book.active.append(row)
    book.active["C2"].data_type = "e"
    file = io.BytesIO()
    book.save(file)
    reading = parse_examples(file.getvalue(), "x.xlsx")
    assert note(reading, "error_cells").values == {"count": 1, "cells": "C2"}
    assert reading.examples.examples[0].carried == {"note": ""}
