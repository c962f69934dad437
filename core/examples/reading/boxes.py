"""Texts pasted into two boxes: one a line, or cut at empty lines or at a separator where texts have several lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.examples.example_set import LABELS, Example, ExampleSet
from core.examples.reading.rows import from_rows
from core.schema import Note

Cut = Literal["lines", "blank_lines", "separator"]

SEPARATOR = re.compile(r"^[ \t]*([-=*_~#])\1{2,}[ \t]*$")
"""A line that people write between texts: three or more of one sign."""


@dataclass(frozen=True)
class Pasted:
    """What two boxes hold: the examples, how both were cut, and what every way of cutting gives.

    `counts` has for each way that is possible here the number of (anomalous, normal) texts; `empty_lines` are left
    out where each line is a text; `separator` is the line that parts the texts, where one does or could.
    """

    examples: ExampleSet
    cut: Cut
    empty_lines: int = 0
    separator: str = ""
    notes: tuple[Note, ...] = ()
    counts: dict[Cut, tuple[int, int]] = field(default_factory=dict)


Block = tuple[int, str]
"""A text and the line of its box where it begins, counted from 1."""


def from_pasted(
    anomalous: str, normal: str, separator: str = "", cut: Cut | None = None, keep_space: bool = False
) -> Pasted:
    """The texts of two boxes, both cut in one way: the asked one, else the one that the boxes themselves tell.

    A given `separator` (a whole line) parts the texts. Else empty lines do where they stand between blocks and a
    block has several lines; else each line is a text and empty lines are left out. White space around a text is
    taken off, with `keep_space` only the line breaks that part it from the next one.
    """
    boxes = [lines_of(box) for box in (anomalous, normal)]
    between = separator.strip() or next(
        (line.strip() for box in boxes for line in box if SEPARATOR.match(line)), ""
    )
    ways: dict[Cut, list[list[Block]]] = {
        "lines": [_lines(box) for box in boxes],
        "blank_lines": [_blocks(box, "") for box in boxes],
    }
    if between:
        ways["separator"] = [_blocks(box, between) for box in boxes]
    chosen = cut or ("separator" if separator.strip() else _told_by(boxes))
    rows = [
        {"label": label, "text": text, "line": line}
        for label, blocks in zip(LABELS, ways.get(chosen, ways["lines"]), strict=True)
        for line, text in blocks
    ]
    examples = from_rows(rows, keep_space)
    empty = sum(not line.strip() for box in boxes for line in box) if chosen == "lines" else 0
    counts: dict[Cut, tuple[int, int]] = {
        way: (len(blocks[0]), len(blocks[1])) for way, blocks in ways.items()
    }
    return Pasted(examples, chosen, empty, between, _notes(rows, examples.examples), counts)


def lines_of(box: str) -> list[str]:
    """The lines of a text box. Only line breaks part them, not the other characters at which Python splits lines."""
    lines = with_line_feeds(box).split("\n")
    return lines if lines[-1] else lines[:-1]


def with_line_feeds(text: str) -> str:
    """A text whose line breaks are all line feeds."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _told_by(boxes: Sequence[Sequence[str]]) -> Cut:
    blocks = [_blocks(box, "") for box in boxes]
    parted = any(len(of_box) > 1 for of_box in blocks)
    several = any("\n" in text.strip("\n") for of_box in blocks for _, text in of_box)
    return "blank_lines" if parted and several else "lines"


def _lines(box: Sequence[str]) -> list[Block]:
    return [(number, line) for number, line in enumerate(box, start=1) if line.strip()]


def _blocks(box: Sequence[str], between: str) -> list[Block]:
    """Runs of lines between the lines that read `between`, without runs of empty lines alone."""
    blocks: list[Block] = []
    start = 0
    for end in [*(i for i, line in enumerate(box) if line.strip() == between), len(box)]:
        run = list(box[start:end])
        filled = [i for i, line in enumerate(run) if line.strip()]
        if filled:
            first, last = filled[0], filled[-1] + 1
            blocks.append((start + first + 1, "\n".join(run[first:last])))
        start = end + 1
    return blocks


def _notes(rows: Sequence[dict[str, object]], examples: Sequence[Example]) -> tuple[Note, ...]:
    trimmed = [
        example.line for row, example in zip(rows, examples, strict=True) if str(row["text"]) != example.text
    ]
    if not trimmed:
        return ()
    return (Note(key="outer_space_removed", values={"count": len(trimmed), "lines": listed(trimmed)}),)


def listed(lines: Sequence[int], most: int = 8) -> str:
    """Numbers of lines for a sentence: runs as `3–5`, and an ellipsis after the first `most` runs."""
    runs: list[list[int]] = []
    for line in sorted(set(lines)):
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:most]]
    return ", ".join(shown) + (", …" if len(runs) > most else "")
