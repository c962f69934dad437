"""When the fault happens: the words that the texts at fault share, and what the head that answers does with them.

1. The head that answers is the confirmed one that writes most for the wrong answer, else the strongest confirmed one.
2. The later words are those that this head looks at, each with at least LOOKED of its attention in the texts that hold
   it. The earlier words are those that the confirmed and partly confirmed heads read before the end of the text; where
   none does, those that partners have otherwise. (A partner may differ in a word beside the cause.)
3. The sentence names at most MOST_WORDS of each, those of most texts first, and counts the texts that hold one of each.
   Where that is less than half of them, or normal texts hold them as often, it says nothing of words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.report.sentences.heads import title
from core.runs.facts import Facts
from core.schema import Answer, Mechanism, MechanismsRecord, SeenWord, TextPath
from core.text import text

LOOKED = 0.3
"""Mean share of the attention from which on a head is said to look at a word."""
HALF = 0.5
MOST_WORDS = 3
LEAST_PUSH = 0.5
"""Change of the wrong answer's logit from which on a head is said to make it likelier."""
_LETTERS = re.compile(r"\w")


@dataclass(frozen=True)
class Cue:
    """What the texts at fault share. `head` answers, `looks` whether it was seen to look at the later words.

    `texts` holds the numbers of the texts in which one of the earlier words stands, and one of the later ones behind it
    (`in_order`) or anywhere; without earlier words, those with a later one, and the other way round.
    """

    head: str
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    texts: tuple[int, ...]
    total: int
    in_order: bool
    answer: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """All words, as they are marked in a text."""
        return (*self.earlier, *self.later)


def cue(facts: Facts, mechanisms: MechanismsRecord | None) -> Cue | None:
    """What the texts at fault share; None without mechanisms, as in older runs, and where no head is confirmed."""
    if mechanisms is None or facts.state != "tested":
        return None
    confirmed = facts.tested[(facts.tested["verdict"] == "confirmed") & (facts.tested["effect"] > 0)]
    names = [name for name in confirmed["name"] if name in mechanisms.units]
    anomalous = [path for path in mechanisms.texts if path.label == "anomalous"]
    if not names or not anomalous:
        return None
    up = next((answer for answer in mechanisms.answers if answer.direction == "up"), None)
    head = _answering(names, up)
    later = _seen(mechanisms.units[head])
    known = {_key(word) for word in later}
    fed = [word for word in _read_before(facts, mechanisms, head) if _key(word) not in known]
    earlier = fed or [word for word in _differing(anomalous) if _key(word) not in known]
    later, earlier = later[:MOST_WORDS], earlier[:MOST_WORDS]
    both = _holding(anomalous, earlier, later)
    normal = [path for path in mechanisms.texts if path.label == "normal"]
    as_often = len(_holding(normal, earlier, later)) * len(anomalous) >= len(both) * max(len(normal), 1)
    if not (earlier or later) or len(both) < HALF * len(anomalous) or as_often:
        return None
    in_order = all(first < second for _, first, second in both if first is not None and second is not None)
    numbers = tuple(number for number, _, _ in both)
    pushed = up is not None and up.pushes.get(head, 0.0) >= LEAST_PUSH and {*numbers} <= {*up.texts}
    return Cue(
        head=head,
        earlier=tuple(earlier),
        later=tuple(later),
        texts=numbers,
        total=len(anomalous),
        in_order=in_order,
        answer=up.word.strip() if up is not None and pushed else "",
    )


def when(facts: Facts, mechanisms: MechanismsRecord | None, language: str) -> str:
    """When it happens, in one sentence; empty where nothing was measured that tells."""
    found = cue(facts, mechanisms)
    if found is None:
        return ""
    own = dict(zip(facts.heads["name"], facts.heads["own_name"], strict=True))
    key = "both" if found.earlier and found.later else "earlier" if found.earlier else "later"
    if key == "both":
        key = "in_order" if found.in_order else "any_order"
    does = "likelier" if found.answer else "looks" if found.later else "nothing"
    share = "all" if len(found.texts) == found.total else "most"
    return text(
        language,
        f"when.{share}",
        count=len(found.texts),
        total=found.total,
        says=text(
            language,
            f"when.{key}",
            earlier=_either(found.earlier, language),
            later=_either(found.later, language),
        ),
        does=text(
            language,
            f"when.{does}",
            head=title(found.head, own.get(found.head, "")),
            answer=text(language, "partners.word", word=found.answer),
        ),
    )


