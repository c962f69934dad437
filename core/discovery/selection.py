"""Which heads and edges count as candidates: stated rules that need no setting.

`average` (the default for heads): everything at or above the mean score.
`quartile` (the default for edges, among the pairs of candidate heads): everything from the lower quartile up, and
whatever reaches three quarters of the best score, so that edges of one strength stay together.
`split`: cut where two groups, low and high, explain most of the variance (Otsu 1979).
`gap`: cut at the largest gap in the sorted scores.

Scores span orders of magnitude, so `split` and `gap` look at their logarithms, where what lies below a thousandth
of the best score counts as that thousandth.
"""

from typing import Literal, get_args

import numpy as np

Rule = Literal["average", "quartile", "split", "gap"]
RULES: tuple[Rule, ...] = get_args(Rule)
HEAD_RULE: Rule = "average"
EDGE_RULE: Rule = "quartile"

FLOOR = 1e-3
"""Share of the best score below which differences do not count."""


def select(scores: np.ndarray, rule: Rule) -> np.ndarray:
    """Which of the scores (n,) are selected; none where all are equal."""
    return scores >= threshold(scores, rule)


def threshold(scores: np.ndarray, rule: Rule) -> float:
    """Lowest selected score; infinite where all scores are equal."""
    levels = np.unique(scores)
    if len(levels) < 2 or levels[-1] <= 0:
        return float("inf")
    if rule == "average":
        return float(levels[levels >= scores.mean()][0])
    if rule == "quartile":
        return float(levels[levels >= min(np.quantile(scores, 0.25), 0.75 * levels[-1])][0])
    logarithms = _log(levels)
    cut = _split(_log(scores), logarithms) if rule == "split" else int(np.argmax(np.diff(logarithms)))
    return float(levels[cut + 1])


def _log(scores: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(scores, scores.max() * FLOOR))


def _split(scores: np.ndarray, levels: np.ndarray) -> int:
    """Index of the level after which to cut, with the largest variance between the two groups."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, levels[:-1], side="right").clip(max=len(ordered) - 1)
    total = np.cumsum(ordered)
    low = total[below - 1] / below
    high = (total[-1] - total[below - 1]) / (len(ordered) - below)
    return int(np.argmax(below * (len(ordered) - below) * (high - low) ** 2))
