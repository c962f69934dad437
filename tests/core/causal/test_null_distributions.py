"""p-values and q-values where there is nothing to find: small ones must be as rare as they say."""

from itertools import combinations

import numpy as np
import pytest
import torch

from core.causal.evidence import CONFIRMED, HEAD_BOUND, judge
from core.causal.metric import _label_p
from core.causal.statistics import label_weights, q_values, sign_flip_p, sign_patterns
from core.discovery.autoencoder import Codes
from core.discovery.label_permutation import label_permutation_p
from core.heads import all_heads

LEVELS = (0.05, 0.1, 0.25)


def most(level: float, draws: int) -> float:
    """The level and three standard errors of a share of so many draws."""
    return level + 3 * float(np.sqrt(level * (1 - level) / draws))


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.normal(size=shape)


def heavy_tails(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.standard_t(1.5, size=shape)


def of_few_sizes(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.choice([-2.0, -1.0, 0.0, 1.0, 2.0], size=shape)


def unlike_examples(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Every example has a spread of its own: they need not be of one kind."""
    return random.normal(size=shape) * np.geomspace(0.01, 10, shape[-1])


NOISE = [normal, heavy_tails, of_few_sizes, unlike_examples]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("examples", [3, 5, 8, 12, 20])
@pytest.mark.parametrize("directions", [1, 2])
def test_sign_flip_p_of_noise_is_small_no_more_often_than_it_says(noise, examples, directions):
    draws = 300 if examples > 12 else 1500
    values = noise(np.random.default_rng(examples), (directions, draws, examples))
    p = sign_flip_p(values, seed=0)
    for level in LEVELS:
        assert (p <= level).mean() <= most(level, draws)


def test_sign_flip_p_stays_valid_where_the_two_directions_tell_the_same():
    first = np.random.default_rng(1).normal(size=(1500, 8))
    values = np.stack([first, 0.9 * first])
    p = sign_flip_p(values, seed=0)
    np.testing.assert_allclose(p, sign_flip_p(values[:1], seed=0))
    for level in LEVELS:
        assert (p <= level).mean() <= most(level, len(p))


@pytest.mark.parametrize("examples", [4, 6, 8])
def test_sign_flip_p_is_exact_over_all_signs_of_the_same_values(examples):
    """Each sign pattern of one table in turn is the truth: p takes every k · 2 / 2^n equally often."""
    random = np.random.default_rng(examples)
    sizes = random.exponential(size=(1, 1, examples))
    p = sign_flip_p(sizes * sign_patterns(examples, 0)[None], seed=0)
    smallest = 2 / 2**examples
    for rank in range(1, 2 ** (examples - 1) + 1):
        assert (p <= rank * smallest * (1 + 1e-9)).mean() == pytest.approx(rank * smallest)


@pytest.mark.parametrize("examples", [4, 7])
def test_choosing_the_larger_direction_is_paid_for_exactly(examples):
    random = np.random.default_rng(examples)
    sizes = random.exponential(size=(2, 1, examples))
    p = sign_flip_p(sizes * sign_patterns(examples, 0)[None], seed=0)
    for level in (*LEVELS, 0.5, 1.0):
        assert (p <= level).mean() <= level
    assert p.min() == 2 / 2**examples


@pytest.mark.parametrize("sides", [(3, 3), (4, 4), (3, 5)])
@pytest.mark.parametrize("kind", ["fixed measures", "direction follows the labels"])
def test_the_p_of_the_gap_is_exact_over_all_labellings(sides, kind):
    """Each labelling in turn is the truth, so the share of p up to a level is at most the level, without any draw."""
    anomalous, total = sides[0], sum(sides)
    random = np.random.default_rng(total)
    values = random.normal(size=total) if kind == "fixed measures" else random.normal(size=(total, total))
    if values.ndim == 2:
        values = values @ values.T
    found = []
    for chosen in combinations(range(total), anomalous):
        order = [*chosen, *(i for i in range(total) if i not in chosen)]
        relabelled = values[order] if values.ndim == 1 else values[np.ix_(order, order)]
        found.append(_label_p(relabelled, label_weights(total, anomalous, seed=0)))
    for level in (*LEVELS, 0.5):
        assert (np.array(found) <= level).mean() <= level
    assert min(found) <= 2 / len(found)


def test_label_permutation_p_of_shuffled_labels_is_small_no_more_often_than_it_says():
    """One table of codes that splits its sides perfectly, its labels shuffled anew for every head."""
    draws, examples = 1500, 10
    random = np.random.default_rng(4)
    order = torch.tensor(np.stack([random.permutation(examples) for _ in range(draws)]))
    own = torch.tensor([4, 5, 6, 7, 8, 1, 1, 2, 2, 3])
    strength = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 1.0, 0.5, 1.0, 0.5, 2.0])
    codes = Codes(own[order].T[None, :, None], strength[order].T[None, :, None])
    p = label_permutation_p(codes, examples // 2, permutations=999, seed=0)
    for level in LEVELS:
        assert (p <= level).mean() <= most(level, draws)
    unshuffled = Codes(own[None, :, None, None], strength[None, :, None, None])
    assert label_permutation_p(unshuffled, examples // 2, 999, seed=0)[0] <= 0.05


@pytest.mark.parametrize("real", [0, 2, 10])
def test_false_discoveries_among_mixtures_are_as_few_as_q_says(real):
    """20 heads, `real` of them with an effect: mean share of false ones among those with q <= .1."""
    draws, heads, examples, level = 600, 20, 10, 0.1
    random = np.random.default_rng(real)
    values = random.normal(size=(draws, heads, examples))
    values[:, :real] += 1.5
    p = sign_flip_p(values.reshape(1, -1, examples), seed=0).reshape(draws, heads)
    found = np.stack([q_values(row) for row in p]) <= level
    share = found[:, real:].sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    assert share.mean() <= level + 3 * share.std() / np.sqrt(draws)
    if real:
        assert found[:, :real].mean() > 0.5


@pytest.mark.parametrize("signs_of", [12, 1], ids=["each head its signs", "all heads the same signs"])
def test_verdicts_of_heads_without_an_effect_are_rarely_confirmed(signs_of):
    """Large effects of no sign: the chance of any confirmation among 12 heads is at most 5 %."""
    draws, heads, examples = 150, all_heads(3, 4), 8
    random = np.random.default_rng(7)
    some = []
    for draw in range(draws):
        sizes = random.exponential(scale=3 * HEAD_BOUND, size=(2, len(heads), examples))
        signs = random.choice([-1.0, 1.0], size=(1, signs_of, examples))
        some.append(CONFIRMED in judge(heads, sizes * signs, HEAD_BOUND, seed=draw).verdict)
    assert np.mean(some) <= most(0.05, draws)


def test_which_heads_count_as_tests_does_not_depend_on_the_signs():
    """Choosing the heads that matter by their sizes alone keeps q valid: the same heads are in the family."""
    random = np.random.default_rng(3)
    heads = all_heads(2, 4)
    sizes = random.exponential(size=(2, len(heads), 8)) * np.geomspace(0.005, 0.2, len(heads))[:, None]
    families = set()
    for _ in range(20):
        signs = random.choice([-1.0, 1.0], size=(1, 1, 8))
        families.add(tuple(np.isnan(judge(heads, sizes * signs, HEAD_BOUND, seed=0).q)))
    assert len(families) == 1
    assert 0 < sum(families.pop()) < len(heads)
