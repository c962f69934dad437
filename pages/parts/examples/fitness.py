"""What the preview of the examples tells of their fitness: variety of the sides, difference in behaviour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.examples.example_set import ADVISED_PER_SIDE, MAXIMUM_PER_SIDE, MINIMUM_PER_SIDE

LEAST_VARIETY = 0.8
"""Distinct tokens of the normal side by those of the anomalous one, below which the codes may measure variety."""
LEAST_DIFFERENCE = 0.1
"""Mean distance of the next words' probabilities (0 same, 1 disjoint) below which the model behaves alike."""


def advice(count: int) -> str:
    """Whether so many texts a side are none, too_few, few, good, many or too_many."""
    low, high = ADVISED_PER_SIDE
    bounds = (
        (0, "none"),
        (MINIMUM_PER_SIDE - 1, "too_few"),
        (low - 1, "few"),
        (high, "good"),
        (MAXIMUM_PER_SIDE, "many"),
    )
    return next((name for highest, name in bounds if count <= highest), "too_many")


def variety(examples: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Distinct tokens of the anomalous and of the normal side."""
    sides = ("anomalous", "normal")
    found = [{piece for e in examples if e["label"] == side for piece in e["pieces"]} for side in sides]
    return len(found[0]), len(found[1])


def less_varied(examples: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the normal side holds clearly fewer distinct tokens than the anomalous one."""
    anomalous, normal = variety(examples)
    return normal < LEAST_VARIETY * anomalous


def difference(examples: Sequence[Mapping[str, Any]], pairs: Sequence[Sequence[int]]) -> float:
    """How far what the model says next differs between the sides, from 0 (alike) to 1.

    The total variation distance over the likeliest next words: the mean over pairs, or between the means of
    the sides where there are no pairs.
    """
    said = [Counter({w["piece"]: w["probability"] for w in e["next"]}) for e in examples]
    if pairs:
        return sum(_distance(said[a], said[n]) for a, n in pairs) / len(pairs)
    sides = ("anomalous", "normal")
    means = [_mean([said[i] for i, e in enumerate(examples) if e["label"] == side]) for side in sides]
    return _distance(*means)


def _mean(rows: Sequence[Mapping[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        for piece, probability in row.items():
            total[piece] += probability / len(rows)  # type: ignore[assignment]
    return total


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(word, 0.0) - other.get(word, 0.0)) for word in {*one, *other}) / 2
