"""Texts that lack what most begin or end with: a frame, a system message, a turn of the conversation.

1. The frame is the longest ending (beginning) in words that as many texts share as share its last (first) word, where
   these are at least three quarters. Marks alone are no frame, and neither is a single bare word at the beginning: many
   sentences begin with "The". Where all texts share one, it goes on while nine tenths share at least three words more.
2. Where a frame is given: texts that begin or end with its words themselves. A single bare word tells nothing.
3. Of conversations: whether most have a system message, and which roles follow each other.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from core.examples.checks.finding import Finding
from core.examples.checks.words import is_mark, words_of
from core.examples.example_set import PLACE, Example, ExampleSet

USUAL = 3 / 4
"""Share of the texts from which on what they share is a frame of all of them."""
ALMOST, LEAST_MORE = 0.9, 3
"""Where all texts share a frame: share of the texts that share a longer one, and by how many words it is longer."""
LONGEST = 40
"""Words of a frame that are looked at."""


def frame_findings(examples: ExampleSet) -> list[Finding]:
    """`framed_twice`, `without_ending`, `without_beginning`, `space_at_end`, `without_system`, `turns_differ`.

    One a text. Values of `framed_twice`: `frame`, the words that stand in the text already.
    """
    texts = [_content(example) for example in examples.examples]
    words = [words_of(text) for text in texts]
    findings = [
        *(_framed_twice(examples, words) if examples.form == "plain" else ()),
        *_lacking("without_ending", texts, [list(reversed(of_text)) for of_text in words]),
        *_lacking("without_beginning", texts, words),
        *_spaces(texts),
    ]
    if examples.form == "chat":
        findings += _conversations(examples)
    return findings


def _content(example: Example) -> str:
    """What stands in a frame: the text, or of a conversation what its last turn says."""
    return example.messages[-1].content if example.messages else example.text


def _framed_twice(examples: ExampleSet, words: Sequence[Sequence[str]]) -> list[Finding]:
    """A finding for each text that holds the beginning or the end of the frame that is written around it."""
    if PLACE not in examples.frame:
        return []
    before, behind = (part.strip() for part in examples.frame.split(PLACE, 1))
    head, tail = words_of(before), words_of(behind)
    findings = []
    for row, of_text in enumerate(words):
        twice = [
            part
            for part, own, there in (
                (before, head, of_text[: len(head)]),
                (behind, tail, of_text[-len(tail) :] if tail else []),
            )
            if len(own) > 1 and not all(map(is_mark, own)) and own == list(there)
        ]
        if twice:
            findings.append(Finding("framed_twice", (row,), {"frame": " … ".join(twice)}))
    return findings


def _lacking(
    kind: Literal["without_ending", "without_beginning"], texts: Sequence[str], words: Sequence[Sequence[str]]
) -> list[Finding]:
    """A finding for each text that does not share what most begin with, `words` counted from that end."""
    at_end = kind == "without_ending"
    frame = _frame(words, at_end)
    rows = [i for i, of_text in enumerate(words) if tuple(of_text[: len(frame)]) != frame]
    if not rows:
        return []
    having = next(i for i in range(len(words)) if i not in rows)
    written = _as_written(texts[having], len(frame), at_end)
    values: dict[str, str | int] = {"frame": written, "count": len(texts) - len(rows), "total": len(texts)}
    return [Finding(kind, (row,), values) for row in rows]


def _frame(words: Sequence[Sequence[str]], at_end: bool) -> tuple[str, ...]:
    """What most texts begin with, and what a text may therefore lack; empty where there is nothing such."""
    total = len(words)
    levels = [(part, count) for part, count in _shared(words) if _is_frame(part, at_end)]
    if not levels:
        return ()
    count = levels[0][1]
    everywhere = [part for part, own in levels if own == count]
    if count < total:
        return everywhere[-1]
    longer = [(part, own) for part, own in levels if ALMOST * total <= own < total]
    best = [part for part, own in longer if own == longer[0][1]]
    return best[-1] if best and len(best[-1]) - len(everywhere[-1]) >= LEAST_MORE else ()


def _shared(words: Sequence[Sequence[str]]) -> list[tuple[tuple[str, ...], int]]:
    """Beginnings that at least USUAL of the texts share, each one word longer, and how many share each."""
    levels: list[tuple[tuple[str, ...], int]] = []
    shared: tuple[str, ...] = ()
    for length in range(1, LONGEST + 1):
        counts = Counter(tuple(of_text[:length]) for of_text in words if len(of_text) > length)
        best, count = next(iter(counts.most_common(1)), ((), 0))
        if count < USUAL * len(words) or best[:-1] != shared:
            break
        shared = best
        levels.append((shared, count))
    return levels


def _is_frame(shared: Sequence[str], at_end: bool) -> bool:
    bare = [word for word in shared if not is_mark(word)]
    return bool(bare) and (at_end or len(shared) > 1)


def _as_written(text: str, count: int, at_end: bool) -> str:
    """The first or last words of a text with their own spaces and capitals."""
    pieces = text.split()
    for length in range(1, len(pieces) + 1):
        part = " ".join(pieces[-length:] if at_end else pieces[:length])
        if len(words_of(part)) >= count:
            return part
    return text


def _spaces(texts: Sequence[str]) -> list[Finding]:
    """Texts that end in a space or a line break where most do not: the model reads another token at its end."""
    rows = [row for row, text in enumerate(texts) if text != text.rstrip()]
    values = {"count": len(rows), "total": len(texts)}
    few = len(rows) <= (1 - USUAL) * len(texts)
    return [Finding("space_at_end", (row,), values) for row in rows if few]


def _conversations(examples: ExampleSet) -> list[Finding]:
    """Conversations without the system message, or with other turns, than most have."""
    roles = [tuple(m.role for m in e.messages) or ("user",) for e in examples.examples]
    findings = []
    with_system = [bool(examples.system) or of_text[0] == "system" for of_text in roles]
    if with_system.count(True) >= USUAL * len(roles):
        values = {"count": with_system.count(True), "total": len(roles)}
        findings = [Finding("without_system", (i,), values) for i, has in enumerate(with_system) if not has]
    last = [of_text[-1] for of_text in roles]
    usual, count = Counter(last).most_common(1)[0]
    if count >= USUAL * len(last):
        findings += [
            Finding("turns_differ", (i,), {"role": usual, "own": role, "count": count, "total": len(last)})
            for i, role in enumerate(last)
            if role != usual
        ]
    return findings
