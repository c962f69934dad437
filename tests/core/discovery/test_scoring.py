"""Scores, statistics and selection, worked by hand or against a plain count."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.causal.statistics import member_interval, q_values
from core.discovery.autoencoder import Codes
from core.discovery.label_permutation import groups, label_permutation_p, label_permutations
from core.discovery.scoring import at_best, edge_scores_by_member, head_scores, mirror_scores, unique_codes
from core.discovery.selection import select, threshold

SILENT = -1


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


def codes_from(index, strength=None) -> Codes:
    index = torch.as_tensor(index)
    strength = torch.ones(index.shape) if strength is None else torch.as_tensor(strength)
    return Codes(index, strength * (index != SILENT))


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
    found = head_scores(Codes(index, strength), 2)
    assert found.best_slot.tolist() == [0]
    assert found.score.tolist() == [4.0]


def test_head_score_takes_the_best_position_of_the_mean_over_members():
    index = [
        [[[1], [1]], [[2], [1]], [[0], [0]], [[0], [0]]],
        [[[0], [5]], [[0], [6]], [[0], [7]], [[1], [7]]],
    ]
    found = head_scores(codes_from(index), 2, "count")
    assert found.best_slot.tolist() == [1]
    assert found.per_member[:, 0].tolist() == [1.0, 2.0]
    assert found.score.tolist() == [1.5]
    assert at_best(codes_from(index), found.best_slot).latent[1, 0].tolist() == [5, 6, 7, 7]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70))
def test_edges_equal_a_plain_computation_of_joint_codes(seed, n_anomalous, n_normal):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 6, n_anomalous + n_normal)
    codes = codes_from(
        torch.randint(-1, 3, shape, generator=generator), torch.rand(shape, generator=generator)
    )
    counted = edge_scores_by_member(codes, n_anomalous, 2, "count")
    strong = edge_scores_by_member(codes, n_anomalous, 2)
    for member, source, target in product(range(2), range(6), range(6)):
        forward = source // 2 < target // 2
        a, b = codes.latent[member, source].tolist(), codes.latent[member, target].tolist()
        weights = (codes.strength[member, source] * codes.strength[member, target]).sqrt().tolist()
        assert counted[member, source, target] == (plainly_joint(a, b, n_anomalous) if forward else 0)
        plain = plainly_strong(a, b, weights[:n_anomalous], n_anomalous) if forward else 0
        assert strong[member, source, target] == pytest.approx(plain, abs=1e-5)


def test_the_interval_of_members():
    low, high = member_interval(np.arange(101.0)[:, None])
    assert (low[0], high[0]) == pytest.approx((5.0, 95.0))


def test_permutation_p_of_a_perfect_and_of_an_empty_head():
    index = torch.zeros(1, 12, 1, 2, dtype=torch.long)
    index[0, :6, 0, 0] = 1
    p = label_permutation_p(codes_from(index), 6, 999, seed=0)
    assert p[0] < 0.02
    assert p[1] == 1.0


def test_permutation_p_is_uniform_or_above_under_shuffled_labels():
    generator = torch.Generator().manual_seed(3)
    shape = (2, 12, 2, 400)
    draws = codes_from(
        torch.randint(-1, 12, shape, generator=generator), torch.rand(shape, generator=generator)
    )
    p = label_permutation_p(draws, 6, 199, seed=1)
    for level in (0.05, 0.1, 0.25, 0.5):
        margin = 3 * np.sqrt(level * (1 - level) / len(p))
        assert (p <= level).mean() <= level + margin
        assert (p <= level).mean() >= level - margin


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 140), st.integers(1, 4), st.integers(1, 3), st.integers(1, 5))
def test_scores_under_many_labellings_are_the_head_scores_of_the_relabelled_texts(
    seed, examples, members, slots, heads
):
    generator = torch.Generator().manual_seed(seed)
    shape = (members, examples, slots, heads)
    codes = codes_from(
        torch.randint(-1, 2 + examples // 3, shape, generator=generator),
        torch.rand(shape, generator=generator),
    )
    n_anomalous = 1 + seed % (examples - 1)
    orders = [torch.randperm(examples, generator=generator) for _ in range(5)]
    sides = np.zeros((5, examples))
    for row, order in zip(sides, orders, strict=True):
        row[order[:n_anomalous]] = 1
    found = np.concatenate(list(groups(codes).scores(sides)), axis=2)
    assert found.shape == (slots, heads, 5)
    for number, order in enumerate(orders):
        relabelled = Codes(*(field[:, order] for field in codes))
        for slot in range(slots):
            one = Codes(*(field[:, :, [slot]] for field in relabelled))
            plain = head_scores(one, n_anomalous).score.numpy()
            np.testing.assert_allclose(found[slot, :, number], plain, atol=1e-9)


def plainly_permuted_p(codes, n_anomalous, permutations, seed):
    generator = torch.Generator().manual_seed(seed)
    observed = head_scores(codes, n_anomalous).score
    reached = torch.ones_like(observed)
    for _ in range(permutations):
        order = torch.randperm(codes.latent.shape[1], generator=generator)
        shuffled = Codes(*(field[:, order] for field in codes))
        reached += head_scores(shuffled, n_anomalous).score >= observed - 1e-9
    return (reached / (1 + permutations)).numpy()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
def test_permutation_p_is_that_of_scoring_every_shuffle_by_itself(seed, n_anomalous, n_normal):
    generator = torch.Generator().manual_seed(seed)
    shape = (3, n_anomalous + n_normal, 2, 4)
    codes = codes_from(
        torch.randint(-1, 5, shape, generator=generator), torch.rand(shape, generator=generator)
    )
    found = label_permutation_p(codes, n_anomalous, 60, seed)
    np.testing.assert_allclose(found, plainly_permuted_p(codes, n_anomalous, 60, seed))


def test_permutation_p_does_not_depend_on_blocks_and_tells_how_far_it_is(monkeypatch):
    codes = codes_from(torch.randint(-1, 6, (2, 8, 2, 30), generator=torch.Generator().manual_seed(0)))
    whole = label_permutation_p(codes, 4, 99, seed=0)
    monkeypatch.setattr("core.discovery.label_permutation.BLOCK_NUMBERS", 1)
    assert np.array_equal(label_permutation_p(codes, 4, 99, seed=0), whole)
    assert list(label_permutations(codes, 4, 99, seed=0)) == [0, *range(100)]


def test_permutation_p_of_heads_that_are_always_silent():
    silent = codes_from(torch.full((2, 6, 2, 3), SILENT))
    assert label_permutation_p(silent, 3, 20, seed=0).tolist() == [1.0] * 3


def test_q_values_by_hand_and_with_gaps():
    found = q_values(np.array([0.01, np.nan, 0.04, 0.03]))
    assert found[0] == pytest.approx(0.03)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(0.04)
    assert np.isnan(q_values(np.array([np.nan]))).all()


def test_selection_rules_by_hand():
    scores = np.array([8.0, 4.0, 2.0, 0.05, 0.04, 0.02, 0.0])
    for rule in ("split", "gap", "average"):
        assert select(scores, rule)[:2].all(), rule
        assert not select(scores, rule)[3:].any(), rule
    assert threshold(scores, "split") == 2.0
    assert threshold(np.array([1.0, 2.0, 3.0, 4.0, 10.0]), "quartile") == 2.0
    assert threshold(np.array([8.0, 9.0, 10.0]), "quartile") == 8.0
    assert threshold(scores, "average") == 4.0
    assert threshold(np.array([8.0, 7.0, 1.0, 0.9]), "gap") == 7.0
    assert not select(np.ones(5), "split").any()
    assert np.isinf(threshold(np.zeros(3), "gap"))


@given(st.lists(st.floats(0, 8, allow_subnormal=False), min_size=2, max_size=40))
def test_selection_takes_the_best_and_never_all(scores):
    values = np.array(scores)
    for rule in ("split", "gap", "average"):
        chosen = select(values, rule)
        if values.min() == values.max():
            assert not chosen.any()
        else:
            assert chosen[values.argmax()]
            assert not chosen[values.argmin()]
