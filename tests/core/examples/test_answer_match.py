"""Right or at fault, by hand: whether what a model says is an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.answer_match import MATCHES, QUOTES, ends_word, fits, verdict

WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("continuation", "answer"),
    [
        (" Legal", "Legal"),
        ("Legal department.\nTicket:", " Legal"),
        ('"Legal", said the desk', "Legal"),
        ("\n\n“Legal” is right", '"Legal"'),
        (" Legal", "Legal "),
        ("法務部です。", "法務"),
        ("「法務」へ", "法務"),
        ("カスタマーセンター", "カスタマー"),
        (" 4", "4"),
        (" 4.", "4"),
        (" 4, 5 and 6", "4"),
        (" 👍 great", "👍"),
        ("❤️ you", "❤"),
        (" cafe\u0301.", "café"),
        (" Dear customer,\r\nthank you", "Dear customer,\nthank you"),
        (" b:\n    return", "b"),
        (" Legal's team", "Legal"),
        ("ラーメン", "ラ"),
    ],
)
def test_a_continuation_begins_with_an_answer(continuation, answer):
    assert fits(continuation, answer)
    assert verdict(continuation, answer, "Elsewhere") == "right"


@pytest.mark.parametrize(
    ("continuation", "answer"),
    [
        (" Legally", "Legal"),
        (" Leg", "Legal"),
        (" 45", "4"),
        (" 4.5", "4"),
        (" 4,500", "4"),
        (" b2", "b"),
        (" b_c", "b"),
        (" Юристы", "Юрист"),
        (" legal", "Legal"),
        ("👍🏽", "👍"),
        ("👨‍👩‍👧", "👨"),
        ("", "Legal"),
        ("The Legal team", "Legal"),
        (" Dear customer,", "Dear customer,\nthank you"),
        ("हिंदी", "हिंद"),
    ],
)
def test_a_continuation_begins_otherwise(continuation, answer):
    assert not fits(continuation, answer)


def test_where_both_answers_fit_the_longer_or_the_earlier_one_counts():
    assert verdict(" Legal department", "Legal", "Legal department") == "fault"
    assert verdict(" Legal department", "Legal department", "Legal") == "right"
    assert verdict(" Legal counsel", "Legal department", "Legal") == "fault"
    assert verdict("Not Billing, Legal", "Legal", "Billing", "contains") == "fault"
    assert verdict("Not Billing, Legal", "Billing", "Legal", "contains") == "right"
    assert verdict(" Billing", "Billing", "Billing") == "right"


def test_an_answer_may_stand_anywhere_or_be_all_that_is_said():
    assert fits("It is a case for Legal.", "Legal", "contains")
    assert not fits("It is legally so: paralegal", "legal", "contains")
    assert not fits("It takes 14, 4.5 or 1.4 days", "4", "contains")
    assert fits("これは法務の件です", "法務", "contains")
    assert fits("Illegal? No, legal", "legal", "contains"), (
        "a later place counts where an earlier one does not"
    )
    assert fits(' "Legal"\nTicket: the next one', "Legal", "equals")
    assert not fits(" Legal department", "Legal", "equals")
    assert fits("Dear customer,\nthank you\n\nSigned", "Dear customer,\nthank you", "equals")


def test_the_verdict_without_one_or_without_both_answers():
    assert verdict("anything", "", " ") == ""
    assert verdict("Legal", "Billing", "") == "fault"
    assert verdict("Legal", "", "Legal") == "fault"
    assert verdict("Shipping", "", "Legal") == "other"
    assert verdict("Shipping", "Billing", "Legal") == "other"


@given(
    WORDS, st.sampled_from(["", " ", "\n", "  "]), st.sampled_from(["", *QUOTES]), st.sampled_from(MATCHES)
)
def test_white_space_and_quotation_marks_around_an_answer_do_not_count(answer, space, quote, match):
    assert fits(f"{space}{quote}{answer}{quote}\n", answer, match)
    assert fits(answer, f"{space}{quote}{answer}{quote}", match)


@given(WORDS, st.sampled_from([".", ",", " ", "\n", "」", "、", ")"]), st.text(max_size=5))
def test_whoever_begins_with_an_answer_contains_it(answer, end, rest):
    continuation = f"{answer}{end}{rest}"
    if fits(continuation, answer):
        assert fits(continuation, answer, "contains")
    if fits(continuation, answer, "equals"):
        assert fits(continuation, answer)


@given(st.text(max_size=12))
def test_a_text_ends_at_its_ends(text):
    assert ends_word(text, 0)
    assert ends_word(text, len(text))
