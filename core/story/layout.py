"""Where words, units and answers stand, so that no line runs behind a circle or through a label.

1. Words at the left, units in columns by layer, answers at the right. A layer of many units takes several columns,
   neighbouring layers share one where no line runs between them. Of all numbers of rows the one is taken with which the
   picture is largest in FRAME.
2. Between columns lie gutters that hold nothing; `core.story.routes` lets lines bend there alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import ceil
from unicodedata import east_asian_width

from core.story.routes import Route, routes
from core.story.story import Line, Node, Story
from core.story.titles import LONGEST
from core.text import text
from core.text.folding import columns

MOST_WORDS, MOST_ANSWERS = 8, 5
LONGEST_WORD = 18  # Letters of half width
DENSE = 14  # Units from which on labels are ids alone and circles are small
MOST_COLUMNS = 8
FRAME = (640.0, 420.0)
"""Width and height of the place that most pictures are seen in, in pixels: beside the panel of a screen of 1280."""
GUTTER, ROW_GAP, MARGIN = 48.0, 20.0, 16.0
TOP, BOTTOM = 44.0, 26.0  # For the headings of columns, and for the number of words that are left out
FONT, SMALL = 14, 11
HEADING = SMALL + 1
LEAST_WIDTH = 620.0


@dataclass(frozen=True)
class Box:
    """A thing of the picture: its middle, the radius of a unit's sign, and all that it covers with its labels.

    `step` counts the columns that hold something, from 0 at the left.
    """

    name: str
    kind: str
    x: float
    y: float
    radius: float
    left: float
    top: float
    right: float
    bottom: float
    label: str = ""
    node: Node | None = None
    step: int = 0


@dataclass(frozen=True)
class Heading:
    """What stands over a column: its text and where that begins, has its middle or ends (`anchor`)."""

    label: str
    x: float
    anchor: str


@dataclass(frozen=True)
class Layout:
    """All places in pixels; `more_` counts the words and answers that are left out."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    headings: tuple[Heading, ...]
    more_words: int = 0
    more_answers: int = 0


def text_width(shown: str, size: float) -> float:
    """Pixels that a text takes, rather too many: a letter of full width 1.1 of its size, others .64 of it."""
    return size * sum(1.1 if east_asian_width(letter) in "WFA" else 0.64 for letter in shown)


def shortened(shown: str, most: int) -> str:
    """The text in at most this many letters of half width."""
    if columns(shown) <= most:
        return shown
    while columns(shown) > most - 1:
        shown = shown[:-1]
    return shown.rstrip() + "…"


def layout(story: Story, language: str, unproven: bool = False, mlps: bool = True) -> Layout:
    """Places of what is shown: the proven, with `unproven` the rest; MLP blocks where `mlps` says so."""
    nodes = [node for node in story.nodes if (unproven or node.proven) and (mlps or node.unit == "head")]
    dense = len(nodes) > DENSE
    largest = max((abs(node.effect or 0.0) for node in nodes), default=0.0) or 1.0
    units = [_unit(node, dense, abs(node.effect or 0.0) / largest) for node in nodes]
    words = [_chip(word.text, "trigger" if word.trigger else "word") for word in story.words[:MOST_WORDS]]
    answers = [_chip(said.word, said.direction) for said in story.answers[:MOST_ANSWERS]]
    lines = _shown(story.lines, words, units, answers, unproven)
    stacks = _arranged(words, units, answers, lines, language)
    labels = _headings(stacks, language)
    boxes, edges, wide, height = _placed(_ordered(stacks, lines), labels)
    anchors = ["start", *["middle"] * (len(stacks) - 2), "end"]
    ends = [{"start": left, "middle": (left + right) / 2, "end": right} for left, right in edges]
    shown = [
        Heading(label, end[anchor], anchor)
        for label, end, anchor, stack in zip(labels, ends, anchors, boxes, strict=True)
        if stack
    ]
    return Layout(
        wide,
        height,
        tuple(box for stack in boxes for box in stack),
        tuple(routes(boxes, edges, lines, (TOP - 8, height - BOTTOM))),
        tuple(map(_over_all, (list(alike) for _, alike in groupby(shown, key=lambda one: one.label)))),
        max(0, len(story.words) - MOST_WORDS),
        max(0, len(story.answers) - MOST_ANSWERS),
    )


def _shown(
    lines: Sequence[Line], words: list[Box], units: list[Box], answers: list[Box], unproven: bool
) -> list[Line]:
    """The lines between what is shown."""
    said, units_shown, heard = ({box.name for box in boxes} for boxes in (words, units, answers))
    return [
        line
        for line in lines
        if line.source in (said if line.kind == "reads" else units_shown)
        and line.target in (heard if line.kind == "pushes" else units_shown)
        and (line.proven or unproven)
    ]


def _chip(said: str, kind: str) -> Box:
    """A word or an answer around (0, 0); an answer has its arrow before it."""
    shown = shortened(said, LONGEST_WORD)
    half = text_width(shown, FONT) / 2 + (22 if kind in ("up", "down") else 12)
    return Box(said, kind, 0, 0, half, -half, -16, half, 16, shown)


def _unit(node: Node, dense: bool, share: float) -> Box:
    """A head or MLP block around (0, 0) with its label above and its id below."""
    radius = (13 + 7 * share) if dense else (17 + 15 * share)
    label = "" if dense or node.title == node.name else shortened(node.title, LONGEST)
    half = max(radius, text_width(label, FONT - 1) / 2, text_width(node.name, SMALL) / 2) + 4
    top = -radius - (20 if label else 4)
    return Box(node.name, "node", 0, 0, radius, -half, top, half, radius + 17, label, node)


