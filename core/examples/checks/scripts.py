"""Texts, or a whole side, in another script than the rest: the result may be about the language."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

from core.examples.checks.finding import Finding
from core.examples.example_set import LABELS, ExampleSet

MOST = 0.8
"""Share from which on a script is that of a text (of its letters), or of a side or all texts (of the texts)."""
_JAPANESE = ("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH")


def script_findings(examples: ExampleSet) -> list[Finding]:
    """`sides_scripts` where the sides are written in two scripts, else `other_script` for each text that stands out."""
    scripts = [script_of(example.text) for example in examples.examples]
    sides = [
        _usual([own for own, e in zip(scripts, examples.examples, strict=True) if e.label == label])
        for label in LABELS
    ]
    if all(sides) and sides[0] != sides[1]:
        return [Finding("sides_scripts", (), dict(zip(LABELS, sides, strict=True)))]
    usual = _usual(scripts)
    return [
        Finding("other_script", (row,), {"script": script, "usual": usual})
        for row, script in enumerate(scripts)
        if usual and script and script != usual
    ]


def script_of(text: str) -> str:
    """The script of at least MOST of a text's letters, as Unicode names it (`latin`); empty where there is none.

    Kana and Chinese characters together are `japanese` where there are kana, else `cjk`.
    """
    counts = Counter(_script(character) for character in text if character.isalpha())
    if counts["japanese"]:
        counts["japanese"] += counts.pop("cjk", 0)
    script, count = next(iter(counts.most_common(1)), ("", 0))
    return script if count and count >= MOST * counts.total() else ""


@cache
def _script(character: str) -> str:
    first = unicodedata.name(character, "").partition(" ")[0]
    if first in _JAPANESE:
        return "cjk" if first == "CJK" else "japanese"
    return "latin" if first == "FULLWIDTH" else first.lower()


def _usual(scripts: Sequence[str]) -> str:
    script, count = next(iter(Counter(filter(None, scripts)).most_common(1)), ("", 0))
    return script if count and count >= MOST * len(scripts) else ""
