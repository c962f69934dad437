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
from typing import NamedTuple

from core.examples.checks.finding import Finding
from core.examples.checks.words import is_mark, words_of
from core.examples.example_set import LABELS, ExampleSet

SIMILAR = 0.95
TEMPLATE = 0.6
MOST_PAIRS = 1000
"""Pairs of texts by which a template is recognised."""
_NUMBER = re.compile(r"\d+")


class _Text(NamedTuple):
    """A text as it is compared: its words, the same with all numbers alike, and the set of these."""

    words: list[str]
    numberless: list[str]
    vocabulary: frozenset[str]


def duplicate_findings(examples: ExampleSet) -> list[Finding]:
    """`near_duplicate`, one a text, naming the first text that it repeats. Values: `first` (its index)."""
    texts = [_compared(example.text) for example in examples.examples]
    findings = []
    for label in LABELS:
        side = [i for i, example in enumerate(examples.examples) if example.label == label]
        template = _from_one_template([texts[i] for i in side])
        repeated: dict[int, int] = {}
        for first, second in combinations(side, 2):
            if second in repeated or first in repeated:
                continue
            if _same(texts[first], texts[second], template):
                repeated[second] = first
        findings += [
            Finding("near_duplicate", (row,), {"first": first, "label": label})
            for row, first in repeated.items()
        ]
    return findings


def _compared(text: str) -> _Text:
    words = words_of(text)
    words = [word for word in words if not is_mark(word)] or words
    numberless = [_NUMBER.sub("0", word) for word in words]
    return _Text(words, numberless, frozenset(numberless))


def _from_one_template(side: Sequence[_Text]) -> bool:
    """Whether the texts of a side are made from one template, whatever numbers stand in it; by MOST_PAIRS of them."""
    pairs = list(combinations(side, 2))
    shares = [
        len(one.vocabulary & other.vocabulary) / max(1, len(one.vocabulary | other.vocabulary))
        for one, other in pairs[:: 1 + len(pairs) // MOST_PAIRS]
    ]
    return bool(shares) and median(shares) >= TEMPLATE


def _same(one: _Text, other: _Text, template: bool) -> bool:
    if one.words == other.words:
        return True
    if template:
        return False
    if one.numberless == other.numberless:
        return True
    shorter, longer = sorted([len(one.words), len(other.words)])
    # the words that both have, in any order, bound those in order and cost far less
    if shorter < SIMILAR * longer:
        return False
    if len(one.vocabulary & other.vocabulary) < 0.8 * max(len(one.vocabulary), len(other.vocabulary)):
        return False
    return SequenceMatcher(None, one.numberless, other.numberless, autojunk=False).ratio() >= SIMILAR