def _arranged(
    words: list[Box], units: list[Box], answers: list[Box], lines: Sequence[Line], language: str
) -> list[list[Box]]:
    """Words, columns of units, answers, in as many rows as make the picture largest in FRAME."""
    tied = {(line.source, line.target) for line in lines}
    best, largest = [words, answers], 0.0
    for rows in range(1, len(units) + 1):
        stacks = [words, *_columns(units, rows, tied), answers]
        _, _, wide, height = _placed(stacks, _headings(stacks, language))
        size = min(FRAME[0] / wide, FRAME[1] / height)
        if size > largest:
            best, largest = stacks, size
    return best


def _columns(units: Sequence[Box], rows: int, tied: set[tuple[str, str]]) -> list[list[Box]]:
    """Units by layer, early layers first: a layer of more than `rows` takes several columns, neighbours share one.

    Of the columns of one layer the last hold the units that lead on, so that few lines pass a column.
    Layers between which a line runs share a column only where there would be more than MOST_COLUMNS.
    """
    sources = {source for source, _ in tied}
    columns: list[list[Box]] = []
    for layer in sorted({_layer(box) for box in units}):
        own = sorted((box for box in units if _layer(box) == layer), key=lambda box: box.name in sources)
        each = ceil(len(own) / ceil(len(own) / rows))
        columns += [own[at : at + each] for at in range(0, len(own), each)]
    while True:
        sizes = {at: len(one) + len(other) for at, (one, other) in enumerate(pairwise(columns))}
        free = [
            at
            for at, size in sizes.items()
            if size <= rows and not _joined(columns[at], columns[at + 1], tied)
        ]
        if not free and len(columns) <= MOST_COLUMNS:
            return columns
        at = min(free or sizes, key=lambda at: (sizes[at], -at))
        columns[at : at + 2] = [columns[at] + columns[at + 1]]


def _joined(one: Sequence[Box], other: Sequence[Box], tied: set[tuple[str, str]]) -> bool:
    return any((first.name, second.name) in tied for first in one for second in other)


def _layer(box: Box) -> int:
    return box.node.layer if box.node else 0


def _headings(stacks: Sequence[list[Box]], language: str) -> list[str]:
    """What stands over each column."""
    labels = []
    for stack in stacks[1:-1]:
        first, last = (end(map(_layer, stack)) for end in (min, max))
        span = f"{first}" if first == last else f"{first}–{last}"
        labels.append(text(language, "story.layer", layer=span))
    return [text(language, "story.words"), *labels, text(language, "story.answers")]


def _over_all(alike: list[Heading]) -> Heading:
    """One heading in the middle over neighbouring columns of one layer."""
    return replace(alike[0], x=sum(one.x for one in alike) / len(alike))


def _ordered(stacks: list[list[Box]], lines: Sequence[Line]) -> list[list[Box]]:
    """Each column in the order of the mean places of what leads there, so that few lines cross; units without any
    line last.
    """
    places: dict[str, float] = {}
    touched = {end for line in lines for end in (line.source, line.target)}
    ordered = []
    for at, stack in enumerate(stacks):
        means = {}
        for row, box in enumerate(stack):
            ends = [
                places[line.source] for line in lines if line.target == box.name and line.source in places
            ]
            means[box.name] = sum(ends) / len(ends) if ends else row / len(stack)
        in_order = stack
        if 0 < at < len(stacks) - 1:
            in_order = sorted(stack, key=lambda box: (box.name not in touched, means[box.name]))
        ordered.append(in_order)
        places |= {box.name: (row + 0.5) / len(stack) for row, box in enumerate(in_order)}
    return ordered


def _placed(
    stacks: Sequence[list[Box]], labels: Sequence[str]
) -> tuple[list[list[Box]], list[tuple[float, float]], float, float]:
    """Columns side by side, each in the middle of the height; the left and right end of each column, and the size."""
    heights = [sum(box.bottom - box.top + ROW_GAP for box in stack) for stack in stacks]
    height = max([*heights, 120.0]) + ROW_GAP
    widths = [
        max(text_width(label, HEADING), *(box.right - box.left for box in stack)) if stack else 0.0
        for stack, label in zip(stacks, labels, strict=True)
    ]
    gutters = sum(1 for stack in stacks if stack) - 1
    gutter = max(GUTTER, (LEAST_WIDTH - 2 * MARGIN - sum(widths)) / max(1, gutters))
    placed, edges, left, step = [], [], MARGIN, 0
    for stack, tall, wide in zip(stacks, heights, widths, strict=True):
        spread = (height - tall) / (len(stack) + 1)
        x, y, column = left + wide / 2, TOP + ROW_GAP / 2 + spread, []
        for box in stack:
            column.append(_moved(box, x, y - box.top, step))
            y += box.bottom - box.top + ROW_GAP + spread
        placed.append(column)
        edges.append((left, left + wide))
        left += wide + gutter if stack else 0.0
        step += bool(stack)
    right = max(LEAST_WIDTH, left - gutter + MARGIN)
    return placed, edges, right, TOP + height + BOTTOM


def _moved(box: Box, x: float, y: float, step: int) -> Box:
    """The box around another point."""
    return replace(
        box,
        x=x,
        y=y,
        left=box.left + x,
        top=box.top + y,
        right=box.right + x,
        bottom=box.bottom + y,
        step=step,
    )
