"""Scores, statistics and selection, worked by hand or against a plain count."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from core.discovery.autoencoder import SILENT, Codes
from core.discovery.scoring import (
    anomalous_only,
    at_best,
    clashes,
    edge_scores_by_member,
    head_scores,
    mirror_scores,
    unique_codes,
)
from tests.support.codes import codes_from


def plainly_unique(codes, n_anomalous) -> int:
    anomalous, normal = set(codes[:n_anomalous]), set(codes[n_anomalous:])
    return len(anomalous - normal - {SILENT})


def plainly_joint(source, target, n_anomalous) -> int:
    pairs = list(zip(source, target, strict=True))
    fired = [pair for pair in pairs[:n_anomalous] if SILENT not in pair]
    return len(set(fired) - set(pairs[n_anomalous:]))


def plainly_strong(source, target, weights, n_anomalous) -> float:
    pairs = list(zip(source, target, strict=True))
    alone = [pair not in pairs[n_anomalous:] and SILENT not in pair for pair in pairs[:n_anomalous]]
    return sum(w for w, counts in zip(weights, alone, strict=True) if counts) / n_anomalous


def test_unique_codes_by_hand():
    assert int(unique_codes(torch.tensor([3, 3, 5, 7, 7, 1]), 3)) == 2
    assert int(unique_codes(torch.tensor([3, 3, 5, 5, 7, 1]), 3)) == 1
    assert int(unique_codes(torch.tensor([SILENT, 3, SILENT, 2, 2, 2]), 3)) == 1
    assert int(unique_codes(torch.tensor([SILENT] * 6), 3)) == 0


@given(st.lists(st.integers(-1, 4), min_size=2, max_size=150), st.data())
def test_unique_codes_equal_a_plain_count(codes, data):
    n_anomalous = data.draw(st.integers(1, len(codes) - 1))
    assert int(unique_codes(torch.tensor(codes), n_anomalous)) == plainly_unique(codes, n_anomalous)


def test_head_score_is_the_mean_strength_of_anomalous_only_codes():
    index = torch.tensor([4, 5, SILENT, 5, 6, 6]).reshape(1, 6, 1, 1)
    strength = torch.tensor([3.0, 2.0, 0.0, 1.0, 1.0, 1.0]).reshape(1, 6, 1, 1)
    assert head_scores(Codes(index, strength), 3).score.tolist() == [1.0]
    assert head_scores(Codes(index, strength), 3, "count").score.tolist() == [1.0]
    assert mirror_scores(Codes(index, strength), 3).score.tolist() == pytest.approx([2 / 3])
    assert mirror_scores(Codes(index, strength), 3, "count").score.tolist() == [1.0]


def test_head_score_is_that_of_the_best_slot():
    index = torch.tensor([[4, 6], [4, 7], [5, 6], [5, 6]]).reshape(1, 4, 2, 1)
    strength = torch.tensor([[3.0, 1.0], [5.0, 2.0], [1.0, 1.0], [1.0, 1.0]]).reshape(1, 4, 2, 1)
    result = head_scores(Codes(index, strength), 2)
    assert result.best_slot.tolist() == [0]
    assert result.score.tolist() == [4.0]


def test_head_score_takes_the_best_position_of_the_mean_over_members():
    index = [
        [[[1], [1]], [[2], [1]], [[0], [0]], [[0], [0]]],
        [[[0], [5]], [[0], [6]], [[0], [7]], [[1], [7]]],
    ]
    result = head_scores(codes_from(index), 2, "count")
    assert result.best_slot.tolist() == [1]
    assert result.per_member[:, 0].tolist() == [1.0, 2.0]
    assert result.score.tolist() == [1.5]
    assert at_best(codes_from(index), result.best_slot).latent[1, 0].tolist() == [5, 6, 7, 7]


LAYERS = np.array([0, 2, 2, 2, 3, 3])
"""Layers with other numbers of heads, and layer 1 without."""


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70))
def test_edges_equal_a_plain_computation_of_joint_codes(seed, n_anomalous, n_normal):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 6, n_anomalous + n_normal)
    codes = codes_from(
        torch.randint(-1, 3, shape, generator=generator), torch.rand(shape, generator=generator)
    )
    counted = edge_scores_by_member(codes, n_anomalous, LAYERS, "count")
    strong = edge_scores_by_member(codes, n_anomalous, LAYERS)
    for member, source, target in product(range(2), range(6), range(6)):
        forward = LAYERS[source] < LAYERS[target]
        a, b = codes.latent[member, source].tolist(), codes.latent[member, target].tolist()
        weights = (codes.strength[member, source] * codes.strength[member, target]).sqrt().tolist()
        assert counted[member, source, target] == (plainly_joint(a, b, n_anomalous) if forward else 0)
        plain = plainly_strong(a, b, weights[:n_anomalous], n_anomalous) if forward else 0
        assert strong[member, source, target] == pytest.approx(plain, abs=1e-5)


class LargestTensor(TorchDispatchMode):
    """Keeps the size in bytes of the largest tensor that an operation makes."""

    def __init__(self):
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for made in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(made, torch.Tensor):
                self.size = max(self.size, made.numel() * made.element_size())
        return output


@pytest.mark.parametrize("distinct", [False, True])
@given(data=st.data(), n_anomalous=st.integers(1, 70), n_normal=st.integers(1, 70), codes=st.integers(1, 90))
@settings(max_examples=40, deadline=None)
def test_codes_are_compared_as_a_table_of_all_pairs_of_examples_compares_them(
    distinct, data, n_anomalous, n_normal, codes
):
    seed = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    index = torch.randint(SILENT, codes, (2, 3, n_anomalous + n_normal), generator=seed)
    anomalous, normal = index[..., :n_anomalous], index[..., n_anomalous:]
    equal = anomalous[..., :, None] == normal[..., None, :]
    alone = ~equal.any(dim=-1) & (anomalous != SILENT)
    assert torch.equal(anomalous_only(index, n_anomalous), alone)
    for row, mask, count in zip(
        anomalous.flatten(0, 1), alone.flatten(0, 1), unique_codes(index, n_anomalous).flatten(), strict=True
    ):
        assert count == len(set(row[mask].tolist()))
    if distinct:
        earlier = torch.ones(n_anomalous, n_anomalous, dtype=torch.bool).tril(-1)
        equal = torch.cat([equal, (anomalous[..., :, None] == anomalous[..., None, :]) & earlier], dim=-1)
    bits = clashes(index, n_anomalous, distinct)
    for number in range(equal.shape[-1]):
        assert torch.equal((bits[..., number // 62] >> number % 62) & 1 == 1, equal[..., number])


@pytest.mark.parametrize("compare", [anomalous_only, unique_codes, clashes])
def test_no_table_of_all_pairs_of_examples_is_made(compare):
    """At 200 + 200 texts and 1,024 heads such a table takes gigabytes."""
    index = torch.randint(SILENT, 64, (2, 3, 5, 400), generator=torch.Generator().manual_seed(0))
    with LargestTensor() as largest:
        compare(index, 200)
    assert 0 < largest.size <= 2 * index.numel() * index.element_size()
