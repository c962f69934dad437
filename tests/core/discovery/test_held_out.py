"""Effects on texts that the selection has not seen."""

import numpy as np
import pytest

from core.discovery.held_out import FEWEST, held_out
from tests.support.codes import made_codes


def test_effects_that_hold_on_texts_left_out():
    told_apart, dull = [1] * 6 + [0] * 6, [0] * 12
    codes = made_codes(told_apart, told_apart, told_apart, *[dull] * 5, n_anomalous=6)
    same = [0.2] * 6
    outlier = [0.9, 0, 0, 0, 0, 0]
    against = [-0.1] * 6
    small = [0.04] * 6

    def share(*effects):
        return held_out(codes, range(len(effects)), np.array([effects]), 0.05, True, "strength", seed=0)

    assert (share(same).share, share(same).checked) == (1.0, 30)
    assert share(against).share == 1.0
    # seen in two of three folds, and never where it is left out
    assert (share(outlier).share, share(outlier).checked) == (0.0, 20)
    assert share(same, outlier).share == pytest.approx(30 / 50)
    assert np.isnan(share(small).share)
    unselected = held_out(codes, [4], np.array([[same]]), 0.05, True, "strength", seed=0)
    assert (unselected.checked, np.isnan(unselected.share)) == (0, True)


def test_the_larger_direction_on_the_texts_seen_is_the_one_that_is_checked():
    codes = made_codes([1] * 6 + [0] * 6, *[[0] * 12] * 3, n_anomalous=6)
    effects = np.array([[[0.01] * 6], [[0.3] * 6]])
    assert held_out(codes, [0], effects, 0.05, True, "strength", seed=0).share == 1.0


def test_too_few_texts_are_not_split():
    few = FEWEST - 1
    codes = made_codes([1] * few + [0] * 8, [0] * (few + 8), n_anomalous=few)
    result = held_out(codes, [0], np.full((1, 1, few), 0.5), 0.05, False, "strength", seed=0)
    assert (result.checked, np.isnan(result.share)) == (0, True)
