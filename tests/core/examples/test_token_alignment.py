"""Token alignment: answers worked by hand, and what holds for any texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.token_alignment import ABSENT, columns_of, edit_distance

TEXTS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=7), min_size=2, max_size=6)


def aligned(*sentences: str) -> list[list[str]]:
    """The words of each text in the columns, "-" where it has none."""
    texts = [sentence.split() for sentence in sentences]
    words = sorted({word for text in texts for word in text})
    columns = columns_of([[words.index(word) for word in text] for text in texts])
    return [
        ["-" if place == ABSENT else text[place] for place in row]
        for text, row in zip(texts, columns.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("kitten", "sitting", 3), ("abc", "abc", 0), ("", "ab", 2), ("abc", "", 3), ("flaw", "lawn", 2)],
)
def test_edit_distances_known_by_hand(first, second, distance):
    assert edit_distance([*map(ord, first)], [*map(ord, second)]) == distance


@given(TEXTS)
def test_edit_distance_is_a_metric(texts):
    first, second, third = texts[0], texts[1], texts[-1]
    assert edit_distance(first, second) == edit_distance(second, first)
    assert (edit_distance(first, second) == 0) == (first == second)
    assert edit_distance(first, third) <= edit_distance(first, second) + edit_distance(second, third)


def test_words_in_front_and_inside_have_no_column():
    assert aligned("mary gave a pen to", "blue deep tom gave the old pen to", "sue gave a big cup to") == [
        ["mary", "gave", "a", "pen", "to"],
        ["tom", "gave", "old", "pen", "to"],
        ["sue", "gave", "a", "cup", "to"],
    ]


def test_a_text_that_lacks_a_word_has_no_place_in_its_column():
    rows = aligned("we sell the red cars now", "we buy the old boats now", "we sell red cars now")
    assert rows[2] == ["we", "sell", "-", "red", "cars", "now"]


def test_other_texts_tell_which_of_two_words_belongs():
    """Alone, "b x" against "b" could be either; that the others end with "b" decides."""
    rows = aligned("a b z", "a b z", "a x b z", "a b x z")
    assert [row[1] for row in rows] == ["b"] * 4


def test_last_tokens_stand_together_whatever_they_are():
    assert [row[-1] for row in aligned("a b c", "a b c d c e", "c")] == ["c", "e", "c"]


def test_texts_of_one_token_have_one_column():
    assert columns_of([[3], [4], [5]]).tolist() == [[0], [0], [0]]


def test_nothing_in_common_is_counted_from_the_end():
    columns = columns_of([[1, 2, 3], [4, 5, 6, 7, 8], [9, 10, 11, 12]])
    assert columns.tolist() == [[0, 1, 2], [2, 3, 4], [1, 2, 3]]


@given(TEXTS)
def test_positions_rise_along_the_columns_and_end_with_the_last_token(texts):
    columns = columns_of(texts)
    for text, row in zip(texts, columns, strict=True):
        present = row[row != ABSENT]
        assert (np.diff(present) > 0).all()
        assert present.min() >= 0
        assert row[-1] == len(text) - 1


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_makes_no_difference(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    assert (columns_of([texts[i] for i in order]) == columns_of(texts)[order]).all()


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), st.integers(2, 5), st.data())
def test_copies_with_words_in_front_match_word_by_word(text, count, data):
    """Words that stand nowhere else, in front of copies of one text, change nothing of how these match."""
    longer = [[100 + 10 * i + k for k in range(data.draw(st.integers(0, 3)))] + text for i in range(count)]
    offsets = np.array([len(one) - len(text) for one in longer])
    columns = columns_of(longer)[:, -len(text) :]
    assert (columns - offsets[:, None] == np.arange(len(text))).all()
