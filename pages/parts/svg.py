"""The flow picture as an SVG file: for slides and print, without a browser; light ground, in one language."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import pandas as pd

from pages.parts.charts import Words
from pages.parts.colours import FILLED, LIGHT, VERDICT, VERDICT_SHAPE
from pages.parts.graph import radii, titled
from pages.parts.layout import Link, Point, flow_layout
from pages.parts.results import VERDICTS

COLUMN, ROW = 190, 62
"""Pixels from column to column and from head to head."""
MARGIN, HEADER, FOOTER = 80, 56, 52
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
    left = (width - COLUMN * (len(columns) - 1)) / 2

    def at(point: Point) -> Point:
        return left + COLUMN * point[0], HEADER + ROW * (layout.top + 0.9 - point[1])

    radius = dict(zip(heads["name"], radii(heads["score"], smaller=False), strict=True))
    parts = [
        f"<title>{escape(word('circuit.title'))}</title><desc>{escape(description)}</desc>",
        f'<rect width="100%" height="100%" fill="{LIGHT.background}"/>',
        *(
            _text((left + COLUMN * column, 26), f"{word('chart.layer')} {layer}", LIGHT.faint, 13)
            for column, layer in enumerate(columns)
        ),
        *_edges(links, {pair: [at(p) for p in route] for pair, route in layout.routes.items()}, radius),
        *(
            _head(row, at(layout.places[row["name"]]), radius[row["name"]])
            for row in heads.to_dict("records")
        ),
        *_legend(set(heads["verdict"]), height - 20, word),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:.0f}" '
        f'viewBox="0 0 {width:g} {height:.0f}" role="img" font-family="{FONTS}">{"".join(parts)}</svg>'
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
    label = titled(str(row["name"]), str(row["own_name"]), LONGEST_NAME)
    above = (place[0], place[1] - radius - 8)
    return _sign(str(row["verdict"]), place, radius) + _text(above, label, LIGHT.text, 13, bold=True)


def _sign(verdict: str, place: Point, radius: float) -> str:
    colour = VERDICT[verdict]
    look = f'fill="{colour if verdict in FILLED else LIGHT.background}" stroke="{colour}" stroke-width="2.2"'
    x, y = place
    if VERDICT_SHAPE[verdict] == "square":
        side = 1.8 * radius
        return f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" {look}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {look}/>'


def _legend(verdicts: set[str], y: float, word: Words) -> list[str]:
    """The verdicts that occur, in a row."""
    parts, x = [], 24.0
    for verdict in (name for name in VERDICTS if name in verdicts):
        said = word(f"verdict.{verdict}")
        parts += [_sign(verdict, (x, y - 4), 6), _text((x + 14, y), said, LIGHT.text, 12, anchor="start")]
        x += 40 + 12 * sum(0.6 if letter.isascii() else 1 for letter in said)
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
