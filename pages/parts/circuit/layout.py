"""Where the heads of a flow picture stand and how its edges run (layered drawing, Sugiyama 1981).

1. A column a layer. An edge that passes over columns gets a waypoint in each of them, so that it runs between
   the heads and not through them.
2. Sweep forth and back: each column is ordered by the weighted mean height of its neighbours (barycentres).
3. Heads and waypoints move to that height as far as their distances allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

SWEEPS = 30
ROOM = 1.0  # Height that a head needs
WAYPOINT_ROOM = 0.16
STRAIGHTNESS = 4.0  # How much more than a head a waypoint pulls: long edges become straight
GRAVITY = 0.97  # Keeps parts that are not connected from drifting apart
LONELY = 0.7  # A head without edges moves to the middle at this pace, as far as the others let it
ENTRY = (0.16, 0.2)  # Share of a column that an edge runs horizontally after its source and before its target
BOW = 0.7  # How far an edge that does not run forward swings out, in columns and heights
STIFFNESS = 0.6  # How far a curve keeps its first and its last direction, as a share of its length
Point = tuple[float, float]


class Link(NamedTuple):
    """An edge of the picture with its weight."""

    source: str
    target: str
    weight: float


@dataclass(frozen=True)
class FlowLayout:
    """(column, height) of each head, and the points of each edge; heights centre on 0.

    `bows` are the edges that do not run forward; their points are many, to be joined by straight lines.
    """

    places: Mapping[str, Point]
    routes: Mapping[tuple[str, str], Sequence[Point]]
    bows: frozenset[tuple[str, str]] = frozenset()

    @property
    def top(self) -> float:
        """The largest height of anything drawn."""
        heights = [y for _, y in self.places.values()]
        return max(heights + [y for route in self.routes.values() for _, y in route], default=0.0)


def flow_layout(layers: Mapping[str, int], links: Sequence[Link]) -> FlowLayout:
    """Places and routes; columns are counted over the layers that occur. The last layouts are remembered.

    Edges between heads of one column and back to an earlier one occur where nodes are folded groups; they bow
    around, as `FlowLayout.bows` tells.
    """
    return _flow_layout(tuple(layers.items()), tuple(links))


@lru_cache(maxsize=64)
def _flow_layout(named_layers: tuple[tuple[str, int], ...], links: tuple[Link, ...]) -> FlowLayout:
    layers = dict(named_layers)
    order = {layer: column for column, layer in enumerate(sorted(set(layers.values())))}
    column_of: dict[str, int] = {name: order[layer] for name, layer in layers.items()}
    heads = set(column_of)
    chains = {(link.source, link.target): _chain(link, column_of) for link in links}
    neighbours = _neighbours(column_of, heads, links, chains)
    columns = [[name for name in column_of if column_of[name] == column] for column in range(len(order))]
    room = {name: ROOM if name in heads else WAYPOINT_ROOM for name in column_of}
    heights = _relax(columns, neighbours, room)
    middle = (max(heights.values()) + min(heights.values())) / 2 if heights else 0.0
    points = {name: (float(column_of[name]), heights[name] - middle) for name in column_of}
    routes = {ends: _route([points[name] for name in chain]) for ends, chain in chains.items()}
    bows = {ends for ends in routes if column_of[ends[0]] >= column_of[ends[1]]}
    routes |= {ends: bow(points[ends[0]], points[ends[1]]) for ends in bows}
    return FlowLayout({name: points[name] for name in layers}, routes, frozenset(bows))


def bow(start: Point, end: Point) -> list[Point]:
    """Points of a curve that leaves to the right and enters from the left, for an edge that does not run forward."""
    (x0, y0), (x3, y3) = start, end
    lift = BOW if y3 >= y0 else -BOW
    return _bezier(start, (x0 + BOW, y0 + lift), (x3 - BOW, y3 + lift), end)


def curve(start: Point, end: Point, points: int = 24) -> list[Point]:
    """Points of a Bézier curve that leaves and enters vertically."""
    (x0, y0), (x3, y3) = start, end
    rise = STIFFNESS * (y3 - y0)
    return _bezier(start, (x0, y0 + rise), (x3, y3 - rise), end, points)


def _bezier(start: Point, first: Point, second: Point, end: Point, points: int = 24) -> list[Point]:
    """Points of the cubic curve with these control points."""
    line = []
    for step in range(points + 1):
        t = step / points
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
        x, y = (
            sum(
                weight * point[axis]
                for weight, point in zip(weights, (start, first, second, end), strict=True)
            )
            for axis in (0, 1)
        )
        line.append((x, y))
    return line


def _chain(link: Link, column_of: dict[str, int]) -> list[str]:
    """The names on an edge's way; its waypoints are entered into their columns."""
    between = range(column_of[link.source] + 1, column_of[link.target])  # empty where it does not run forward
    waypoints = {f"{link.source}→{link.target}@{column}": column for column in between}
    column_of.update(waypoints)
    return [link.source, *waypoints, link.target]


def _neighbours(
    names: Mapping[str, int],
    heads: set[str],
    links: Sequence[Link],
    chains: Mapping[tuple[str, str], Sequence[str]],
) -> dict[str, list[tuple[str, float]]]:
    pulls: dict[str, list[tuple[str, float]]] = {name: [] for name in names}
    for link in links:
        chain = chains[link.source, link.target]
        for first, second in pairwise(chain):
            pull = link.weight * (STRAIGHTNESS if first not in heads and second not in heads else 1.0)
            pulls[first].append((second, pull))
            pulls[second].append((first, pull))
    return pulls


def _relax(
    columns: Sequence[Sequence[str]],
    neighbours: Mapping[str, Sequence[tuple[str, float]]],
    room: Mapping[str, float],
) -> dict[str, float]:
    heights: dict[str, float] = {}
    for column in columns:
        start = {name: -float(index) for index, name in enumerate(column)}
        spread = _apart(start, room)
        middle = sum(spread.values()) / max(1, len(spread))
        heights.update({name: height - middle for name, height in spread.items()})
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {name: _mean_height(name, neighbours, heights) for name in column}
            heights.update(_apart(wanted, room))
    return heights


def _mean_height(
    name: str, neighbours: Mapping[str, Sequence[tuple[str, float]]], heights: Mapping[str, float]
) -> float:
    total = sum(weight for _, weight in neighbours[name])
    if total <= 0:
        return heights[name] * LONELY
    return GRAVITY * sum(heights[other] * weight for other, weight in neighbours[name]) / total


def _apart(wanted: Mapping[str, float], room: Mapping[str, float]) -> dict[str, float]:
    """Heights nearest to the wanted ones, in their order, each with its room.

    With d_i = wanted_i + room above i the condition reads "not increasing": pool neighbours to their mean.
    """
    names = sorted(wanted, key=lambda name: -wanted[name])
    above, used = [], 0.0
    for index, name in enumerate(names):
        used += (room[names[index - 1]] + room[name]) / 2 if index else 0.0
        above.append(used)
    blocks: list[tuple[float, int]] = []
    for index, name in enumerate(names):
        mean, count = wanted[name] + above[index], 1
        while blocks and blocks[-1][0] < mean:
            previous, size = blocks.pop()
            mean = (previous * size + mean * count) / (size + count)
            count += size
        blocks.append((mean, count))
    level = [mean for mean, count in blocks for _ in range(count)]
    return {name: level[index] - above[index] for index, name in enumerate(names)}


def _route(points: Sequence[Point]) -> list[Point]:
    """The way through the points, horizontal at both ends."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    return [points[0], (x0 + ENTRY[0], y0), *points[1:-1], (x1 - ENTRY[1], y1), points[-1]]
