"""Intervals and q-values, worked by hand."""

import numpy as np
import pytest

from core.causal.statistics import member_interval, q_values


def test_the_interval_of_members():
    low, high = member_interval(np.arange(101.0)[:, None])
    assert (low[0], high[0]) == pytest.approx((5.0, 95.0))


def test_q_values_by_hand_and_with_gaps():
    found = q_values(np.array([0.01, np.nan, 0.04, 0.03]))
    assert found[0] == pytest.approx(0.03)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(0.04)
    assert np.isnan(q_values(np.array([np.nan]))).all()
