"""Checks that need the texts alone: frames, near-duplicates, scripts, telling words; and lengths."""

import pytest

from core.examples.checks import Finding, flags, in_order, length_findings, text_findings
from core.examples.checks.scripts import script_of
from core.examples.checks.words import words_of
from core.examples.conversation import Message, transcript
from core.examples.example_set import Example, ExampleSet, Label


def of(anomalous: list[str], normal: list[str], **settings: str) -> ExampleSet:
    texts: list[tuple[Label, str]] = [
        *(("anomalous", t) for t in anomalous),
        *(("normal", t) for t in normal),
    ]
    return ExampleSet(examples=tuple(Example(label=label, text=t) for label, t in texts), **settings)


def kinds(examples: ExampleSet) -> list[tuple[str, tuple[int, ...]]]:
    return [(finding.kind, finding.rows) for finding in text_findings(examples)]


THINGS = ["a broken lamp", "my late parcel", "two wrong shoes", "an old bill", "that lost key"]
OTHERS = ["some dusty books", "our new printer", "his torn coat", "their cold soup"]


def framed(things: list[str]) -> list[str]:
    return [f"Ticket: I write about {thing} again. Department:" for thing in things]


def test_text_without_the_shared_ending_is_named_with_it() -> None:
    texts = of([*framed(THINGS), "Ticket: I write about a red car again."], framed(OTHERS))
    (finding,) = text_findings(texts)
    assert (finding.kind, finding.rows) == ("without_ending", (5,))
    assert finding.values == {"frame": "again. Department:", "count": 9, "total": 10}


@pytest.mark.parametrize(
    ("frame", "text", "twice"),
    [
        ("Ticket: {text} Department:", "Ticket: a red car. Department:", "Ticket: … Department:"),
        ("Ticket: {text} Department:", "a red car.\ndepartment :", "Department:"),
        ("件名：{text}", "件名: 赤い車", "件名："),
        ("Ticket: {text} Department:", "My ticket: the Department", None),
        ("The {text}?!", "The red car?!", None),
        ("", "Ticket: a red car. Department:", None),
    ],
)
def test_text_that_holds_the_frame_itself_is_named(frame: str, text: str, twice: str | None) -> None:
    found = [f for f in text_findings(of([*THINGS, text], OTHERS, frame=frame)) if f.kind == "framed_twice"]
    assert [(f.rows, f.values) for f in found] == ([((5,), {"frame": twice})] if twice else [])


def test_text_without_the_shared_beginning_is_named_with_it() -> None:
    texts = of(framed(THINGS), [*framed(OTHERS), "I write about a red car again. Department:"])
    (finding,) = text_findings(texts)
    assert (finding.kind, finding.rows) == ("without_beginning", (9,))
    assert finding.values["frame"] == "Ticket: I write about"


def test_what_many_texts_have_behind_the_frame_is_no_frame() -> None:
    thanks = [f"Ticket: {thing}. Thank you. Department:" for thing in [*THINGS, *OTHERS]]
    rest = ["Ticket: a red car. Department:", "Ticket: his blue coat. Department:"]
    assert kinds(of(thanks[:5], [*thanks[5:], *rest])) == []


def test_a_line_of_the_frame_that_one_text_lacks_is_named_though_all_share_the_end() -> None:
    asked = [f"{thing}\nAnswer in one word. Department:" for thing in [*THINGS, *OTHERS]]
    (finding,) = text_findings(of(asked[:5], [*asked[5:], "a red car\nDepartment:"]))
    assert (finding.kind, finding.rows) == ("without_ending", (9,))
    assert finding.values["frame"] == "Answer in one word. Department:"


def test_marks_and_a_common_first_word_are_no_frame() -> None:
    texts = of([f"The {t}." for t in THINGS], [f"The {t}." for t in OTHERS[:3]] + ["A new printer"])
    assert kinds(texts) == []


def test_space_at_the_end_of_one_text_is_named() -> None:
    assert kinds(of([*THINGS, "a red car\n"], OTHERS)) == [("space_at_end", (5,))]
    assert kinds(of([f"{t} " for t in THINGS], OTHERS)) == []


@pytest.mark.parametrize(
    "copy", ["Two wrong shoes!", "two  wrong shoes", "TWO WRONG, SHOES", "ｔｗｏ wrong shoes"]
)
def test_copy_with_other_marks_is_a_near_duplicate(copy: str) -> None:
    (finding,) = text_findings(of([*THINGS, copy], OTHERS))
    assert (finding.kind, finding.rows, finding.values["first"]) == ("near_duplicate", (5,), 2)


def test_numbers_alone_set_no_texts_apart_unless_all_are_made_so() -> None:
    orders = ["order 17 is late", "order 9 is late", "who ate my soup", "the lamp broke", "an old bill"]
    assert kinds(of(orders, OTHERS)) == [("near_duplicate", (1,))]
    template = [f"from the year {n} to the year" for n in range(14, 22)]
    assert kinds(of(template[:4], template[4:])) == []


