"""Texts of one side that are nearly the same, so that they count as one.

1. Two texts that differ in capitals, spaces and punctuation alone are near-duplicates.
2. Where the texts of a side are otherwise different (the median share of words that two of them have in common is below
   TEMPLATE), so are texts that differ in numbers alone, and those of which at least SIMILAR of the words are the same,
   in order. Where a side is made from one template, its texts are meant to be alike, and only the first rule holds.

Texts of different sides are never compared: the two of a pair are meant to be alike.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations
from statistics import median

from core.examples.checks.finding import Finding
from core.examples.checks.words import is_mark, words_of
from core.examples.example_set import LABELS, ExampleSet

SIMILAR = 0.95
TEMPLATE = 0.6
_NUMBER = re.compile(r"\d+")


def duplicate_findings(examples: ExampleSet) -> list[Finding]:
    """`near_duplicate`, one a text, naming the first text that it repeats. Values: `first` (its index)."""
    words = [[w for w in words_of(e.text) if not is_mark(w)] or words_of(e.text) for e in examples.examples]
    findings = []
    for label in LABELS:
        side = [i for i, example in enumerate(examples.examples) if example.label == label]
        alike = _alike_everywhere([words[i] for i in side])
        repeated: dict[int, int] = {}
        for first, second in combinations(side, 2):
            if second not in repeated and first not in repeated and _same(words[first], words[second], alike):
                repeated[second] = first
        findings += [
            Finding("near_duplicate", (row,), {"first": first, "label": label})
            for row, first in repeated.items()
        ]
    return findings


def _alike_everywhere(side: Sequence[Sequence[str]]) -> bool:
    """Whether the texts of a side are made from one template, whatever numbers stand in it."""
    sets = [frozenset(_numbers_alike(words)) for words in side]
    shares = [len(a & b) / max(1, len(a | b)) for a, b in combinations(sets, 2)]
    return bool(shares) and median(shares) >= TEMPLATE


def _numbers_alike(words: Sequence[str]) -> list[str]:
    return [_NUMBER.sub("0", word) for word in words]


def _same(first: Sequence[str], second: Sequence[str], template: bool) -> bool:
    if first == second:
        return True
    if template:
        return False
    one, other = _numbers_alike(first), _numbers_alike(second)
    if one == other:
        return True
    longest = max(len(one), len(other))
    # what the two share in any order bounds what they share in order, and costs far less
    if min(len(one), len(other)) < SIMILAR * longest or len({*one} & {*other}) < 0.8 * len({*one} | {*other}):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= SIMILAR
