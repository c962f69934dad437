"""Which heads and edges count as candidates: stated rules that need no setting.

`gap`: cut at the largest gap in the sorted scores.
`split`: cut where two groups, low and high, explain most of the scores' variance (Otsu 1979).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

Rule = Literal["gap", "split"]

HEAD_RULE: Rule = "split"
EDGE_RULE: Rule = "split"


def select(scores: np.ndarray, rule: Rule) -> np.ndarray:
    """Which of the scores (n,) are selected; none where all are equal."""
    return scores >= threshold(scores, rule)


def threshold(scores: np.ndarray, rule: Rule) -> float:
    """Lowest selected score; infinite where all scores are equal."""
    levels = np.unique(scores)
    if len(levels) < 2:
        return float("inf")
    return float(levels[_RULES[rule](scores, levels) + 1])


def _gap(_scores: np.ndarray, levels: np.ndarray) -> int:
    return int(np.argmax(np.diff(levels)))


def _split(scores: np.ndarray, levels: np.ndarray) -> int:
    """Index of the level after which to cut, with the largest variance between the two groups."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, levels[:-1], side="right")
    total = np.cumsum(ordered)
    low = total[below - 1] / below
    high = (total[-1] - total[below - 1]) / (len(ordered) - below)
    return int(np.argmax(below * (len(ordered) - below) * (high - low) ** 2))


_RULES: dict[Rule, Callable[[np.ndarray, np.ndarray], int]] = {"gap": _gap, "split": _split}
