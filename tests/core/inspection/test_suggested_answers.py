"""Answers for texts that name none, from what the model itself says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import make_config
from core.examples.answer_match import fits, verdict
from core.inspection.suggested_answers import (
    answer_in,
    first_words,
    is_complete,
    suggest_answers,
    suggested,
)
from tests.support.tiny_runs import texts

PAIRED = ["anomalous", "normal"] * 3


def answers(suggestions):
    return [(row["expected"], row["actual"]) for row in suggestions["examples"]]


@pytest.mark.parametrize(
    ("says", "cut", "answer"),
    [
        (" Legal\nTicket: the next", True, "Legal"),
        ('\n\n"Please write to Legal." Then', True, "Please write to Legal"),
        (" We pay 4.5 % back. Thanks", False, "We pay 4.5 % back"),
        (" The ticket goes to the legal depart", True, "The ticket goes to the legal"),
        (" The ticket goes to the legal depart", False, "The ticket goes to the legal depart"),
        ("法務部に送ります。確認", True, "法務部に送ります"),
        ("法務部に送り", True, "法務部に送り"),
        ("...", False, "..."),
        ("", False, ""),
    ],
)
def test_an_answer_is_the_first_line_up_to_the_end_of_a_sentence(says, cut, answer):
    assert answer_in(says, cut) == answer


@pytest.mark.parametrize(
    ("says", "cut", "complete"),
    [
        (" Legal Office. The ticket", True, True),
        (" Legal Office\nTicket", True, True),
        (" Legal Office", False, True),
        (" Legal Office", True, False),
        (" about 4.5 % of", True, False),
    ],
)
def test_an_answer_has_an_end_where_its_sentence_its_line_or_all_ends(says, cut, complete):
    assert is_complete(says, cut) is complete


def test_a_whole_answer_is_the_line_as_it_is():
    assert answer_in(" Legal. Or not.\nTicket", True, whole=True) == "Legal. Or not."


@pytest.mark.parametrize(
    ("answer", "count", "words"),
    [
        ("Legal department", 1, "Legal"),
        ("The legal department", 2, "The legal"),
        ("法務部です", 1, "法務部"),
        ("カスタマー対応です", 2, "カスタマー対応"),
        ("4.5 %", 1, "4.5"),
        ("(A) Legal", 1, "(A"),
        ("Don't", 1, "Don"),
        ("Legal", 3, "Legal"),
        ("🙂", 1, "🙂"),
        ("", 1, ""),
    ],
)
def test_the_first_words(answer, count, words):
    assert first_words(answer, count) == words


def test_what_the_partner_says_is_expected():
    says = ["Legal, it is", "Billing, it is", "Legal now", "Shipping now", "Sales", "Billing"]
    suggestions = suggested(PAIRED, says, {0: 1, 2: 3, 4: 5})
    assert suggestions["state"] == "partners"
    assert answers(suggestions) == [
        ("Billing", "Legal"),
        ("Billing", "Billing"),
        ("Shipping", "Legal"),
        ("Shipping", "Shipping"),
        ("Billing", "Sales"),
        ("Billing", "Billing"),
    ]


def test_answers_end_with_the_word_by_which_all_texts_have_parted():
    says = [
        "I ask Legal now",
        "I ask Billing now",
        "We ask Legal",
        "I ask Legal",
        "I ask Legal too",
        "I ask Sales",
    ]
    suggestions = suggested(PAIRED, says, {0: 1, 2: 3, 4: 5})
    assert answers(suggestions)[::2] == [
        ("I ask Billing", "I ask Legal"),
        ("I ask Legal", "We ask Legal"),
        ("I ask Sales", "I ask Legal"),
    ]
    whole = suggested(PAIRED, says, {0: 1, 2: 3, 4: 5}, whole=True)
    assert answers(whole)[0] == ("I ask Billing now", "I ask Legal now")


def test_without_pairs_the_most_frequent_answer_of_the_normal_texts_is_expected():
    says = ["Legal a", "Billing a", "Legal b", "Billing b", "Legal c", "Shipping"]
    suggestions = suggested(PAIRED, says, {})
    assert suggestions["state"] == "frequent"
    assert answers(suggestions) == [("Billing", "Legal"), ("Billing", "Billing")] * 2 + [
        ("Billing", "Legal"),
        ("Shipping", "Shipping"),
    ]
    assert suggestions["offered"] == [{"answer": "Billing", "texts": 2}, {"answer": "Shipping", "texts": 1}]


def test_where_normal_texts_agree_on_nothing_none_is_taken():
    says = ["Legal", "Billing", "Legal", "Sales", "Legal", "Shipping"]
    suggestions = suggested(PAIRED, says, {})
    assert suggestions["state"] == "choose"
    assert answers(suggestions)[::2] == [("", "Legal")] * 3
    assert [one["answer"] for one in suggestions["offered"]] == ["Billing", "Sales", "Shipping"]


def test_sides_that_say_the_same_get_nothing_and_single_texts_that_do_are_counted():
    assert suggested(PAIRED, ["Legal"] * 6, {})["state"] == "alike"
    assert set(answers(suggested(PAIRED, ["Legal"] * 6, {}))) == {("", "")}
    says = ["Legal", "Legal", "Legal", "Billing", "", "Sales"]
    mixed = suggested(PAIRED, says, {0: 1, 2: 3, 4: 5})
    assert (mixed["state"], mixed["alike"]) == ("partners", 1)
    assert answers(mixed)[0] == answers(mixed)[4] == ("", "")
    assert answers(mixed)[2] == ("Billing", "Legal")


@given(
    st.lists(
        st.sampled_from(["Legal", "Billing now", "Billing then", "法務部", "I am", ""]),
        min_size=6,
        max_size=6,
    )
)
def test_what_is_filled_in_is_what_the_model_says(says):
    for partners in ({}, {0: 1, 2: 3, 4: 5}):
        suggestions = suggested(PAIRED, says, partners)
        for row, said in zip(suggestions["examples"], says, strict=True):
            if row["actual"]:
                assert fits(said, row["actual"])
            if row["actual"] and row["expected"]:
                wanted = "right" if row["label"] == "normal" else "fault"
                assert verdict(said, row["expected"], row["actual"]) == wanted


def test_the_model_is_asked_what_it_says(folder, models):
    config = make_config(model=str(folder), examples=texts(), device="cpu")
    suggestions = suggest_answers(config, models)
    assert [row["label"] for row in suggestions["examples"]] == ["anomalous", "normal"] * 4
    for row in suggestions["examples"]:
        assert len(row["says"].split()) <= 24
        if row["actual"]:
            assert fits(row["says"], row["actual"])
