"""Where words, units and answers stand and how lines run, so that no line runs behind a circle or through a label.

1. Words at the left, units in columns by layer, answers at the right. Layers share a column, or take several, where
   there are many units.
2. Between columns lie gutters that hold nothing. A line bends in gutters alone; past a column it runs level, through a
   gap between the boxes of its units (circle and labels together).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from unicodedata import east_asian_width

from core.story.story import Line, Node, Story

MOST_WORDS, MOST_ANSWERS = 8, 5
DENSE = 14  # Units from which on labels are ids alone and circles are small
ROWS, DENSE_ROWS, MOST_COLUMNS = 4, 9, 8
GUTTER, ROW_GAP, TOP = 72.0, 22.0, 44.0
FONT, SMALL = 14, 11
LEAST_WIDTH = 860.0
BETWEEN = 5.0  # Pixels between lines in one gap


@dataclass(frozen=True)
class Box:
    """A thing of the picture: its middle, the radius of a unit's sign, and all that it covers with its labels."""

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


@dataclass(frozen=True)
class Route:
    """The points of a line: at each (x, y) it is level, between them it bends."""

    line: Line
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """All places in pixels. `columns` are the layers of each column with its middle; `more` counts left out words."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    columns: tuple[tuple[float, tuple[int, ...]], ...]
    more_words: int = 0
    more_answers: int = 0
    dense: bool = False


def text_width(text: str, size: float) -> float:
    """Pixels that a text takes, rather too many: full-width letters a whole size, others .64 of it."""
    return size * sum(1.0 if east_asian_width(letter) in "WFA" else 0.64 for letter in text)


def layout(story: Story, unproven: bool = False, mlps: bool = True) -> Layout:
    """Places of what is shown: the proven, with `unproven` the rest; MLP blocks where `mlps` says so."""
    nodes = [node for node in story.nodes if (unproven or node.proven) and (mlps or node.unit == "head")]
    dense = len(nodes) > DENSE
    largest = max((abs(node.effect or 0.0) for node in nodes), default=0.0) or 1.0
    groups = _columns(nodes, DENSE_ROWS if dense else ROWS)
    words = [(word.text, "trigger" if word.trigger else "word") for word in story.words[:MOST_WORDS]]
    answers = [(said.word, said.direction) for said in story.answers[:MOST_ANSWERS]]
    stacks = [[_chip(*word) for word in words]]
    stacks += [[_unit(node, dense, abs(node.effect or 0.0) / largest) for node in group] for group in groups]
    stacks += [[_chip(*answer) for answer in answers]]
    names = {box.name for stack in stacks for box in stack if box.kind == "node"}
    lines = [line for line in story.lines if _shown(line, names, words, answers, unproven)]
    stacks = _ordered(stacks, lines)
    boxes, edges, width, height = _placed(stacks)
    middles = [(edges[at + 1][0] + edges[at + 1][1]) / 2 for at in range(len(groups))]
    layers = [tuple(sorted({node.layer for node in group})) for group in groups]
    return Layout(
        width,
        height,
        tuple(box for stack in boxes for box in stack),
        tuple(_routes(boxes, edges, lines)),
        tuple(zip(middles, layers, strict=True)),
        max(0, len(story.words) - MOST_WORDS),
        max(0, len(story.answers) - MOST_ANSWERS),
        dense,
    )


def _shown(
    line: Line,
    names: set[str],
    words: Sequence[tuple[str, str]],
    answers: Sequence[tuple[str, str]],
    unproven: bool,
) -> bool:
    source = {word for word, _ in words} if line.kind == "reads" else names
    target = {word for word, _ in answers} if line.kind == "pushes" else names
    return line.source in source and line.target in target and (line.proven or unproven)


def _columns(nodes: Sequence[Node], rows: int) -> list[list[Node]]:
    """Units by layer, early layers first; a full layer takes several columns, small neighbours share one."""
    columns: list[list[Node]] = []
    for layer in sorted({node.layer for node in nodes}):
        own = [node for node in nodes if node.layer == layer]
        columns += [own[at : at + rows] for at in range(0, len(own), rows)]
    while len(columns) > MOST_COLUMNS:
        sizes = [len(first) + len(second) for first, second in pairwise(columns)]
        at = sizes.index(min(sizes))
        columns[at : at + 2] = [columns[at] + columns[at + 1]]
    return columns


def _chip(text: str, kind: str) -> Box:
    """A word or an answer around (0, 0); an answer has its arrow before it."""
    shown = text if len(text) <= 18 else text[:17] + "…"
    half = text_width(shown, FONT) / 2 + (24 if kind in ("up", "down") else 14)
    return Box(text, kind, 0, 0, half, -half, -16, half, 16, shown)


def _unit(node: Node, dense: bool, share: float) -> Box:
    """A head or MLP block around (0, 0) with its label above and its id below."""
    radius = (13 + 7 * share) if dense else (20 + 16 * share)
    label = "" if dense or node.title == node.name else node.title
    half = max(radius, text_width(label, FONT - 1) / 2, text_width(node.name, SMALL) / 2) + 4
    top = -radius - (20 if label else 4)
    return Box(node.name, "node", 0, 0, radius, -half, top, half, radius + 17, label, node)


def _ordered(stacks: list[list[Box]], lines: Sequence[Line]) -> list[list[Box]]:
    """Each column in the order of the mean places of what leads there, so that few lines cross."""
    places: dict[str, float] = {}
    ordered = []
    for at, stack in enumerate(stacks):
        means = {}
        for row, box in enumerate(stack):
            ends = [
                places[line.source] for line in lines if line.target == box.name and line.source in places
            ]
            means[box.name] = sum(ends) / len(ends) if ends else row / max(1, len(stack))
        kept = stack if at in (0, len(stacks) - 1) else sorted(stack, key=lambda box: means[box.name])
        ordered.append(kept)
        places |= {box.name: (row + 0.5) / len(kept) for row, box in enumerate(kept) if box.kind == "node"}
        if at == 0:
            places |= {box.name: (row + 0.5) / len(kept) for row, box in enumerate(kept)}
    return ordered


def _placed(
    stacks: list[list[Box]],
) -> tuple[list[list[Box]], list[tuple[float, float]], float, float]:
    """Columns side by side, each in the middle of the height; the left and right end of each column."""
    heights = [sum(box.bottom - box.top + ROW_GAP for box in stack) for stack in stacks]
    height = max([*heights, 120.0]) + ROW_GAP
    widths = [max((box.right - box.left for box in stack), default=0.0) for stack in stacks]
    spare = LEAST_WIDTH - 32 - sum(widths)
    gutter = max(GUTTER, spare / max(1, len(stacks) - 1))
    placed, edges, left = [], [], 16.0
    for stack, tall, wide in zip(stacks, heights, widths, strict=True):
        spread = (height - tall) / (len(stack) + 1) if stack else 0.0
        x, y, column = left + wide / 2, TOP + ROW_GAP / 2 + spread, []
        for box in stack:
            column.append(_moved(box, x, y - box.top))
            y += box.bottom - box.top + ROW_GAP + spread
        placed.append(column)
        edges.append((left, left + wide))
        left += wide + gutter
    return placed, edges, left - gutter + 16, TOP + height + 26


def _moved(box: Box, x: float, y: float) -> Box:
    """The box around another point."""
    return replace(
        box, x=x, y=y, left=box.left + x, right=box.right + x, top=box.top + y, bottom=box.bottom + y
    )


def _routes(
    stacks: list[list[Box]], edges: Sequence[tuple[float, float]], lines: Sequence[Line]
) -> list[Route]:
    """The way of each line; lines in one gap run side by side."""
    first, last = ({box.name: box for box in stacks[at]} for at in (0, -1))
    units = {box.name: (at, box) for at, stack in enumerate(stacks) for box in stack if box.kind == "node"}
    taken: dict[tuple[int, int], int] = {}
    routes = []
    for line in lines:
        start, source = (0, first[line.source]) if line.kind == "reads" else units[line.source]
        end, target = (len(stacks) - 1, last[line.target]) if line.kind == "pushes" else units[line.target]
        points = [(source.x + source.radius, source.y), (edges[start][1], source.y)]
        for at in range(start + 1, end):
            share = (at - start) / (end - start)
            level = _gap(stacks[at], source.y + share * (target.y - source.y), at, taken)
            points += [(edges[at][0], level), (edges[at][1], level)]
        if end > start:
            points += [(edges[end][0], target.y), (target.x - target.radius, target.y)]
        else:  # layers that share a column: around, through the gutter at the right
            points += [(edges[end][1], target.y), (target.x + target.radius, target.y)]
        routes.append(Route(line, tuple(points)))
    return routes


def _gap(stack: Sequence[Box], wanted: float, at: int, taken: dict[tuple[int, int], int]) -> float:
    """The height of the gap next to the wanted one, beside the lines that it has already."""
    if not stack:
        return wanted
    tops = [box.top for box in stack[1:]]
    gaps = [(box.bottom + top) / 2 for box, top in zip(stack, tops, strict=False)]
    gaps = [stack[0].top - ROW_GAP / 2, *gaps, stack[-1].bottom + ROW_GAP / 2]
    best = min(range(len(gaps)), key=lambda gap: abs(gaps[gap] - wanted))
    count = taken[at, best] = taken.get((at, best), -1) + 1
    return gaps[best] + BETWEEN * (0, 1, -1)[count % 3]
