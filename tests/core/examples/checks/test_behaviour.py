"""Texts that behave like the other side, by verdict and by answer, with answers worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.checks import Behaviour, behaviour_findings
from core.examples.example_set import Label


def side(label: Label, answers: str, verdicts: str = "", fits: bool | None = None) -> list[Behaviour]:
    """One text for each word of `answers`, with the verdicts r(ight), f(ault), o(ther) or - for none."""
    words = {"r": "right", "f": "fault", "o": "other", "-": ""}
    of_each = [words[letter] for letter in verdicts] or [""] * len(answers.split())
    return [
        Behaviour(label, answer, verdict, fits)
        for answer, verdict in zip(answers.split(), of_each, strict=True)
    ]


def kinds(texts: list[Behaviour]) -> dict[int, str]:
    return {finding.rows[0]: finding.kind for finding in behaviour_findings(texts)}


def test_text_that_says_what_the_other_side_says_is_named() -> None:
    texts = side("anomalous", "Legal Legal Legal Shipping") + side("normal", "Shipping Shipping Shipping")
    (finding,) = behaviour_findings(texts)
    assert (finding.kind, finding.rows) == ("like_other_side", (3,))
    assert finding.values == {"label": "anomalous", "other": "normal", "answer": "Shipping"}


def test_sides_that_say_the_same_name_nothing() -> None:
    assert kinds(side("anomalous", "a a a a") + side("normal", "a a a a")) == {}


def test_an_answer_of_more_than_a_quarter_of_the_own_side_is_its_own() -> None:
    # of the other texts of row 4's side, one of four says "n" (a quarter); two of four are more
    assert kinds(side("anomalous", "a a a n n") + side("normal", "n n n")) == {
        3: "like_other_side",
        4: "like_other_side",
    }
    assert kinds(side("anomalous", "a a n n n") + side("normal", "n n n")) == {}


def test_an_answer_of_less_than_two_thirds_of_the_other_side_is_not_theirs_alone() -> None:
    assert kinds(side("anomalous", "a a b b b n") + side("normal", "n n m"))[5] == "like_other_side"
    assert kinds(side("anomalous", "a a b b b n") + side("normal", "n m k")) == {}


def test_answer_that_only_the_other_side_gives_is_named_where_the_own_side_has_one_of_its_own() -> None:
    assert kinds(side("anomalous", "a a a n") + side("normal", "n n m m k")) == {3: "like_other_side"}
    assert kinds(side("anomalous", "a a a n") + side("normal", "n m k")) == {}
    # the own side's usual answer is that of two of five normal texts as well
    assert 3 not in kinds(side("anomalous", "a a a n") + side("normal", "n n m k a a a"))


def test_answers_that_differ_from_text_to_text_name_nothing() -> None:
    assert kinds(side("anomalous", "a b c d") + side("normal", "e f g h")) == {}


def test_answer_of_neither_side_is_named_where_both_have_a_usual_one() -> None:
    assert kinds(side("anomalous", "a a a x") + side("normal", "n n n n")) == {3: "says_alone"}
    assert kinds(side("anomalous", "a a a x") + side("normal", "k l m n")) == {}
    assert kinds(side("anomalous", "a a a x y") + side("normal", "n n n n")) == {}


def test_verdicts_decide_where_answers_are_named() -> None:
    # every answer is another word, so that only verdicts can tell
    texts = side("anomalous", "a b c d", "fffr") + side("normal", "e f g h", "rrrf")
    assert kinds(texts) == {3: "like_other_side", 7: "like_other_side"}
    assert kinds(side("anomalous", "a b c d", "fffo") + side("normal", "e f g h", "rrro")) == {}


def test_right_answers_of_the_whole_anomalous_side_are_the_behaviour_to_explain() -> None:
    assert kinds(side("anomalous", "a b c d", "rrrr") + side("normal", "e f g h", "rfor")) == {}
    assert kinds(side("anomalous", "a b c d", "rrrr") + side("normal", "e f g h", "fffr")) == {}


def test_verdicts_of_fewer_than_three_texts_a_side_do_not_count() -> None:
    texts = side("anomalous", "a b c d", "ff-r") + side("normal", "e f g h", "rr--")
    assert kinds(texts) == {}


def test_text_that_does_not_keep_its_label_is_named() -> None:
    texts = side("anomalous", "a a a") + side("normal", "n m", fits=True) + side("normal", "k", fits=False)
    assert kinds(texts) == {5: "breaks_promise"}


def test_answers_are_compared_as_far_as_the_sides_have_them_in_common() -> None:
    anomalous = [Behaviour("anomalous", f" The team is Legal {i}") for i in range(4)]
    normal = [Behaviour("normal", f" The team is Billing {i}") for i in range(4)]
    stray = Behaviour("anomalous", " the team is billing, thanks")
    assert kinds([*anomalous, *normal, stray]) == {8: "like_other_side"}
    assert behaviour_findings([*anomalous, *normal, stray])[0].values["answer"] == "the team is billing"


LETTERS = st.lists(st.sampled_from("ab"), min_size=3, max_size=9)


@given(LETTERS, LETTERS)
def test_names_are_those_of_the_definition(anomalous: list[str], normal: list[str]) -> None:
    texts = [*side("anomalous", " ".join(anomalous)), *side("normal", " ".join(normal))]
    named = kinds(texts)
    for i, text in enumerate(texts):
        own, other = (
            [x.answer for j, x in enumerate(texts) if j != i and (x.label == text.label) == same]
            for same in (True, False)
        )
        # of two answers, the second is what the text does not say
        second = "ab".replace(text.answer, "")
        usual_there = 3 * other.count(text.answer) >= 2 * len(other)
        rare_here = 4 * own.count(text.answer) <= len(own)
        only_there = (
            other.count(text.answer) > 1 and text.answer not in own and 4 * other.count(second) <= len(other)
        )
        assert (named.get(i) == "like_other_side") is ((usual_there and rare_here) or only_there)


@given(st.lists(st.sampled_from("abc"), min_size=8, max_size=8), st.permutations(range(8)))
def test_order_of_the_texts_does_not_matter(answers: list[str], order: list[int]) -> None:
    texts = [Behaviour("anomalous" if i < 4 else "normal", answer) for i, answer in enumerate(answers)]
    shuffled = kinds([texts[i] for i in order])
    assert {order[row]: kind for row, kind in shuffled.items()} == kinds(texts)


def test_no_texts_name_nothing() -> None:
    assert behaviour_findings([]) == []


@pytest.mark.parametrize("answer", ["", " ", "。"])
def test_an_answer_without_words_can_be_compared(answer: str) -> None:
    texts = [*side("anomalous", "a a a"), *side("normal", "n n n"), Behaviour("anomalous", answer)]
    assert kinds(texts) == {6: "says_alone"}
