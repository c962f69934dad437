"""Verdicts: the rule by hand, and few confirmations where there is no effect."""

import numpy as np
import pytest

from core.causal.bounds import HEAD_BOUND
from core.causal.verdicts import CONFIRMED, judge, verdict
from core.heads import all_heads


@pytest.mark.parametrize(
    ("effect", "low", "high", "q", "expected"),
    [
        (0.3, 0.2, 0.4, 0.01, "confirmed"),
        (-0.3, -0.4, -0.2, 0.01, "confirmed"),
        (0.3, 0.2, 0.4, 0.25, "partly"),
        (0.3, -0.1, 0.7, 0.01, "not confirmed"),
        (0.03, 0.02, 0.04, 0.01, "partly"),
        (0.03, 0.02, 0.04, 0.2, "not confirmed"),
        (0.02, 0.01, 0.03, 0.01, "not confirmed"),
        (0.02, 0.01, 0.03, np.nan, "not confirmed"),
        (0.3, np.nan, np.nan, 1.0, "not confirmed"),
    ],
)
def test_the_rule_of_the_verdict(effect, low, high, q, expected):
    assert verdict(effect, low, high, q, bound=0.05) == expected


def test_the_larger_direction_counts_with_its_sign_and_negligible_targets_do_not_dilute_q():
    count = 8
    noise = np.full((31, count), 1e-4) * np.random.default_rng(0).choice([-1, 1], size=(31, count))
    noise[0], denoise = 0.1, noise.copy()
    denoise[0] = -0.4
    findings = judge(all_heads(1, 31), np.stack([noise, denoise]), 0.05, seed=0)
    assert (findings.effect[0], findings.low[0], findings.high[0]) == pytest.approx((-0.4, -0.4, -0.4))
    assert findings.q[0] == pytest.approx(2 / 2**count)
    assert findings.verdict[0] == "confirmed"
    assert np.isnan(findings.q[1:]).all()
    assert set(findings.verdict[1:]) == {"not confirmed"}


@pytest.mark.parametrize(
    ("against", "count", "made", "expected"),
    [
        (0, 8, True, "confirmed"),
        (1, 8, True, "partly"),
        (1, 8, False, "confirmed"),
        (1, 10, True, "confirmed"),
        (2, 10, True, "partly"),
    ],
)
def test_with_made_partners_a_confirmed_effect_has_its_sign_on_nearly_every_text(
    against, count, made, expected
):
    for sign in (1, -1):
        effects = np.full((1, 1, count), 0.3 * sign)
        effects[0, 0, :against] = -0.001 * sign
        assert judge(all_heads(1, 1), effects, 0.05, seed=0, made=made).verdict == [expected]


def test_an_effect_that_is_no_number_gets_no_p_and_no_verdict():
    effects = np.full((2, 2, 8), 0.2)
    effects[1, 0, 3] = np.nan
    findings = judge(all_heads(1, 2), effects, 0.05, seed=0)
    assert findings.verdict == [None, "confirmed"]
    assert np.isnan(findings.p[0])


def test_random_signs_are_rarely_confirmed():
    """Under the null a family has any confirmation in at most 5 % of draws, here up to chance."""
    numbers = np.random.default_rng(4)
    draws = 300
    wrong = 0
    for draw in range(draws):
        size = np.abs(numbers.normal(0.3, 0.1, size=(2, 12, 8)))
        effects = size * numbers.choice([-1.0, 1.0], size=(1, 12, 8))
        wrong += "confirmed" in judge(all_heads(1, 12), effects, 0.05, seed=draw).verdict
    assert wrong / draws <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_a_head_that_works_against_the_behaviour_is_told():
    effects = np.stack([[[-0.3, -0.2, -0.3, -0.2], [0.3, 0.2, 0.3, 0.2], [-0.9, 0.8, 0.1, -0.2]]])
    assert judge(all_heads(1, 3), effects, 0.05, seed=0).works_against.tolist() == [True, False, False]


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
    assert np.mean(some) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


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
