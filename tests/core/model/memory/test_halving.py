"""Batches are halved where memory does not suffice, nothing is lost, and other failures pass."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.memory import in_halves
from core.model.memory.halving import halves


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(), min_size=1, max_size=6), max_size=3), st.integers(1, 6))
def test_everything_is_done_once_and_in_order_whatever_fits(batches, most):
    def work(batch):
        if len(batch) > most:
            raise torch.OutOfMemoryError
        return [item + 1 for item in batch]

    done = list(in_halves(batches, work))
    assert [item for batch, _ in done for item in batch] == [item for batch in batches for item in batch]
    assert all(result == [item + 1 for item in batch] for batch, result in done)
    assert all(len(batch) <= most for batch, _ in done)


def test_batches_as_large_as_one_that_failed_are_not_tried():
    tried = []

    def work(batch):
        tried.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError("CUDA error: out of memory")

    assert [len(batch) for batch, _ in in_halves([range(4), range(8), range(3)], work)] == [
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        1,
    ]
    assert tried == [4, 2, 2, 2, 2, 2, 2, 2, 1]


def test_the_cost_says_which_batches_are_as_large():
    tried = []

    def work(batch):
        tried.append(list(batch))
        if sum(batch) > 10:
            raise MemoryError

    assert len(list(in_halves([[6, 6], [1, 1, 1, 1]], work, cost=sum))) == 3
    assert tried == [[6, 6], [6], [6], [1, 1, 1, 1]]


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes"), ValueError("x")])
def test_other_failures_pass(error):
    def work(_):
        raise error

    with pytest.raises(type(error)) as caught:
        list(in_halves([[1, 2]], work))
    assert caught.value is error


def test_one_item_that_does_not_fit_is_an_error():
    def work(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(in_halves([[1, 2]], work))


def test_halves_keep_the_order():
    assert halves([1, 2, 3]) == [[1, 2], [3]]
    assert halves([1, 2]) == [[1], [2]]
