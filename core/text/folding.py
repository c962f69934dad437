"""Texts of many lines where there is little room: what all have in common is folded, what varies is shown."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

LONG = 160
MOST_LINES = 3
"""Characters and lines up to which texts are shown as they are."""

LEAST_FOLDED = 24
"""Characters of a common beginning or end that are worth a fold."""

_BREAKS = re.compile(r"[\s.,:;!?、。!?:]")
LINE_BREAK = "⏎"


class Folded(NamedTuple):
    """A text in three parts, which together are the text: what all begin with, its own, what all end with."""

    before: str
    own: str
    behind: str

    @property
    def shown(self) -> str:
        """Its own part, with a sign where something is folded."""
        return f"{'… ' if self.before else ''}{self.own.strip()}{' …' if self.behind else ''}"


def folded(texts: Sequence[str]) -> list[Folded]:
    """Each text with what all of them begin and end with apart, where any is long; words are never cut."""
    if len(texts) < 2 or not any(len(text) > LONG or text.count("\n") >= MOST_LINES for text in texts):
        return [Folded("", text, "") for text in texts]
    begin = _to_break(_common(texts))
    # a text that is a part of another keeps something of its own
    rest = [text[begin:] for text in texts]
    end = _to_break(_common([text[::-1] for text in rest]))
    if min(map(len, rest)) <= end:
        end = 0
    return [
        Folded(text[:begin], text[begin : len(text) - end], text[len(text) - end :] if end else "")
        for text in texts
    ]


def one_line(text: str) -> str:
    """A text in one line, with a sign for each of its line breaks."""
    return re.sub(r"\s*\n\s*", f" {LINE_BREAK} ", text.strip())


def beginning(text: str, length: int) -> str:
    """A text in one line of at most this length."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def columns(text: str) -> int:
    """Width of a text in half-width letters; a full-width letter takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def within(text: str, most: int) -> str:
    """The beginning of a text, with a sign where it is cut, in at most this many columns."""
    if columns(text) <= most:
        return text
    room = most - 1
    for place, letter in enumerate(text):
        room -= columns(letter)
        if room < 0:
            return f"{text[:place].rstrip()}…"
    return text


def snippets(texts: Sequence[str], most: int) -> list[str]:
    """A piece of each text in one line of at most this many columns, without what all of them begin with."""
    begin = _to_break(_common(texts)) if len(set(texts)) > 1 else 0
    return [within(f"{'… ' if begin else ''}{one_line(text[begin:])}", most) for text in texts]


def _common(texts: Sequence[str]) -> str:
    """What all texts begin with, which is what the first and the last of them in order do."""
    first, last = min(texts), max(texts)
    return next(
        (first[:i] for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), first
    )


def _to_break(common: str) -> int:
    """How much of a common beginning is folded: up to the last place where a word ends, nothing of a short one."""
    places = [match.end() for match in _BREAKS.finditer(common)]
    length = places[-1] if places else 0
    return length if length >= LEAST_FOLDED else 0
