"""The flow picture as an SVG file: for slides and print, without a browser; light ground, in one language."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import pandas as pd

from pages.parts.charts.colours import FILLED, LIGHT, VERDICT, VERDICT_SHAPE
from pages.parts.charts.shared import Words
from pages.parts.circuit import groups as folding
from pages.parts.circuit.graph import RING, labelled, radii
from pages.parts.circuit.layout import Link, Point, flow_layout
from pages.parts.data.results import VERDICTS

COLUMN, ROW = 190, 62
"""Pixels from column to column and from head to head."""
MARGIN, HEADER, FOOTER = 80, 56, 52
GROUP_ROW = 22
LONGEST_NAME = 18
LEAST_WIDTH = 520
"""Pixels; the legend needs them."""
FONTS = "'Noto Sans','Noto Sans JP','Noto Sans CJK JP','Hiragino Sans','Yu Gothic',system-ui,sans-serif"


def flow(heads: pd.DataFrame, edges: pd.DataFrame, description: str, word: Words) -> str:
    """Heads in columns by layer, arrows from the head that writes to its reader, and a legend."""
    layers = dict(zip(heads["name"], heads["layer"].astype(int), strict=True))
    links = [Link(*row) for row in edges[["source", "target", "score"]].itertuples(index=False)]
    layout = flow_layout(layers, links)
    columns = sorted(set(layers.values()))
    width = max(LEAST_WIDTH, 2 * MARGIN + COLUMN * (len(columns) - 1))
    height = HEADER + FOOTER + ROW * (2 * layout.top + 1.4)
    full_height = height + GROUP_ROW * heads.loc[heads["group"] != "", "group"].nunique()
    left = (width - COLUMN * (len(columns) - 1)) / 2

    def at(point: Point) -> Point:
        return left + COLUMN * point[0], HEADER + ROW * (layout.top + 0.9 - point[1])

    radius = dict(zip(heads["name"], radii(heads["score"], smaller=False), strict=True))
    grouped = heads[heads["group_number"] > 0]
    reach = radius | {name: radius[name] + RING for name in grouped["name"]}
    parts = [
        f"<title>{escape(word('circuit.title'))}</title><desc>{escape(description)}</desc>",
        f'<rect width="100%" height="100%" fill="{LIGHT.background}"/>',
        *(
            _text((left + COLUMN * column, 26), f"{word('chart.layer')} {layer}", LIGHT.faint, 13)
            for column, layer in enumerate(columns)
        ),
        *_edges(links, {pair: [at(p) for p in route] for pair, route in layout.routes.items()}, reach),
        *(
            _head(row, at(layout.places[row["name"]]), radius[row["name"]])
            for row in heads.to_dict("records")
        ),
        *_legend(set(heads["verdict"]), bool((heads["effect_high"] < 0).any()), height - 20, word),
        *_group_legend(dict(zip(grouped["group_number"], grouped["group"], strict=True)), height + GROUP_ROW),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{full_height:.0f}" '
        f'viewBox="0 0 {width:g} {full_height:.0f}" role="img" font-family="{FONTS}">{"".join(parts)}</svg>'
    )


def _edges(
    links: Sequence[Link], routes: Mapping[tuple[str, str], Sequence[Point]], radius: Mapping[str, int]
) -> list[str]:
    """A curve and an arrow head for each edge, the strongest the widest and on top."""
    if not links:
        return []
    low, high = min(link.weight for link in links), max(link.weight for link in links)
    drawn = []
    for link in sorted(links, key=lambda link: link.weight):
        share = (link.weight - low) / (high - low) if high > low else 1.0
        width, route = 1 + 3.5 * share, routes[link.source, link.target]
        tip = (route[-1][0] - radius[link.target] - 2, route[-1][1])
        size = 5 + width
        arrow = f"M{_xy(tip)}l{-1.6 * size:.1f} {-0.8 * size:.1f}v{1.6 * size:.1f}z"
        drawn.append(
            f'<g opacity="{0.4 + 0.5 * share:.2f}"><path d="{_curve([*route[:-1], (tip[0] - size, tip[1])])}" '
            f'fill="none" stroke="{LIGHT.line}" stroke-width="{width:.1f}"/>'
            f'<path d="{arrow}" fill="{LIGHT.line}"/></g>'
        )
    return drawn


def _curve(points: Sequence[Point]) -> str:
    """Through the points, horizontal in each of them."""
    path = f"M{_xy(points[0])}"
    for before, after in pairwise(points):
        middle = (before[0] + after[0]) / 2
        path += f"C{middle:.1f} {before[1]:.1f} {middle:.1f} {after[1]:.1f} {_xy(after)}"
    return path


def _head(row: Mapping[str, object], place: Point, radius: int) -> str:
    """The sign of its verdict, the ring of its group, a minus where it works against the fault, its label."""
    number, verdict = int(str(row["group_number"])), str(row["verdict"])
    reach = radius + (RING if number else 0)
    parts = [_sign(verdict, place, radius)]
    if number:
        parts.append(_ring(number, verdict, place, reach))
    if float(str(row["effect_high"])) < 0:
        colour = LIGHT.background if verdict in FILLED else VERDICT[verdict]
        parts.append(_minus(place, colour))
    label = labelled({**row, "folded": False}, False, LONGEST_NAME)
    return "".join(parts) + _text((place[0], place[1] - reach - 8), label, LIGHT.text, 13, bold=True)


def _ring(number: int, verdict: str, place: Point, reach: float) -> str:
    look = f'fill="none" stroke="{folding.colour(number)}" stroke-width="2.5"'
    return _shape(verdict, place, reach, look)


def _minus(place: Point, colour: str) -> str:
    x, y = place
    return f'<path d="M{x - 5:.1f} {y:.1f}h10" stroke="{colour}" stroke-width="3"/>'


def _sign(verdict: str, place: Point, radius: float) -> str:
    colour = VERDICT[verdict]
    look = f'fill="{colour if verdict in FILLED else LIGHT.background}" stroke="{colour}" stroke-width="2.2"'
    return _shape(verdict, place, radius, look)


def _shape(verdict: str, place: Point, radius: float, look: str) -> str:
    x, y = place
    if VERDICT_SHAPE[verdict] == "square":
        side = 1.8 * radius
        return f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" {look}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {look}/>'


def _legend(verdicts: set[str], against: bool, y: float, word: Words) -> list[str]:
    """The verdicts that occur, in a row; the minus where it occurs."""
    parts, x = [], 24.0
    signs = [name for name in VERDICTS if name in verdicts] + (["against"] if against else [])
    for name in signs:
        here = (x, y - 4)
        said = word("circuit.against" if name == "against" else f"verdict.{name}")
        parts.append(_minus(here, LIGHT.text) if name == "against" else _sign(name, here, 6))
        parts.append(_text((x + 14, y), said, LIGHT.text, 12, anchor="start"))
        x += 40 + 12 * sum(0.6 if letter.isascii() else 1 for letter in said)
    return parts


def _group_legend(names: Mapping[int, str], y: float) -> list[str]:
    """A row for each group: ring, number, name."""
    parts = []
    for row, (number, name) in enumerate(sorted(names.items())):
        place = (24.0, y + GROUP_ROW * row - 24)
        parts.append(_ring(number, "unchecked", place, 7))
        said = f"{folding.sign(number)} {name}"
        parts.append(_text((38, place[1] + 4), said, LIGHT.text, 12, anchor="start"))
    return parts


def _text(
    place: Point, said: str, colour: str, size: int, *, bold: bool = False, anchor: str = "middle"
) -> str:
    """Text on a rim of the ground's colour, so that no line runs through it."""
    return (
        f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{colour}" stroke="{LIGHT.background}" stroke-width="3.5" paint-order="stroke" '
        f"{'font-weight=' + chr(34) + '600' + chr(34) if bold else ''}>{escape(said)}</text>"
    )


def _xy(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
