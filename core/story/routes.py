"""How lines run from column to column: level beside the boxes of a column, bending in the gutters between columns.

1. A line that passes a column runs through a gap between its boxes (circle and labels together), the one that is
   nearest to the straight way.
2. All lines of one gap keep apart from each other, as far as the gap has room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.story.story import Line

BETWEEN = 8.0  # Pixels from line to line in one gap
CLEAR = 4.0  # And from a line to a box


class Placed(Protocol):
    """A thing of the picture in its place."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def radius(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def bottom(self) -> float: ...


@dataclass(frozen=True)
class Route:
    """The points of a line: at each (x, y) it is level, between them it bends."""

    line: Line
    points: tuple[tuple[float, float], ...]


def routes(
    stacks: Sequence[Sequence[Placed]],
    edges: Sequence[tuple[float, float]],
    lines: Sequence[Line],
    within: tuple[float, float],
) -> list[Route]:
    """The way of each line; `edges` are the left and right of each column, `within` the highest and lowest level."""
    first, last = ({box.name: (at, box) for box in stacks[at]} for at in (0, len(stacks) - 1))
    units = {box.name: (at, box) for at, stack in enumerate(stacks) for box in stack if box.kind == "node"}
    ends = []
    for line in lines:
        sources = first if line.kind == "reads" else units
        targets = last if line.kind == "pushes" else units
        ends.append((sources[line.source], targets[line.target]))
    levels = _levels(stacks, ends, within)
    ways = []
    for number, (line, ((start, source), (end, target))) in enumerate(zip(lines, ends, strict=True)):
        points = [(source.x + source.radius, source.y), (edges[start][1], source.y)]
        for at in range(start + 1, end):
            points += [(edges[at][0], levels[number, at]), (edges[at][1], levels[number, at])]
        if end > start:
            points += [(edges[end][0], target.y), (target.x - target.radius, target.y)]
        else:  # layers that share a column: around, through the gutter at the right
            points += [(edges[end][1], target.y), (target.x + target.radius, target.y)]
        ways.append(Route(line, tuple(points)))
    return ways


def _levels(
    stacks: Sequence[Sequence[Placed]],
    ends: Sequence[tuple[tuple[int, Placed], tuple[int, Placed]]],
    within: tuple[float, float],
) -> dict[tuple[int, int], float]:
    """The level of each line in each column that it passes, by number of the line and of the column."""
    through: dict[tuple[int, tuple[float, float]], list[tuple[float, int]]] = {}
    for number, ((start, source), (end, target)) in enumerate(ends):
        for at in range(start + 1, end):
            wanted = source.y + (at - start) / (end - start) * (target.y - source.y)
            gap = min(_gaps(stacks[at], within), key=lambda gap: max(gap[0] - wanted, wanted - gap[1], 0.0))
            through.setdefault((at, gap), []).append((wanted, number))
    levels = {}
    for (at, gap), passing in through.items():
        passing.sort()
        for (_, number), level in zip(passing, apart([wanted for wanted, _ in passing], gap), strict=True):
            levels[number, at] = level
    return levels


def _gaps(stack: Sequence[Placed], within: tuple[float, float]) -> list[tuple[float, float]]:
    """Highest and lowest level of each gap of a column: above it, between its boxes, below it."""
    tops = [box.top - CLEAR for box in stack] + [within[1]]
    bottoms = [within[0]] + [box.bottom + CLEAR for box in stack]
    return list(zip(bottoms, tops, strict=True))


def apart(wanted: Sequence[float], gap: tuple[float, float]) -> list[float]:
    """Levels in the gap near the wanted ones, which ascend: BETWEEN apart, evenly where there is less room."""
    low, high = gap
    step = min(BETWEEN, (high - low) / max(1, len(wanted) - 1))
    levels: list[float] = []
    for number, level in enumerate(wanted):
        latest = high - step * (len(wanted) - 1 - number)
        earliest = levels[-1] + step if levels else low
        levels.append(max(earliest, min(level, latest)))
    return levels
