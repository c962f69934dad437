"""Cutting a box of text into texts: one a line, at empty lines, or at a separator.

How a box was meant is told from both boxes together:

1. A line of three or more equal signs (`---`, `===`, `***`, `###`, `___`) parts texts.
2. Else empty lines part them, where a box that has some falls into enough texts for one side and most of these have
   several lines.
3. Else every line is a text.

Where empty lines also part the turns of conversations, a text ends where a conversation does (`_turns_together`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from core.examples.conversation import Role, first_role
from core.examples.example_set import MINIMUM_PER_SIDE

Cut = Literal["lines", "blank_lines", "separator"]
CUTS: tuple[Cut, ...] = ("lines", "blank_lines", "separator")

_RULE = re.compile(r"^[ \t]*(-{3,}|={3,}|\*{3,}|#{3,}|_{3,})[ \t]*$", re.MULTILINE)
_BLANK_LINES = r"\n(?:[^\S\n]*\n)+"
_SEPARATORS = ("---", "===", "***", "###", "___")


@dataclass(frozen=True)
class Cutting:
    """A way of cutting, and the separator of the way that has one."""

    how: Cut = "lines"
    separator: str = ""


@dataclass(frozen=True)
class Piece:
    """One text of a box with the white space around it, and the line of the box where its words begin, from 1."""

    text: str
    line: int


def recognised(boxes: Sequence[str]) -> Cutting:
    """How boxes are meant, told from all of them together."""
    boxes = [with_line_feeds(box) for box in boxes]
    if rule := next((match for box in boxes if (match := _RULE.search(box))), None):
        return Cutting("separator", rule[1])
    blocks = [[piece.text for piece in pieces(box, Cutting("blank_lines"))[0]] for box in boxes]
    parted = [[block.strip().count("\n") + 1 for block in of_box] for of_box in blocks if len(of_box) > 1]
    several_lines = all(2 * sum(size > 1 for size in sizes) > len(sizes) for sizes in parted)
    enough = any(len(sizes) >= MINIMUM_PER_SIDE for sizes in parted)
    return Cutting("blank_lines" if enough and several_lines else "lines")


def pieces(box: str, cutting: Cutting) -> tuple[list[Piece], int]:
    """The texts of a box, and how many empty ones were left out where each line (or separator) should end one."""
    box = with_line_feeds(box)
    spans = _spans(box, cutting)
    cut: list[Piece] = []
    line, counted = 1, 0
    for start, end in spans:
        text = box[start:end]
        if words := text.lstrip():
            begins = end - len(words)
            line += box.count("\n", counted, begins)
            counted = begins
            cut.append(Piece(text, line))
    if cutting.how == "blank_lines":
        return _turns_together(cut), 0
    return cut, len(spans) - len(cut)


def written(texts: Sequence[str], others: Iterable[str] = ()) -> tuple[str, Cutting]:
    """A box that holds these texts, and how it is to be cut so that they come out again.

    `others` are the texts of the other box, which is cut in the same way.
    """
    texts = [with_line_feeds(text) for text in texts]
    everything = [*texts, *map(with_line_feeds, others)]
    unused = "-" * (3 + max((len(text) for text in everything), default=0))
    separators = [mark for mark in (*_SEPARATORS, unused) if not any(mark in text for text in everything)]
    plainest = (
        Cutting("lines"),
        Cutting("blank_lines"),
        Cutting("separator", separators[0]),
    )
    boxes = [texts, everything[len(texts) :], *([text, text] for text in everything)]
    cutting = next(way for way in plainest if all(_come_out(box, way) for box in boxes))
    return _joined(texts, cutting), cutting


def _joined(texts: Sequence[str], cutting: Cutting) -> str:
    if cutting.how != "separator":
        return ("\n" if cutting.how == "lines" else "\n\n").join(texts)
    closed = "\n" + cutting.separator if texts and texts[-1].endswith("\n") else ""
    return f"\n{cutting.separator}\n".join(texts) + closed


def _come_out(texts: Sequence[str], cutting: Cutting) -> bool:
    """Whether the texts of a box come out as they are."""
    return [piece.text for piece in pieces(_joined(texts, cutting), cutting)[0]] == list(texts)


def _turns_together(blocks: Sequence[Piece]) -> list[Piece]:
    """Blocks between empty lines as texts; where single turns of conversations stand in them, whole conversations.

    A conversation begins with a system message or with the user, but not where the user goes on after the assistant;
    if that would leave one conversation alone, each turn of the user begins one. A block that names nobody is a
    paragraph of the turn above.
    """
    roles = [first_role(block.text) for block in blocks]
    if not {"user", "assistant"} <= set(roles):
        return list(blocks)
    turns = [role for role in roles if role]
    long = turns.count("user") > 1 and "system" not in turns and ("user", "user") not in pairwise(turns)
    texts: list[Piece] = []
    last: Role | None = None
    for block, role in zip(blocks, roles, strict=True):
        begins = role == "system" or (role == "user" and (long or last in ("user", None)))
        if begins or not texts:
            texts.append(block)
        else:
            texts[-1] = Piece(texts[-1].text + ("\n" if role else "\n\n") + block.text, texts[-1].line)
        last = role or last
    return texts


def _spans(box: str, cutting: Cutting) -> list[tuple[int, int]]:
    """Start and end of what stands between two separators; a line break at the very end belongs to no text."""
    end = len(box) - box.endswith("\n")
    starts, ends = [0], []
    for separator in re.finditer(_pattern(box[:end], cutting), box[:end]):
        ends.append(separator.start())
        starts.append(separator.end())
    spans = list(zip(starts, [*ends, end], strict=True))
    return spans[:-1] if starts[-1] == end else spans


def _pattern(box: str, cutting: Cutting) -> str:
    """What parts texts: of a separator, the lines that are it; where there is none, wherever it stands."""
    if cutting.how != "separator":
        return {"lines": r"\n", "blank_lines": _BLANK_LINES}[cutting.how]
    if not cutting.separator.strip():
        return r"(?!)"
    separator = re.escape(cutting.separator.strip())
    alone = rf"(?:^|\n)[ \t]*{separator}[ \t]*(?:\n|\Z)"
    return alone if re.search(alone, box) else separator


def with_line_feeds(text: str) -> str:
    """A text whose line breaks are all line feeds."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
