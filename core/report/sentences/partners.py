"""Made partners in sentences: for how many texts there are some, and which words make the behaviour go."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.schema import ExchangeRecord, MadePartner, PartnersRecord
from core.text import joined, text

MOST_WORDS = 3
"""Words named at most, those of most texts."""
MOST_REPLACEMENTS = 2
"""Words named for each that take its place, the most frequent."""


@dataclass(frozen=True)
class Trigger:
    """A word whose exchange alone makes the behaviour go, what took its place, and the numbers of the texts."""

    old: str
    new: tuple[str, ...]
    texts: tuple[int, ...]


def triggers(made: Iterable[MadePartner]) -> list[Trigger]:
    """The words that single exchanges take out, those of most texts first; upper and lower case count as one word.

    An exchange after which the model still says the same word first makes nothing go.
    """
    by_word: dict[str, list[tuple[int, ExchangeRecord]]] = {}
    for one in made:
        if len(one.exchanges) == 1 and one.changes:
            (exchange,) = one.exchanges
            by_word.setdefault(exchange.old.strip().casefold(), []).append((one.text, exchange))
    words = [
        Trigger(
            old=_frequent(exchange.old.strip() for _, exchange in of_word)[0],
            new=tuple(_frequent(exchange.new.strip() for _, exchange in of_word)),
            texts=tuple(sorted({number for number, _ in of_word})),
        )
        for of_word in by_word.values()
    ]
    return sorted(words, key=lambda word: (-len(word.texts), word.old))


def _frequent(words: Iterable[str]) -> list[str]:
    return [word for word, _ in sorted(Counter(words).items(), key=lambda counted: (-counted[1], counted[0]))]


def sentences(partners: PartnersRecord | None, language: str) -> list[str]:
    """For how many texts partners were made, and the words that make the behaviour go; nothing where none was made."""
    if partners is None or not partners.made:
        return []
    texts = {one.text for one in partners.made}
    asked = len(texts) + sum(int(note.values.get("count") or 0) for note in partners.without)
    lines = [text(language, "partners.made", count=len(texts), total=asked)]
    found = triggers(partners.made)
    lines += [_goes(word, asked, language) for word in found[:MOST_WORDS]]
    if len(found) > MOST_WORDS:
        lines.append(text(language, "partners.further", count=len(found) - MOST_WORDS))
    changed = {one.text for one in partners.made if one.changes}
    together = len(changed - {number for word in found for number in word.texts})
    if together:
        lines.append(text(language, "partners.together", count=together))
    if weaker := len(texts - changed):
        lines.append(text(language, "partners.weaker", count=weaker))
    return lines


def setting_off(record: PartnersRecord, language: str) -> list[str]:
    """The words that make the behaviour come in the normal texts; `record` is of a search over these."""
    asked = len({one.text for one in record.made}) + sum(
        int(note.values.get("count") or 0) for note in record.without
    )
    found = triggers(record.made)
    return [_goes(word, asked, language, "comes") for word in found[:MOST_WORDS]]


def in_one_line(partners: PartnersRecord | None, language: str) -> str:
    """The same in one line, with the word of most texts alone."""
    return joined(language, *sentences(partners, language)[:2])


def _goes(word: Trigger, asked: int, language: str, key: str = "goes") -> str:
    either = text(language, "partners.or").join(
        text(language, "partners.word", word=new) for new in word.new[:MOST_REPLACEMENTS]
    )
    old = text(language, "partners.word", word=word.old)
    return text(language, f"partners.{key}", old=old, new=either, count=len(word.texts), total=asked)
