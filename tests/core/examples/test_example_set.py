"""Every check on a set of examples, and editing its texts."""

import pytest

from core.errors import ExamplesError
from core.examples.conversation import Message, transcript
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_pasted, from_rows


def key_of(call) -> str:
    with pytest.raises(ExamplesError) as caught:
        call()
    return caught.value.key


def make(anomalous, normal, **values) -> ExampleSet:
    rows = [{"label": "anomalous", "text": t} | values for t in anomalous]
    return from_rows(rows + [{"label": "normal", "text": t} | values for t in normal])


def test_counts_are_checked():
    assert key_of(make(["a", "b", "c"], []).check) == "no_examples_of_kind"
    assert key_of(make(["a", "b"], ["c", "d", "e"]).check) == "too_few_examples"
    many = [f"t{i}" for i in range(201)]
    assert key_of(make(["a", "b", "c"], many).check) == "too_many_examples"
    assert make(["a", "b", "c"], many[:200]).check()


def test_the_same_text_twice():
    assert key_of(make(["a", "b", "c"], ["d", "e", "a"]).check) == "same_text_on_both_sides"
    assert key_of(make(["a", "b", "b"], ["d", "e", "f"]).check) == "duplicate_text"


def test_a_pair_has_one_of_each():
    assert key_of(make(["a", "b", "c"], ["d", "e", "f"], pair="p").check) == "pair_not_one_to_one"


def test_frame_says_where_the_text_stands():
    examples = make(["a", "b", "c"], ["d", "e", "f"])
    framed = examples.model_copy(update={"frame": "Ticket: {text} Department:"})
    assert framed.check()
    without = examples.model_copy(update={"frame": "Ticket: {Text} Department:"})
    assert key_of(without.check) == "frame_without_text"
    assert without.model_copy(update={"form": "chat"}).check()


def test_edited_texts_keep_what_belongs_to_their_lines():
    rows = [
        {"label": label, "text": f"{label} {n}", "pair": str(n), "expected": f"x{n}"}
        for label in ("anomalous", "normal")
        for n in (1, 2, 3)
    ]
    before = from_rows(rows)
    normal = "\n".join(before.texts("normal"))
    edited = from_pasted("anomalous 1\nanomalous 2!\nanomalous 3", normal).examples.keeping_columns_of(before)
    assert [(e.text, e.pair, e.expected) for e in edited.of("anomalous")] == [
        ("anomalous 1", "1", "x1"), ("anomalous 2!", "2", "x2"), ("anomalous 3", "3", "x3"),
    ]  # fmt: skip
    assert [e.pair for e in edited.of("normal")] == ["1", "2", "3"]
    fewer = from_pasted("anomalous 3", f"new\n{normal}").examples.keeping_columns_of(before)
    assert [(e.text, e.pair) for e in fewer.examples] == [
        ("anomalous 3", "3"), ("new", ""), ("normal 1", "1"), ("normal 2", "2"), ("normal 3", "3"),
    ]  # fmt: skip


def test_other_texts_pasted_over_several_lines_take_nothing_over():
    texts = ("the invoice is late", "the bill is lost")
    before = from_rows(
        [{"label": "anomalous", "text": text, "pair": "1", "actual": "never"} for text in texts]
    )
    pasted = from_pasted("Wo bleibt mein Geld?\nthe bill is gone", "").examples.keeping_columns_of(before)
    assert [(e.pair, e.actual) for e in pasted.examples] == [("", ""), ("1", "never")]


def test_texts_become_conversations_and_back():
    rows = [
        {"label": "normal", "text": "user: a\nassistant: b\nuser: c"},
        {"label": "normal", "text": "a: b\nno turns"},
        {"label": "normal", "text": "user: only"},
    ]
    chat = from_rows(rows).in_form("chat")
    assert chat.form == "chat"
    assert [[(turn.role, turn.content) for turn in e.messages] for e in chat.examples] == [
        [("user", "a"), ("assistant", "b"), ("user", "c")], [], [],
    ]  # fmt: skip
    assert chat.in_form("chat") == chat
    assert [e.messages for e in chat.in_form("plain").examples] == [(), (), ()]
    assert chat.in_form("plain").texts("normal") == chat.texts("normal")


def test_turns_of_a_file_stay_though_their_words_look_like_turns():
    messages = (
        Message(role="user", content="he wrote\nassistant: no"),
        Message(role="assistant", content="x"),
    )
    example = Example(label="normal", text=transcript(messages), messages=messages)
    same = ExampleSet(examples=(example,), form="chat").in_form("chat")
    assert same.examples == (example,)
    edited = example.model_copy(update={"text": example.text + "!"})
    assert [turn.role for turn in same.with_examples([edited]).in_form("chat").examples[0].messages] == [
        "user", "assistant", "assistant",
    ]  # fmt: skip


def test_made_partners_count_for_no_side_and_belong_to_one_given_text():
    plain = make(["a", "b", "c"], ["d", "e", "f"])
    given = [plain.examples[0].model_copy(update={"pair": "p"}), *plain.examples[1:]]
    made = [Example(label="normal", text=text, pair="p", source="made") for text in ("x", "y")]
    texts = plain.with_examples([*given, *made]).check()
    assert (texts.count("normal"), texts.texts("normal"), len(texts.made)) == (3, ["d", "e", "f"], 2)
    orphan = made[0].model_copy(update={"pair": "q"})
    assert key_of(plain.with_examples([*given, *made, orphan]).check) == "pair_not_one_to_one"