def test_long_text_with_one_other_word_is_a_near_duplicate() -> None:
    long = (
        "the parcel came on a rainy day and the box was open so I want to send it back and get my money now"
    )
    assert kinds(of([*THINGS[:3], long, long.replace("rainy", "sunny")], OTHERS)) == [
        ("near_duplicate", (4,))
    ]


def test_texts_of_different_sides_may_be_alike() -> None:
    assert not any(kind == "near_duplicate" for kind, _ in kinds(of(THINGS, [f"{t}!" for t in THINGS])))


def test_word_of_one_side_alone_is_named() -> None:
    found = text_findings(of([f"yesterday {t}" for t in THINGS], [f"{t} today" for t in OTHERS]))
    assert [(f.kind, f.values["label"], f.values["words"]) for f in found] == [
        ("cue", "anomalous", "“yesterday”"),
        ("cue", "normal", "“today”"),
    ]


def test_word_of_a_script_without_spaces_is_found() -> None:
    anomalous = ["請求書が届きません", "古い請求書です", "この請求書は何", "請求書を直して"]
    normal = ["荷物が届きません", "古い靴です", "この本は何", "机を直して"]
    (finding,) = text_findings(of(anomalous, normal))
    assert finding.values["words"] == "“請求書”"


def test_with_three_texts_a_word_may_be_on_one_side_by_chance() -> None:
    assert kinds(of([f"now {t}" for t in THINGS[:3]], OTHERS)) == []


def test_other_script_is_named_by_text_and_by_side() -> None:
    japanese = ["荷物が届きません", "靴の色が違う", "本を返したい", "机がこわれた"]
    assert kinds(of([*THINGS, japanese[0]], OTHERS)) == [("other_script", (5,))]
    assert [kind for kind, _ in kinds(of(THINGS, japanese))] == ["sides_scripts"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Müller", "latin"),
        ("請求書を見た", "japanese"),
        ("发票", "cjk"),
        ("счёт", "cyrillic"),
        ("ＡＢＣ", "latin"),
        ("12 + 3", ""),
        ("请 ok", ""),
    ],
)
def test_script_of_a_text(text: str, script: str) -> None:
    assert script_of(text) == script


def test_words_keep_marks_and_split_japanese_into_characters() -> None:
    assert words_of("It's 5 o'clock, naïve 東京!") == [
        "it", "'", "s", "5", "o", "'", "clock", ",", "naïve", "東", "京", "!",
    ]  # fmt: skip


def test_conversations_without_system_message_or_last_turn_are_named() -> None:
    def talk(number: int, *roles: str) -> Example:
        messages = tuple(Message(role=role, content=f"{THINGS[number]} {role}") for role in roles)  # type: ignore[arg-type]
        label: Label = "anomalous" if number < 3 else "normal"
        return Example(label=label, text=transcript(messages), messages=messages)

    texts = [talk(i, "system", "user") for i in range(3)] + [talk(3, "system", "user"), talk(4, "user")]
    assert ("without_system", (4,)) in kinds(ExampleSet(examples=tuple(texts), form="chat"))
    assert not any(
        k == "without_system" for k, _ in kinds(ExampleSet(examples=tuple(texts), form="chat", system="s"))
    )
    texts[4] = talk(4, "system", "user", "assistant")
    assert ("turns_differ", (4,)) in kinds(ExampleSet(examples=tuple(texts), form="chat"))


def test_length_far_from_the_median() -> None:
    labels: list[Label] = ["anomalous"] * 3 + ["normal"] * 3
    assert [f.kind for f in length_findings([10, 11, 12, 10, 11, 34], labels)] == ["much_longer"]
    assert length_findings([10, 11, 12, 10, 11, 31], labels) == []  # 31 is only 20 more than the median 11
    assert [f.kind for f in length_findings([40, 41, 42, 40, 41, 13], labels)] == ["much_shorter"]


def test_sides_that_length_alone_tells_apart() -> None:
    labels: list[Label] = ["anomalous"] * 4 + ["normal"] * 4
    (finding,) = length_findings([20, 21, 22, 23, 12, 13, 14, 15], labels)
    assert (finding.kind, finding.values) == ("sides_length", {"anomalous": 22, "normal": 14})
    assert length_findings([20, 21, 22, 12, 12, 13, 14, 20], labels) == []
    assert length_findings([14, 14, 14, 14, 13, 13, 13, 13], labels) == []  # one token: a word of two pieces


def test_worst_first_and_the_worst_kind_marks_a_row() -> None:
    mild, grave = Finding("much_longer", (1,)), Finding("like_other_side", (1,))
    assert in_order([mild, grave]) == [grave, mild]
    assert flags([mild, grave, Finding("cue")]) == {1: "like_other_side"}
