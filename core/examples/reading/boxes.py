"""Texts pasted into two boxes: one a line, or cut at empty lines or at a separator where texts have several lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.examples.example_set import LABELS, Example, ExampleSet
from core.examples.reading.cutting import CUTS, Cut, Cutting, pieces, recognised
from core.examples.reading.notes import of_lines
from core.examples.reading.rows import from_rows
from core.schema import Note


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


def from_pasted(
    anomalous: str, normal: str, separator: str = "", cut: Cut | None = None, keep_space: bool = False
) -> Pasted:
    """The texts of two boxes, both cut in one way: the asked one, else the one that the boxes themselves tell.

    `separator` parts the texts where it is given, or where `cut` asks for one. White space around a text is taken
    off, with `keep_space` only what parts it from the next one.
    """
    boxes = anomalous, normal
    told = recognised(boxes)
    mark = separator.strip() or told.separator
    chosen = cut or ("separator" if separator.strip() else told.how)
    ways = {
        how: [pieces(box, Cutting(how, mark)) for box in boxes] for how in CUTS if mark or how != "separator"
    }
    if chosen not in ways:
        chosen = "lines"
    sides, left_out = zip(*ways[chosen], strict=True)
    rows: list[dict[str, object]] = [
        {"label": label, "text": piece.text, "line": piece.line}
        for label, side in zip(LABELS, sides, strict=True)
        for piece in side
    ]
    examples = from_rows(rows, keep_space)
    counts = {how: (len(first[0]), len(second[0])) for how, (first, second) in ways.items()}
    return Pasted(examples, chosen, sum(left_out), mark, _notes(rows, examples.examples), counts)


def _notes(rows: Sequence[dict[str, object]], examples: Sequence[Example]) -> tuple[Note, ...]:
    trimmed = [
        example.line for row, example in zip(rows, examples, strict=True) if str(row["text"]) != example.text
    ]
    return tuple(of_lines("outer_space_removed", trimmed))
