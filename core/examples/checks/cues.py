"""A word that every text of one side holds and no text of the other: the result may be about this word."""

from collections.abc import Sequence, Set

from core.examples.checks.finding import Finding
from core.examples.checks.words import words_of
from core.examples.example_set import LABELS, ExampleSet

MOST_NAMED = 3
LONGEST = 6
"""Words of a phrase that is looked for at most, so that a Japanese word is found though it is read by characters."""
FIRST_WITHOUT_SPACES = 0x0E00
"""Code point (Thai) from which on single characters are taken together as a word."""
LEAST_TEXTS = 4
"""Texts a side below which a word is on one side alone by chance."""


def cue_findings(examples: ExampleSet) -> list[Finding]:
    """`cue`, one a side at most. Values: `label`, `other`, `words` (in quotes, the longest first), `count` of texts."""
    sides = {label: [words_of(text) for text in examples.texts(label)] for label in LABELS}
    if min(map(len, sides.values())) < LEAST_TEXTS:
        return []
    phrases = {label: [_phrases(words) for words in side] for label, side in sides.items()}
    findings = []
    for label, other in (LABELS, LABELS[::-1]):
        own = frozenset.intersection(*phrases[label]) - frozenset[str]().union(*phrases[other])
        if words := _longest(own):
            quoted = ", ".join(f"“{word}”" for word in words[:MOST_NAMED])
            values: dict[str, str | int] = {
                "label": label,
                "other": other,
                "words": quoted,
                "count": len(phrases[label]),
            }
            findings.append(Finding("cue", (), values))
    return findings


def _phrases(words: Sequence[str]) -> frozenset[str]:
    """Words, and runs of characters of a script without spaces."""
    single = [len(word) == 1 and ord(word) >= FIRST_WITHOUT_SPACES for word in words]
    phrases = set(words)
    for start in range(len(words)):
        for stop in range(start + 1, min(start + LONGEST, len(words)) + 1):
            if not single[stop - 1]:
                break
            phrases.add("".join(words[start:stop]))
    return frozenset(phrases)


def _longest(phrases: Set[str]) -> list[str]:
    """Those that are no part of another, the longest first."""
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return [p for i, p in enumerate(ordered) if not any(p in longer for longer in ordered[:i])]
