"""Texts far longer or shorter than the rest, and sides that the model could tell apart by their length alone."""

from collections.abc import Sequence
from statistics import median

from core.examples.checks.finding import Finding
from core.examples.example_set import LABELS, Label

TIMES, TOKENS = 3, 20
"""A text is far longer than the rest from this many times the median on, and by more than so many tokens."""
APART = 0.95
"""Share of the pairs of texts, one of each side, of which the same side's is the longer one."""
RATIO, LEAST_DIFFERENCE = 1.25, 3
"""Median length of the longer side by that of the shorter, and their distance in tokens, from which on it counts."""
LEAST_TEXTS = 4
"""Texts a side below which lengths part by chance."""


def length_findings(lengths: Sequence[int], labels: Sequence[Label]) -> list[Finding]:
    """`much_longer` and `much_shorter`, one a text, and `sides_length`; `lengths` are in tokens."""
    middle = median(lengths)
    findings = []
    for row, length in enumerate(lengths):
        values = {"length": length, "median": round(middle)}
        if length > TIMES * middle and length - middle > TOKENS:
            findings.append(Finding("much_longer", (row,), values))
        elif middle > TIMES * length and middle - length > TOKENS:
            findings.append(Finding("much_shorter", (row,), values))
    return findings + _sides(lengths, labels)


def _sides(lengths: Sequence[int], labels: Sequence[Label]) -> list[Finding]:
    anomalous, normal = (
        [length for length, own in zip(lengths, labels, strict=True) if own == label] for label in LABELS
    )
    if min(len(anomalous), len(normal)) < LEAST_TEXTS:
        return []
    pairs = [(a > n) + (a == n) / 2 for a in anomalous for n in normal]
    share = sum(pairs) / len(pairs)
    shorter, longer = sorted([median(anomalous), median(normal)])
    if max(share, 1 - share) < APART or longer < RATIO * shorter or longer - shorter < LEAST_DIFFERENCE:
        return []
    values = {"anomalous": round(median(anomalous)), "normal": round(median(normal))}
    return [Finding("sides_length", (), values)]
