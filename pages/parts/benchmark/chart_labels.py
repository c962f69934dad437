"""Where the name of each dot of a chart stands, so that names hide neither dots nor each other."""

from collections.abc import Iterable
from math import log10
from typing import Literal, NamedTuple

import pandas as pd

LETTER = 6.4
"""Pixels of a letter of Latin script at the size of the names; others take twice as many."""
LINE = 14
DOT = 6
FAR = 150.0
"""Pixels that may be covered before a name goes far from its dot."""


class Place(NamedTuple):
    """Where a name stands beside its dot: alignment, and pixels to the right and down."""

    name: str
    align: Literal["left", "center", "right"]
    dx: int
    dy: int


PLACES = (
    Place("right", "left", 9, 0),
    Place("left", "right", -9, 0),
    Place("above", "center", 0, -13),
    Place("below", "center", 0, 14),
    Place("above_right", "left", 6, -12),
    Place("below_right", "left", 6, 13),
    Place("above_left", "right", -6, -12),
    Place("below_left", "right", -6, 13),
    Place("far_above", "center", 0, -27),
    Place("far_below", "center", 0, 28),
)
Box = tuple[float, float, float, float]


def placed(
    labels: Iterable[str],
    x: pd.Series,
    y: pd.Series,
    x_reach: tuple[float, float],
    y_reach: tuple[float, float],
    size: tuple[int, int],
) -> list[Place]:
    """A place for each name on a chart of this size (pixels) whose x is logarithmic.

    Greedy: each name takes the first place that covers least. Of several orders the one that covers least in all.
    """
    across = size[0] / (log10(x_reach[1]) - log10(x_reach[0]))
    down = size[1] / (y_reach[1] - y_reach[0])
    dots = [
        ((log10(one) - log10(x_reach[0])) * across, (y_reach[1] - other) * down)
        for one, other in zip(x, y, strict=True)
    ]
    names, every = list(labels), range(len(dots))
    orders = [
        sorted(every, key=lambda one: (dots[one][1], dots[one][0])),
        sorted(every, key=lambda one: (-dots[one][1], dots[one][0])),
        sorted(every, key=lambda one: dots[one]),
        sorted(every, key=lambda one: dots[one], reverse=True),
    ]
    return min((_in_order(order, names, dots, size) for order in orders), key=lambda found: found[0])[1]


def _in_order(
    order: list[int], names: list[str], dots: list[tuple[float, float]], size: tuple[int, int]
) -> tuple[float, list[Place]]:
    """Pixels that are covered, and the places in the order of the names."""
    taken: list[Box] = [(left - DOT, top - DOT, left + DOT, top + DOT) for left, top in dots]
    chosen: dict[int, Place] = {}
    total = 0.0
    for one in order:
        others = [box for place, box in enumerate(taken) if place != one]
        costs = {seat: _cost_of(seat, names[one], dots[one], others, size) for seat in PLACES}
        chosen[one] = min(costs, key=lambda seat: costs[seat])
        total += costs[chosen[one]]
        taken.append(_box(names[one], dots[one], chosen[one]))
    return total, [chosen[one] for one in range(len(names))]


def width_of(name: str) -> float:
    """Pixels that a name takes."""
    return sum(LETTER if ord(letter) < 0x2E80 else 2 * LETTER for letter in name)


def _box(name: str, dot: tuple[float, float], seat: Place) -> Box:
    wide = width_of(name)
    left = dot[0] + seat.dx - {"left": 0.0, "center": wide / 2, "right": wide}[seat.align]
    top = dot[1] + seat.dy - LINE / 2
    return left, top, left + wide, top + LINE


def _cost_of(
    seat: Place, name: str, dot: tuple[float, float], others: list[Box], size: tuple[int, int]
) -> float:
    far = FAR if abs(seat.dy) > 2 * LINE - 3 else 0.0
    return far + _cost(_box(name, dot, seat), others, size)


def _cost(box: Box, others: list[Box], size: tuple[int, int]) -> float:
    """Pixels that are covered, or lie outside."""
    covered = sum(_overlap(box, other) for other in others)
    outside = max(0.0, -box[0]) + max(0.0, box[2] - size[0])
    return covered + LINE * outside


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0
