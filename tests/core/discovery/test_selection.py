"""The rules of selection, worked by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.discovery.selection import select, threshold


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
        selected = select(values, rule)
        if values.min() == values.max():
            assert not selected.any()
        else:
            assert selected[values.argmax()]
            assert not selected[values.argmin()]
