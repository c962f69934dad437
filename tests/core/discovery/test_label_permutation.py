"""Scores under shuffled labels against plain counts, and their p-values."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.discovery.autoencoder import NO_CODE, SILENT, Codes
from core.discovery.label_permutation import groups, label_permutations
from core.discovery.scoring import head_scores
from core.generators import result_of
from tests.support.codes import codes_from


def test_permutation_p_of_a_perfect_and_of_an_empty_head():
    index = torch.zeros(1, 12, 1, 2, dtype=torch.long)
    index[0, :6, 0, 0] = 1
    p = result_of(label_permutations(codes_from(index), 6, 999, seed=0))
    assert p[0] < 0.02
    assert p[1] == 1.0


def test_permutation_p_is_uniform_or_above_under_shuffled_labels():
    generator = torch.Generator().manual_seed(3)
    shape = (2, 12, 2, 400)
    draws = codes_from(
        torch.randint(-1, 12, shape, generator=generator), torch.rand(shape, generator=generator)
    )
    p = result_of(label_permutations(draws, 6, 199, seed=1))
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
        torch.randint(SILENT, 2 + examples // 3, shape, generator=generator),
        torch.rand(shape, generator=generator),
    )
    n_anomalous = 1 + seed % (examples - 1)
    lacking = torch.rand(examples, slots, generator=generator) < 0.2
    codes.latent.masked_fill_(lacking[:, :, None], NO_CODE)
    orders = [torch.randperm(examples, generator=generator) for _ in range(5)]
    sides = np.zeros((5, examples))
    for row, order in zip(sides, orders, strict=True):
        row[order[:n_anomalous]] = 1
    result = np.concatenate(list(groups(codes).scores(sides)), axis=2)
    assert result.shape == (slots, heads, 5)
    for number, order in enumerate(orders):
        relabelled = Codes(*(field[:, order] for field in codes))
        for slot in range(slots):
            one = Codes(*(field[:, :, [slot]] for field in relabelled))
            plain = head_scores(one, n_anomalous).score.numpy()
            np.testing.assert_allclose(result[slot, :, number], plain, atol=1e-9)


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
    result = result_of(label_permutations(codes, n_anomalous, 60, seed))
    np.testing.assert_allclose(result, plainly_permuted_p(codes, n_anomalous, 60, seed))


def test_permutation_p_does_not_depend_on_blocks_and_tells_how_far_it_is(monkeypatch):
    codes = codes_from(torch.randint(-1, 6, (2, 8, 2, 30), generator=torch.Generator().manual_seed(0)))
    whole = result_of(label_permutations(codes, 4, 99, seed=0))
    monkeypatch.setattr("core.discovery.label_permutation.BLOCK_NUMBERS", 1)
    assert np.array_equal(result_of(label_permutations(codes, 4, 99, seed=0)), whole)
    assert list(label_permutations(codes, 4, 99, seed=0)) == [0, *range(100)]


def test_permutation_p_of_heads_that_are_always_silent():
    silent = codes_from(torch.full((2, 6, 2, 3), SILENT))
    assert result_of(label_permutations(silent, 3, 20, seed=0)).tolist() == [1.0] * 3


LEVELS = (0.05, 0.1, 0.25)


def test_label_permutation_p_of_shuffled_labels_is_small_no_more_often_than_it_says():
    """One table of codes that splits its sides perfectly, its labels shuffled anew for every head."""
    draws, examples = 1500, 10
    random = np.random.default_rng(4)
    order = torch.tensor(np.stack([random.permutation(examples) for _ in range(draws)]))
    own = torch.tensor([4, 5, 6, 7, 8, 1, 1, 2, 2, 3])
    strength = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 1.0, 0.5, 1.0, 0.5, 2.0])
    codes = Codes(own[order].T[None, :, None], strength[order].T[None, :, None])
    p = result_of(label_permutations(codes, examples // 2, permutations=999, seed=0))
    for level in LEVELS:
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / draws)
    unshuffled = Codes(own[None, :, None, None], strength[None, :, None, None])
    assert result_of(label_permutations(unshuffled, examples // 2, 999, seed=0))[0] <= 0.05
