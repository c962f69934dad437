"""Rows of answers of several tokens: against a plain sum over tokens, on answers of any kind."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.causal.metric._rows import Directions, Row, rows_of, weights_behind

TEXT = (7, 8, 9)
VOCABULARY = 5
answers = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=5).map(tuple)


def next_token(ids: tuple[int, ...]) -> torch.Tensor:
    """Logits (vocabulary,) of a made model that hangs on every token in front, in their order."""
    state = 1
    for token in ids:
        state = (state * 31 + token + 1) % 10_007
    return torch.tensor([math.sin(state * (token + 1)) * 3 for token in range(VOCABULARY)]).double()


def by_token(answer: tuple[int, ...]) -> float:
    """The definition: one token after the other."""
    return sum(
        float(next_token((*TEXT, *answer[:place])).log_softmax(-1)[token])
        for place, token in enumerate(answer)
    )


def by_rows(rows: list[Row], directions: Directions) -> float:
    total = 0.0
    for row in rows:
        for read in row.reads:
            logits = next_token(row.ids[: read.position + 1])
            total += float(directions.read(logits[None], [read.direction])[0])
    return total


@given(answers, answers)
def test_two_answers_are_read_as_the_sum_over_their_tokens(expected, actual):
    rows, directions = rows_of([TEXT], [((expected,), (actual,))])
    assert by_rows(rows, directions) == pytest.approx(by_token(expected) - by_token(actual), abs=1e-5)
    shared = next(
        (i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b),
        min(len(expected), len(actual)),
    )
    rests = sorted((len(expected) - shared, len(actual) - shared))
    assert len(rows) == (1 if rests[0] <= 1 else 2)
    places = [row.ids[: read.position + 1] for row in rows for read in row.reads]
    assert len(places) == len(set(places)), "a token is read twice"
    read = sum(
        1 for row in rows for one in row.reads for weight in directions.weights[one.direction] if weight
    )
    assert read == sum(rests), "every token behind the common beginning is read once"
    for row in rows:
        assert row.ids[: row.start] == TEXT and row.start == len(TEXT)
        assert all(row.start - 1 <= one.position < len(row.ids) for one in row.reads)
        assert not row.answer or max(one.position for one in row.reads) == len(row.ids) - 1


@given(
    st.lists(answers, min_size=1, max_size=4, unique=True),
    st.lists(answers, min_size=1, max_size=4, unique=True),
)
def test_several_answers_count_by_their_means(expected, actual):
    rows, directions = rows_of([TEXT], [(tuple(expected), tuple(actual))])
    mean = sum(map(by_token, expected)) / len(expected) - sum(map(by_token, actual)) / len(actual)
    assert by_rows(rows, directions) == pytest.approx(mean, abs=1e-5)
    places = [row.ids[: read.position + 1] for row in rows for read in row.reads]
    assert len(places) == len(set(places))


def test_weights_worked_by_hand():
    """Both begin with 1: behind it 2 stands against 3, then the expected answer goes on with 4."""
    assert weights_behind((((1, 2, 4),), ((1, 3),))) == {
        (1,): {2: Fraction(1), 3: Fraction(-1)},
        (1, 2): {4: Fraction(1)},
    }
    rows, directions = rows_of([TEXT], [(((1, 2, 4),), ((1, 3),))])
    assert [(row.ids, [read.position for read in row.reads]) for row in rows] == [((*TEXT, 1, 2), [3, 4])]
    assert directions.totals.tolist() == [0, 1]


def test_an_answer_that_begins_the_other_leaves_the_rest_of_the_longer_one():
    rows, directions = rows_of([TEXT], [(((1,),), ((1, 2, 3),))])
    assert [row.ids for row in rows] == [(*TEXT, 1, 2)]
    expected = -sum(
        float(next_token((*TEXT, *begun)).log_softmax(-1)[token]) for begun, token in (((1,), 2), ((1, 2), 3))
    )
    assert by_rows(rows, directions) == pytest.approx(expected, abs=1e-6)


def test_the_same_answer_twice_reads_nothing_and_keeps_the_text():
    rows, _ = rows_of([TEXT], [(((1, 2),), ((1, 2),))])
    assert rows == [Row(0, TEXT, 3, ())]


def test_one_token_is_a_difference_of_logits_to_the_last_bit():
    rows, directions = rows_of([TEXT, (1, 2)], [(((1,),), ((4,),)), (((2,),), ((0,),))])
    assert [row.ids for row in rows] == [TEXT, (1, 2)]
    logits = torch.randn(2, VOCABULARY, generator=torch.Generator().manual_seed(0)) * 30
    read = directions.read(logits, [row.reads[0].direction for row in rows])
    assert torch.equal(read, torch.stack([logits[0, 1] - logits[0, 4], logits[1, 2] - logits[1, 0]]))
    dense = torch.zeros(2, VOCABULARY)
    dense[0, [1, 4]], dense[1, [2, 0]] = torch.tensor([1.0, -1]), torch.tensor([1.0, -1])
    assert torch.equal(read, (logits * dense).sum(-1))
