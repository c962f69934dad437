"""The two tables that the picture of a circuit is drawn from: a row a node, and a row a point of an edge's way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from core.text import number, percent
from pages.parts.charts.colours import FILLED, VERDICT, VERDICT_SHAPE, Palette
from pages.parts.charts.shared import Words
from pages.parts.circuit import groups
from pages.parts.circuit.curve import Point
from pages.parts.circuit.nodes import Drawn, Edge, Effect, Node

RADII = (9, 12, 15, 18)  # Node radii in pixels, from the weakest to the strongest quarter of the shown scores
FONT_SIZE = 12  # Of the labels, in pixels
PROVEN = ("confirmed", "partly")
RING = 5  # Pixels from the rim of a head to the ring of its group
NAME_ROOM = ((4, 18), (6, 12), (8, 7))
"""Up to so many columns, so many characters of a head's own name stand beside it; tooltips hold all of it."""
DIMMED = 0.22  # Opacity of what is not connected with the picked head or edge
NONE = "–"  # In tooltips, where there is nothing to tell
Routes = Mapping[tuple[str, str], Sequence[Point]]


@dataclass(frozen=True)
class Look:
    """What a picture looks like: `head` is the one whose edges stand out, `edge` the edge that does.

    `folded` draws each group as one node; `still` is for a file, without a mouse.
    """

    colours: Palette
    word: Words
    head: str = ""
    edge: tuple[str, str] = ("", "")
    folded: bool = False
    still: bool = False

    def room(self, columns: int) -> int:
        """Characters of an own name that stand beside a head in a picture of so many columns."""
        if self.still:
            return NAME_ROOM[0][1]
        return next((room for most, room in NAME_ROOM if columns <= most), 0)


def node_table(
    drawn: Drawn, places: Mapping[str, Point], look: Look, columns: int, dense: bool
) -> pd.DataFrame:
    """A row a node; `dense` draws them smaller and names them without their layer, which the axis tells."""
    lit, room = _lit(drawn, look), look.room(columns)
    sizes = radii([node.score for node in drawn.nodes], smaller=dense)
    rows = []
    for node, size in zip(drawn.nodes, sizes, strict=True):
        rim = size + RING * (node.group_number > 0)
        colour, filled, here = VERDICT[node.verdict], node.verdict in FILLED, look.head in node.heads
        verdicts = verdict_words(node.verdicts, look.word)
        rows.append(
            {
                "name": node.name,
                "pick": node.pick,
                "x": places[node.name][0],
                "y": places[node.name][1],
                "title": node.title,
                "label": node.label(dense, room),
                "members": ", ".join(node.heads) if node.folded else NONE,
                "own_name": node.own_name or NONE,
                "group": node.group or NONE,
                "score": node.score,
                "state": f"{verdicts} · {look.word('circuit.against')}" if node.against else verdicts,
                "tested": effect_words(node.effect) or NONE,
                "spoken": f"{node.title}, {look.word('chart.score')} {number(node.score)}, {verdicts}",
                "against": node.against,
                "shape": VERDICT_SHAPE[node.verdict],
                "rim": rim,
                "area": 4.0 * size**2,
                "ring_area": 4.0 * rim**2,
                "fill": colour if filled else look.colours.background,
                "stroke": look.colours.text if here else colour,
                "stroke_width": 4.0 if here else 2.2,
                "sign": look.colours.background if filled else colour,
                "ring": groups.colour(node.group_number) if node.group_number else "",
                "opacity": 1.0 if node.name in lit else DIMMED,
                "label_opacity": 1.0 if node.name in lit else 0.5,
            }
        )
    return pd.DataFrame(rows)


def line_table(drawn: Drawn, routes: Routes, rims: Mapping[str, float], look: Look) -> pd.DataFrame:
    """A row a point of each edge's way, the strongest last, on top; arrows end `rims` pixels from a node's middle."""
    nodes = {node.name: node for node in drawn.nodes}
    shares = _shares([edge.score for edge in drawn.edges])
    rows = []
    for edge, share in sorted(zip(drawn.edges, shares, strict=True), key=lambda pair: pair[1]):
        picked, near = _picked(edge, nodes, look)
        width = 1.0 + 3.5 * share + (1.5 if picked else 0.0)
        route = routes[edge.source, edge.target]
        line = {
            "edge": f"{nodes[edge.source].title} → {nodes[edge.target].title}",
            "target": edge.target,
            "pick": edge.pick,
            "score": edge.score,
            "state": look.word(f"verdict.{edge.verdict}"),
            "tested": effect_words(edge.effect),
            "count": edge.count,
            "width": width,
            "dash": [1, 0] if edge.verdict in PROVEN else [2, 5],
            "arrow": 60 + 22 * width,
            "rim": rims[edge.target],
            "opacity": 1.0 if picked else 0.35 + 0.5 * share if near else 0.1,
            "colour": look.colours.text if picked else look.colours.line,
            "downwards": route[-1][1] < route[0][1],
        }
        rows += [{**line, "step": step, "x": x, "y": y} for step, (x, y) in enumerate(route)]
    return pd.DataFrame(rows)


def verdict_words(verdicts: Sequence[str], word: Words) -> str:
    """The verdict of a head, or how many heads of a group have which."""
    if len(verdicts) == 1:
        return word(f"verdict.{verdicts[0]}")
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    return ", ".join(f"{word(f'verdict.{verdict}')}: {count}" for verdict, count in counts.items())


def effect_words(effect: Effect) -> str:
    """Effect with its interval, as far as they have been computed: `40 % (30 % … 50 %)`."""
    if pd.isna(effect.value):
        return ""
    known = not (pd.isna(effect.low) or pd.isna(effect.high))
    interval = f" ({percent(effect.low)} … {percent(effect.high)})" if known else ""
    return f"{percent(effect.value)}{interval}"


def radii(scores: Sequence[float], smaller: bool) -> list[int]:
    """Radius of each head in pixels, from its score."""
    if not scores:
        return []
    low, span = min(scores), max(scores) - min(scores)
    steps = [int(min(3, 4 * (score - low) / span)) if span else 2 for score in scores]
    return [RADII[step] - (3 if smaller else 0) for step in steps]


def _shares(scores: Sequence[float]) -> list[float]:
    """Where each score lies between the weakest (0) and the strongest (1)."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]


def _lit(drawn: Drawn, look: Look) -> Collection[str]:
    """The nodes that are not dimmed: what is picked, and what is connected with it."""
    if look.edge[0]:
        return {node.name for node in drawn.nodes if set(look.edge) & set(node.heads)}
    if not look.head:
        return {node.name for node in drawn.nodes}
    here = {node.name for node in drawn.nodes if look.head in node.heads}
    near = [edge for edge in drawn.edges if here & {edge.source, edge.target}]
    return here | {end for edge in near for end in (edge.source, edge.target)}


def _picked(edge: Edge, nodes: Mapping[str, Node], look: Look) -> tuple[bool, bool]:
    """Whether the edge is the picked one, and whether it is not dimmed."""
    source, target = nodes[edge.source].heads, nodes[edge.target].heads
    picked = look.edge[0] in source and look.edge[1] in target
    if look.edge[0]:
        return picked, picked
    return picked, not look.head or look.head in (*source, *target)
