"""Batches of texts of unequal length."""

import torch

from core.model.batching import BATCH_TOKENS, PROCESSOR_TOKENS, batches_of, pad, padded, tokens_for


def test_batches_hold_every_text_once_and_keep_the_budget():
    lengths = [3, 9, 4, 4, 20, 1]
    batches = batches_of(lengths, range(6), budget=20)
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert all(max(lengths[i] for i in b) * len(b) <= 20 for b in batches)


def test_a_text_longer_than_the_budget_stands_alone_and_rows_are_bounded():
    assert batches_of([30, 2, 2], range(3), budget=20) == [[0], [1, 2]]
    assert batches_of([1] * 5, range(5), budget=20, rows=2) == [[0, 1], [2, 3], [4]]
    assert batches_of([], []) == []


def test_ids_are_padded_on_the_right_with_a_mask():
    ids, mask = pad([[5, 6, 7], [8]], torch.device("cpu"))
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_values_of_texts_are_padded_with_zeros_behind_their_end():
    values = [torch.ones(3, 2, 4), 2 * torch.ones(1, 2, 4)]
    together = padded(values)
    assert together.shape == (2, 3, 2, 4)
    assert together[0].eq(1).all()
    assert together[1, :1].eq(2).all()
    assert together[1, 1:].eq(0).all()
    assert padded([torch.zeros(3, 0, 0), torch.zeros(5, 0, 0)]).shape == (2, 5, 0, 0)


def test_batches_are_smaller_where_there_is_no_gpu():
    assert (
        tokens_for(torch.device("cpu")) == PROCESSOR_TOKENS < tokens_for(torch.device("cuda")) == BATCH_TOKENS
    )
