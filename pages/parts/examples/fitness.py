"""What the preview of the examples tells of their fitness: variety of the sides, difference in behaviour."""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.examples.example_set import ADVISED_PER_SIDE, LABELS, MAXIMUM_PER_SIDE, MINIMUM_PER_SIDE
from pages.parts.examples.previewed_texts import PreviewedText, PreviewedTexts

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


def variety(examples: Sequence[PreviewedText]) -> tuple[int, int]:
    """Distinct tokens of the anomalous and of the normal side."""
    anomalous, normal = (
        {piece for e in examples if e["label"] == label for piece in e["pieces"]} for label in LABELS
    )
    return len(anomalous), len(normal)


def less_varied(examples: Sequence[PreviewedText]) -> bool:
    """Whether the normal side holds clearly fewer distinct tokens than the anomalous one."""
    anomalous, normal = variety(examples)
    return normal < LEAST_VARIETY * anomalous


def difference(texts: PreviewedTexts) -> float:
    """How far what the model says next differs between the sides, from 0 (alike) to 1.

    The total variation distance over the likeliest next words: the mean over pairs, or between the means of
    the sides where there are no pairs. Partners that were made to differ say nothing here.
    """
    words = [Counter({word["piece"]: word["probability"] for word in e["next"]}) for e in texts.examples]
    given = range(len(texts.given))
    if pairs := [pair for pair in texts.alignment.pairs if set(pair) <= set(given)]:
        return sum(_distance(words[a], words[n]) for a, n in pairs) / len(pairs)
    sides = [[words[i] for i in given if texts.examples[i]["label"] == label] for label in LABELS]
    return _distance(*(_mean(side) for side in sides))


def _mean(rows: Sequence[Mapping[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        for piece, probability in row.items():
            total[piece] += probability / len(rows)  # type: ignore[assignment]
    return total


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(word, 0.0) - other.get(word, 0.0)) for word in {*one, *other}) / 2
