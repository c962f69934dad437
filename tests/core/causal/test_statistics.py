"""p-values, q-values and intervals: worked by hand, and rarely small where there is nothing to find."""

import numpy as np
import pytest

from core.causal.statistics import (
    bootstrap_interval,
    label_weights,
    member_interval,
    q_values,
    sign_flip_p,
    sign_patterns,
    smallest_sign_flip_p,
)

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


def test_the_interval_of_members():
    low, high = member_interval(np.arange(101.0)[:, None])
    assert (low[0], high[0]) == pytest.approx((5.0, 95.0))


def test_q_values_by_hand_and_with_gaps():
    q = q_values(np.array([0.01, np.nan, 0.04, 0.03]))
    assert q[0] == pytest.approx(0.03)
    assert np.isnan(q[1])
    assert q[2] == pytest.approx(0.04)
    assert np.isnan(q_values(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([3, 1, 1], 2 / 8),
        ([-3, -1, -1], 2 / 8),
        ([2, 2, -1], 4 / 8),
        ([1, 1, -1], 1.0),
        ([0, 0, 0], 1.0),
        ([1, 2, 3, 4, 5], 2 / 32),
        ([7], 1.0),
    ],
)
def test_sign_flip_p_worked_by_hand(values, p):
    assert sign_flip_p(np.array([[values]], dtype=float), seed=0)[0] == pytest.approx(p)


def test_the_choice_of_the_direction_is_paid_for():
    noise, denoise = [2.0, 2.0, -1.0], [0.0, 3.0, 0.0]
    # means of the signs +++, ++-, +-+, -++ (and their mirrors): noise 3 5 1 1, denoise 3 3 3 3 (in thirds)
    assert sign_flip_p(np.array([[noise], [denoise]]), seed=0)[0] == pytest.approx(1.0)
    assert sign_flip_p(np.array([[noise]]), seed=0)[0] == pytest.approx(0.5)


def test_the_smallest_p_is_what_one_sided_signs_give():
    for count in (1, 3, 5, 8, 12, 13, 40):
        all_positive = sign_flip_p(np.arange(1.0, count + 1)[None, None], seed=0)[0]
        assert all_positive == pytest.approx(smallest_sign_flip_p(count), abs=4e-4)
    assert len(sign_patterns(12, 0)) == 4096
    assert len(sign_patterns(13, 0)) == 10_001


def test_label_weights_are_differences_of_means_with_the_true_one_first():
    weights = label_weights(6, 3, seed=0)
    assert len(weights) == len({tuple(row) for row in weights}) == 20
    values = np.array([5.0, 6, 7, 1, 2, 3])
    assert weights[0] @ values == pytest.approx(4.0)
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)


def test_the_interval_covers_the_mean_and_needs_two_examples():
    low, high = bootstrap_interval(np.array([[1.0, 2, 3, 4], [2, 2, 2, 2]]), seed=0)
    assert 1 <= low[0] < 2.5 < high[0] <= 4
    assert low[1] == high[1] == 2
    assert np.isnan(bootstrap_interval(np.ones((3, 1)), seed=0)).all()


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


@pytest.mark.parametrize("real", [0, 2, 10])
def test_false_discoveries_among_mixtures_are_as_few_as_q_says(real):
    """20 heads, `real` of them with an effect: mean share of false ones among those with q <= .1."""
    draws, heads, examples, level = 600, 20, 10, 0.1
    random = np.random.default_rng(real)
    values = random.normal(size=(draws, heads, examples))
    values[:, :real] += 1.5
    p = sign_flip_p(values.reshape(1, -1, examples), seed=0).reshape(draws, heads)
    rejected = np.stack([q_values(row) for row in p]) <= level
    share = rejected[:, real:].sum(axis=1) / np.maximum(rejected.sum(axis=1), 1)
    assert share.mean() <= level + 3 * share.std() / np.sqrt(draws)
    if real:
        assert rejected[:, :real].mean() > 0.5
