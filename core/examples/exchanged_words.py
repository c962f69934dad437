"""Which words of a text another version of it exchanges, for marking them."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from core.examples.checks.words import word_places


class Part(NamedTuple):
    """A part of two versions of a text: what both say (`same`), or what only the old or the new one says."""

    kind: Literal["same", "old", "new"]
    text: str


def exchanged(old: str, new: str) -> list[Part]:
    """Both versions in one reading, word by word: the same, old and new parts in order.

    The `same` and `old` parts make the old text, the `same` and `new` ones the new text.
    """
    first, second = _pieces(old), _pieces(new)
    parts: list[Part] = []
    for tag, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(Part("same", "".join(first[a:b])))
            continue
        parts += [Part("old", "".join(first[a:b]))] if b > a else []
        parts += [Part("new", "".join(second[c:d]))] if d > c else []
    return parts


def _pieces(text: str) -> list[str]:
    return list(_cut(text))


def _cut(text: str) -> Iterator[str]:
    """Words, and what stands between them."""
    end = 0
    for start, stop in word_places(text):
        if start > end:
            yield text[end:start]
        yield text[start:stop]
        end = stop
    if end < len(text):
        yield text[end:]