def _answering(names: Sequence[str], up: Answer | None) -> str:
    """The confirmed head that writes most for the wrong answer; else the first, which has the largest effect."""
    pushes = {name: up.pushes.get(name, 0.0) for name in names} if up is not None else {}
    best = max(pushes, key=pushes.__getitem__, default="")
    return best if best and pushes[best] >= LEAST_PUSH else names[0]


def _read_before(facts: Facts, mechanisms: MechanismsRecord, answering: str) -> list[str]:
    """The words that the other heads shown to work read before the end of the text, those of most texts first."""
    tested = facts.tested
    shown = tested[tested["verdict"].isin(("confirmed", "partly")) & (tested["effect"] > 0)]["name"]
    texts_of: dict[str, set[int]] = {}
    written: dict[str, str] = {}
    for name in shown:
        unit = mechanisms.units.get(name)
        if name == answering or unit is None or unit.at_end:
            continue
        for word in filter(_is_seen, unit.looks_at):
            written.setdefault(_key(word.word), word.word)
            texts_of.setdefault(_key(word.word), set()).update(word.texts)
    return [written[key] for key in sorted(texts_of, key=lambda key: -len(texts_of[key]))]


def _is_seen(word: SeenWord) -> bool:
    """Whether a head is said to look at this: a word, no mere punctuation, with enough of its attention."""
    return bool(word.kind == "word" and word.share >= LOOKED and word.texts and _LETTERS.search(word.word))


def _holding(
    paths: Sequence[TextPath], earlier: Sequence[str], later: Sequence[str]
) -> list[tuple[int, int | None, int | None]]:
    """The texts that hold one of the earlier and one of the later words, as far as there are such; and where."""
    places = [(path.example, _place(path, earlier), _place(path, later)) for path in paths]
    return [
        row for row in places if (row[1] is not None or not earlier) and (row[2] is not None or not later)
    ]


def _seen(unit: Mechanism) -> list[str]:
    """The words that a head looks at, those of most texts first, then by its attention; no mere punctuation."""
    words = filter(_is_seen, unit.looks_at)
    return [word.word for word in sorted(words, key=lambda word: (-len(word.texts), -word.share))]


def _differing(paths: Sequence[TextPath]) -> list[str]:
    """The words that partners have otherwise, those of most texts first."""
    texts_of: dict[str, set[int]] = {}
    written: dict[str, str] = {}
    for path in paths:
        for word in _runs(path):
            written.setdefault(_key(word), word)
            texts_of.setdefault(_key(word), set()).add(path.example)
    return [written[key] for key in sorted(texts_of, key=lambda key: -len(texts_of[key]))]


def _runs(path: TextPath) -> list[str]:
    """Neighbouring differing pieces as words, with the rest of a word that only differs in a part."""
    words, end = [], -1
    for place in sorted(path.differing):
        if place < end:
            continue
        first, end = place, place + 1
        while first > 0 and _goes_on(path.pieces[first]) and _letter_at_end(path.pieces[first - 1]):
            first -= 1
        while end < len(path.pieces) and (end in path.differing or _goes_on(path.pieces[end])):
            end += 1
        word = "".join(path.pieces[first:end]).strip()
        if _LETTERS.search(word):
            words.append(word)
    return words


def _goes_on(piece: str) -> bool:
    """Whether a piece goes on with a word of letters that stand without spaces between words' parts."""
    return piece[:1].isascii() and piece[:1].isalnum()


def _letter_at_end(piece: str) -> bool:
    return piece[-1:].isascii() and piece[-1:].isalnum()


def _place(path: TextPath, words: Sequence[str]) -> int | None:
    """Where the first of the words stands in the text, in characters; None where none does."""
    whole = "".join(path.pieces)
    places = [found.start() for word in words if (found := occurrence(word).search(whole))]
    return min(places, default=None)


def occurrence(word: str) -> re.Pattern[str]:
    """Where a word stands as a whole word; words of scripts without spaces stand anywhere."""
    begin, end = (r"\b" if letter.isascii() and letter.isalnum() else "" for letter in (word[0], word[-1]))
    return re.compile(f"{begin}{re.escape(word)}{end}", re.IGNORECASE)


def _either(words: Sequence[str], language: str) -> str:
    quoted = [text(language, "partners.word", word=word) for word in words]
    if len(quoted) < 2:
        return "".join(quoted)
    return text(language, "when.or", first=text(language, "when.comma").join(quoted[:-1]), last=quoted[-1])


def _key(word: str) -> str:
    return word.strip().casefold()
