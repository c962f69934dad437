"""Options of the command line about how examples are read."""

import json

import pytest

from core.cli.examples import HowToRead, read
from core.errors import ConfigError, ExamplesError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("kind of,body,note\npos,a ,1\nneg,b,2\n", encoding="utf-8")
    return path


def test_columns_and_labels_answer_what_is_unclear(file):
    with pytest.raises(ExamplesError, match="--columns"):
        read(file, HowToRead())
    how = HowToRead(columns="body=text, kind of=label,note=ignored", labels="pos=anomalous,neg=normal")
    examples, notes = read(file, how)
    assert [(e.label, e.text, e.carried) for e in examples.examples] == [
        ("anomalous", "a", {}),
        ("normal", "b", {}),
    ]
    assert [note.key for note in notes] == ["outer_space_removed"]


def test_kept_space_frame_and_system(file):
    how = HowToRead(columns="body=text,kind of=label", labels="pos=anomalous,neg=normal", keep_space=True)
    assert read(file, how)[0].examples[0].text == "a "
    framed = read(file, HowToRead(how.encoding, how.columns, how.labels, frame="T: {text} D:"))[0]
    assert (framed.form, framed.frame) == ("plain", "T: {text} D:")
    chat = read(file, HowToRead(how.encoding, how.columns, how.labels, system="Be kind."))[0]
    assert (chat.form, chat.system) == ("chat", "Be kind.")


@pytest.mark.parametrize(
    ("how", "named"),
    [
        (HowToRead(columns="body"), "--columns"),
        (HowToRead(columns="body=words"), "--columns"),
        (HowToRead(labels="pos=bad"), "--labels"),
        (
            HowToRead(
                columns="body=text,kind of=label",
                labels="pos=anomalous,neg=normal",
                frame="{text}",
                form="chat",
            ),
            "--frame",
        ),
        (
            HowToRead(
                columns="body=text,kind of=label", labels="pos=anomalous,neg=normal", system="S", form="plain"
            ),
            "--system",
        ),
    ],
)
def test_options_that_cannot_be_followed_are_named(file, how, named):
    with pytest.raises(ConfigError, match=named):
        read(file, how)


def test_final_turn_is_an_answer_or_the_beginning_of_one(tmp_path):
    path = tmp_path / "log.jsonl"
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Legal"}]
    path.write_text("\n".join(json.dumps({"messages": turns, "label": label}) for label in ("NG", "OK")))
    wrong, right = read(path, HowToRead())[0].examples
    assert (wrong.actual, right.expected, len(wrong.messages)) == ("Legal", "Legal", 1)
    begun = read(path, HowToRead(final_turn="beginning"))[0]
    assert (begun.examples[0].actual, begun.beginning) == ("", "Legal")
    assert read(path, HowToRead(form="plain"))[0].form == "plain"


def test_what_the_file_says_around_the_texts_stays_where_no_option_says_otherwise(tmp_path):
    path = tmp_path / "log.jsonl"
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    path.write_text("\n".join(json.dumps({"messages": turns, "label": label}) for label in ("NG", "OK")))
    assert read(path, HowToRead())[0].system == "Be brief."
    assert read(path, HowToRead(system="Be long."))[0].system == "Be long."
