"""Where the heads of a flow picture stand: a column a layer, ordered so that few lines cross.

1. Start from the order of the scores.
2. Sweep forth and back: a column is ordered by the weighted mean height of its neighbours (barycentres).
3. Heads move to that height as far as their distance allows.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

SWEEPS = 12
REACH = 0.6
"""How far a curve keeps its first and its last direction, as a share of its length."""


class Link(NamedTuple):
    """An edge of the picture with its weight."""

    source: str
    target: str
    weight: float


def flow_positions(
    layers: Mapping[str, int], links: Sequence[Link], spacing: float = 1.0
) -> dict[str, tuple[float, float]]:
    """(column, height) of each head; columns are counted over the layers that occur, heights centre on 0."""
    order = sorted(set(layers.values()))
    columns = [[name for name, layer in layers.items() if layer == wanted] for wanted in order]
    heights = {name: height for column in columns for name, height in _spread(column, spacing).items()}
    neighbours = _neighbours(layers, links)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {name: _mean_height(name, neighbours, heights) for name in column}
            heights.update(_apart(wanted, spacing))
    middle = (max(heights.values()) + min(heights.values())) / 2 if heights else 0.0
    return {
        name: (float(index), heights[name] - middle)
        for index, column in enumerate(columns)
        for name in column
    }


def curve(
    start: tuple[float, float], end: tuple[float, float], points: int = 24, vertical: bool = False
) -> list[tuple[float, float]]:
    """Points of a Bézier curve that leaves and enters horizontally (or vertically)."""
    (x0, y0), (x3, y3) = start, end
    if vertical:
        x1, y1, x2, y2 = x0, y0 + REACH * (y3 - y0), x3, y3 - REACH * (y3 - y0)
    else:
        x1, y1, x2, y2 = x0 + REACH * (x3 - x0), y0, x3 - REACH * (x3 - x0), y3
    line = []
    for step in range(points + 1):
        t = step / points
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
        x = sum(weight * value for weight, value in zip(weights, (x0, x1, x2, x3), strict=True))
        y = sum(weight * value for weight, value in zip(weights, (y0, y1, y2, y3), strict=True))
        line.append((x, y))
    return line


def _spread(column: Sequence[str], spacing: float) -> dict[str, float]:
    top = (len(column) - 1) / 2
    return {name: (top - index) * spacing for index, name in enumerate(column)}


def _neighbours(layers: Mapping[str, int], links: Sequence[Link]) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {name: [] for name in layers}
    for source, target, weight in links:
        near = weight / (layers[target] - layers[source])
        found[source].append((target, near))
        found[target].append((source, near))
    return found


def _mean_height(
    name: str, neighbours: Mapping[str, list[tuple[str, float]]], heights: Mapping[str, float]
) -> float:
    total = sum(weight for _, weight in neighbours[name])
    if total <= 0:
        return heights[name]
    return sum(heights[other] * weight for other, weight in neighbours[name]) / total


def _apart(wanted: Mapping[str, float], spacing: float) -> dict[str, float]:
    """Heights nearest to the wanted ones, in their order, at least `spacing` apart.

    With d_i = wanted_i + i * spacing the condition reads "not increasing": pooled neighbours take their mean.
    """
    names = sorted(wanted, key=lambda name: -wanted[name])
    blocks: list[tuple[float, int]] = []
    for index, name in enumerate(names):
        mean, count = wanted[name] + index * spacing, 1
        while blocks and blocks[-1][0] < mean:
            previous, size = blocks.pop()
            mean = (previous * size + mean * count) / (size + count)
            count += size
        blocks.append((mean, count))
    level = [mean for mean, count in blocks for _ in range(count)]
    return {name: level[index] - index * spacing for index, name in enumerate(names)}
