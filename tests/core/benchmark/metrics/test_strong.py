"""Strong heads, by hand."""

import math
from types import SimpleNamespace

from core.benchmark.metrics.strong import strong_recall, strongest_tested
from core.heads import HeadId

HEADS = [HeadId(0, number) for number in range(4)]
EFFECTS = dict(zip(HEADS, (0.3, -0.5, 0.1, 0.09), strict=True))


def findings(*verdicts):
    """Findings of the first heads."""
    return SimpleNamespace(targets=HEADS[: len(verdicts)], verdict=list(verdicts))


def test_strong_recall_counts_confirmed_and_partly():
    assert strong_recall(EFFECTS, findings("confirmed", "partly")) == 2 / 3
    assert strong_recall(EFFECTS, findings("confirmed", "not confirmed", "confirmed", "confirmed")) == 2 / 3
    assert strong_recall(EFFECTS, None) == 0
    assert math.isnan(strong_recall({HEADS[0]: 0.05}, findings("confirmed")))
    assert math.isnan(strong_recall({}, None))


def test_the_strongest_is_the_largest_in_size():
    assert strongest_tested(EFFECTS, findings("not confirmed", "not confirmed")) == 1
    assert strongest_tested(EFFECTS, findings("confirmed")) == 0
    assert strongest_tested(EFFECTS, None) == 0
    assert math.isnan(strongest_tested({}, None))
