"""The rule that combines signals, by hand and as properties."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.analysis.signals import WEIGHTS, Signals, weighted_mean
from core.causal.bounds import HEAD_BOUND

CODES = np.array([3.0, 4.0, 0.0, 0.0])
GRADIENT = np.array([[0.3, 0.0, 0.4, 0.0], [0.1, 0.0, -0.4, 0.0]])
EXACT = np.array(
    [[[0.6, 0.4], [0.0, 0.0], [0.0, 0.0], [0.0, 0.2]], [[0.1, 0.1], [-0.8, -0.6], [0, 0], [0, 0]]]
)

sizes = arrays(np.float64, 5, elements=st.floats(0, 10).map(lambda value: round(value, 3)))


def test_codes_alone_stay_as_they_are():
    np.testing.assert_allclose(Signals().combined(CODES), CODES)
    assert not Signals(gradient=GRADIENT).strong().any()


def test_a_score_is_the_weighted_mean_in_the_size_of_the_effects():
    """Root mean squares over four heads: codes 2.5, gradients .1 (of .2), effects √(.25 + .49 + .01) / 2."""
    gradient, exact = np.array([0.2, 0, 0, 0]), np.array([0.5, 0.7, 0, 0.1])
    signals = Signals(GRADIENT, EXACT)
    np.testing.assert_allclose(signals.mean_gradient, [0.2, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(signals.mean_exact, [0.5, -0.7, 0, 0.1])
    size = np.sqrt(0.25 + 0.49 + 0.01) / 2
    parts = [0.5 * CODES / 2.5, gradient / 0.1, exact / size]
    np.testing.assert_allclose(signals.combined(CODES), sum(parts) / 2.5 * size)


def test_texts_drawn_anew_bring_their_own_signals():
    times = np.array([[2, 0], [0, 2], [1, 1]])
    drawn = Signals(GRADIENT, EXACT).combined(np.stack([CODES] * 3), times)
    for row, texts in enumerate(([0], [1], [0, 1])):
        alone = Signals(GRADIENT, EXACT).of(np.array(texts))
        np.testing.assert_allclose(drawn[row], alone.combined(CODES))


def test_an_effect_that_reaches_the_bound_makes_a_candidate_whatever_the_score():
    low, high = HEAD_BOUND * 0.99, HEAD_BOUND
    exact = np.array([[[low], [high], [-high], [np.nan]]])
    assert Signals(exact=exact).strong().tolist() == [False, True, True, False]
    assert Signals(exact=exact).strong(np.ones((2, 1))).tolist() == [[False, True, True, False]] * 2
    assert not Signals(GRADIENT, exact, rule="screened").strong().any()


def test_the_gradient_stands_for_effects_that_are_not_measured():
    """Effects are 2 in all where gradients are 4, so half a gradient of 1 stands for the last head."""
    gradient, exact = np.array([[3.0, 1.0, 1.0]]), np.array([[[1.5], [0.5], [np.nan]]])
    whole = np.array([[[1.5], [0.5], [0.5]]])
    codes = np.ones(3)
    np.testing.assert_allclose(
        Signals(gradient, exact).combined(codes), Signals(gradient, whole).combined(codes)
    )
    # never lifted above the gradient itself
    lifted = Signals(gradient, exact * 10).combined(codes)
    np.testing.assert_allclose(lifted, Signals(gradient, np.array([[[15.0], [5.0], [1.0]]])).combined(codes))


def test_the_screen_of_former_versions_is_a_product():
    screened = Signals(GRADIENT, rule="screened").combined(CODES)
    np.testing.assert_allclose(screened, np.sqrt(CODES * [0.2, 0, 0, 0]), atol=1e-12)


@given(sizes, sizes, sizes)
def test_no_signal_can_veto(codes, gradient, exact):
    """A head's score is never below its share of any one signal, and never falls where a signal is larger."""
    score = weighted_mean({"codes": codes, "gradient": gradient, "exact": exact})
    size = np.sqrt((exact**2).mean()) or 1.0
    for name, values in (("codes", codes), ("gradient", gradient), ("exact", exact)):
        own = np.sqrt((values**2).mean()) or 1.0
        assert (score >= WEIGHTS[name] * values / own / sum(WEIGHTS.values()) * size - 1e-9).all()


@given(sizes, sizes, st.floats(0.01, 100))
def test_the_size_of_a_signal_changes_no_order(codes, gradient, factor):
    assume(
        codes.any()
    )  # the score has the size of the last signal, which one that is 0 everywhere has none of
    one, other = (weighted_mean({"gradient": gradient, "codes": codes * by}) for by in (1.0, factor))
    np.testing.assert_allclose(one * factor, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("nothing", [np.zeros(4), None])
def test_a_signal_that_says_nothing_adds_nothing(nothing):
    score = weighted_mean({"codes": nothing, "gradient": np.array([4.0, 2.0, 0, 0])})
    assert score[0] == pytest.approx(2 * score[1]) and score[2] == 0
