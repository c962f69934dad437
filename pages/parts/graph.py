"""The circuit as a picture: heads as circles, edges as arrows, in columns by layer or on the model's grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from pages.parts.charts import PADDING, Words, count_axis, tooltips
from pages.parts.colours import FILLED, VERDICT, VERDICT_SHAPE, Palette
from pages.parts.layout import Link, Point, curve, flow_layout

RADII = (9, 12, 15, 18)
"""Node radii in pixels, from the weakest to the strongest quarter of the shown scores."""

DENSE_COLUMNS = 12
"""From this number of columns on, heads are smaller and named without their layer, which the axis tells."""

NAME_ROOM = ((4, 18), (6, 12), (8, 7))
"""Up to so many columns, so many characters of a head's own name stand beside it; tooltips hold all of it."""

NAMES_BESIDE = 10
"""Up to so many heads a layer, names in the grid stand beside the heads: further ones leave no room."""

Places = Mapping[str, Point]
Routes = Mapping[tuple[str, str], Sequence[Point]]


@dataclass(frozen=True)
class Look:
    """What a graph looks like: `chosen` is the head whose edges stand out, or nothing."""

    colours: Palette
    word: Words
    chosen: str = ""


def flow(heads: pd.DataFrame, edges: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Heads in columns by layer, early on the left; arrows run from the head that writes to its reader."""
    layers = dict(zip(heads["name"], heads["layer"].astype(int), strict=True))
    links = [Link(*row) for row in edges[["source", "target", "score"]].itertuples(index=False)]
    layout = flow_layout(layers, links)
    columns, top = sorted(set(layers.values())), layout.top
    axis = alt.Axis(
        orient="top",
        values=list(range(len(columns))),
        labelExpr=f"{columns}[datum.value]",
        title=look.word("chart.layer"),
        labelPadding=8,
        titlePadding=6,
        **_BARE,
    )
    x = alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[-0.5, max(len(columns) - 0.5, 0.5)], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-top - 0.6, top + 0.75], nice=False))
    drawing = _Drawing(look, {"x": x, "y": y}, vertical=False)
    nodes = _nodes(heads, layout.places, look, len(columns), dense=len(columns) > DENSE_COLUMNS)
    graph = drawing.graph(nodes, _lines(edges, layout.routes, look.chosen), [])
    return graph.properties(height=int(min(720, max(300, 58 * (2 * top + 1.4)))))


def grid(every_head: pd.DataFrame, heads: pd.DataFrame, edges: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Where in the model: a dot a head, layers upwards, the circuit's heads in full size."""
    rows = heads[["name", "layer", "head"]].itertuples(index=False)
    places = {row.name: (float(row.head), float(row.layer)) for row in rows}
    n_layers, n_heads = int(every_head["layer"].max()) + 1, int(every_head["head"].max()) + 1
    axes = {
        "x": alt.X("x:Q", axis=count_axis(n_heads, look.word("chart.head")), scale=_count_scale(n_heads)),
        "y": alt.Y("y:Q", axis=count_axis(n_layers, look.word("chart.layer")), scale=_count_scale(n_layers)),
    }
    dots = alt.Chart(every_head[["name"]].assign(x=every_head["head"], y=every_head["layer"]))
    dots = dots.mark_circle(size=18, color=look.colours.faint, opacity=0.35).encode(
        **axes, tooltip=tooltips({"name:N": "chart.head"}, look.word)
    )
    drawing = _Drawing(look, axes, vertical=True, names_beside=n_heads <= NAMES_BESIDE)
    nodes = _nodes(heads, places, look, n_heads, dense=n_layers > DENSE_COLUMNS)
    ends = edges[["source", "target"]].itertuples(index=False, name=None)
    routes = {pair: curve(places[pair[0]], places[pair[1]]) for pair in ends}
    graph = drawing.graph(nodes, _lines(edges, routes, look.chosen), [dots])
    return graph.properties(height=int(min(760, max(320, 46 * n_layers + 60))))


@dataclass(frozen=True)
class _Drawing:
    """Layers of a graph over common axes; `vertical` means that edges enter from below.

    `names_beside` puts the names to the right of the heads, out of the way of edges that leave upwards.
    """

    look: Look
    axes: Mapping[str, Any]
    vertical: bool
    names_beside: bool = False

    def graph(self, nodes: pd.DataFrame, lines: pd.DataFrame, below: list[alt.Chart]) -> alt.LayerChart:
        radius = dict(zip(nodes["name"], nodes["radius"], strict=True))
        lines = lines.assign(radius=lines["target"].map(radius))
        layers = [*below, *self.edges(lines), self.points(nodes), *self.labels(nodes)]
        return alt.layer(*layers).properties(padding=PADDING).configure_view(stroke=None)

    def points(self, nodes: pd.DataFrame) -> alt.Chart:
        pick = alt.selection_point(name="head", fields=["name"], on="click")
        fields = {"name:N": "chart.head", "score:Q": "chart.score", "state:N": "chart.state"}
        if (nodes["own_name"] != "").any():
            fields["own_name:N"] = "chart.own_name"
        return (
            alt.Chart(nodes)
            .mark_point(filled=True, opacity=1, cursor="pointer")
            .encode(
                **self.axes,
                size=alt.Size("area:Q", scale=None, legend=None),
                fill=alt.Fill("fill:N", scale=None),
                stroke=alt.Stroke("ring:N", scale=None),
                strokeWidth=alt.StrokeWidth("width:Q", scale=None),
                shape=alt.Shape("shape:N", scale=None),
                description="said:N",
                tooltip=tooltips(fields, self.look.word),
            )
            .add_params(pick)
        )

    def labels(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """Names at the heads, each on a rim of the ground's colour so that no line runs through it."""
        ground, ink = self.look.colours.background, self.look.colours.text
        looks = ({"stroke": ground, "strokeWidth": 3.5, "color": ground}, {"color": ink})
        return [
            alt.Chart(nodes[nodes["radius"] == radius])
            .mark_text(fontSize=12, fontWeight=600, **self.name_place(radius), **look)
            .encode(**self.axes, text="label:N")
            for radius in sorted(set(nodes["radius"]))
            for look in looks
        ]

    def name_place(self, radius: int) -> dict[str, Any]:
        if self.names_beside:
            return {"dx": radius + 5, "align": "left", "baseline": "middle"}
        return {"dy": -(radius + 8)}

    def edges(self, lines: pd.DataFrame) -> list[alt.Chart]:
        if lines.empty:
            return []
        shared = {
            **self.axes,
            "tooltip": tooltips({"edge:N": "chart.edge", "score:Q": "chart.score"}, self.look.word),
            "opacity": alt.Opacity("opacity:Q", scale=None),
        }
        width = alt.StrokeWidth("width:Q", scale=None)
        smooth: Any = "linear" if self.vertical else "monotone"
        strokes = alt.Chart(lines).mark_line(color=self.look.colours.line, interpolate=smooth)
        strokes = strokes.encode(**shared, detail="edge:N", order="step:Q", strokeWidth=width)
        ends = lines[lines["step"] == lines.groupby("edge")["step"].transform("max")]
        return [strokes, *(self.arrow_heads(ends, radius, shared) for radius in sorted(set(ends["radius"])))]

    def arrow_heads(self, ends: pd.DataFrame, radius: int, shared: Mapping[str, Any]) -> alt.Chart:
        """Triangles at the rim of the heads with this radius."""
        offset: dict[str, Any] = {"yOffset": radius + 6} if self.vertical else {"xOffset": -(radius + 6)}
        angle = 0 if self.vertical else 90
        size = alt.Size("arrow:Q", scale=None, legend=None)
        base = alt.Chart(ends[ends["radius"] == radius])
        base = base.mark_point(
            shape="triangle", filled=True, angle=angle, color=self.look.colours.line, **offset
        )
        return base.encode(**shared, size=size)


_BARE: dict[str, Any] = {"domain": False, "ticks": False, "grid": False}


def _nodes(heads: pd.DataFrame, places: Places, look: Look, columns: int, dense: bool) -> pd.DataFrame:
    nodes = heads[["name", "own_name", "layer", "head", "score", "verdict"]].copy()
    nodes["x"] = [places[name][0] for name in nodes["name"]]
    nodes["y"] = [places[name][1] for name in nodes["name"]]
    nodes["radius"] = radii(nodes["score"], smaller=dense)
    nodes["area"] = 4.0 * nodes["radius"].astype(float) ** 2
    longest = next((room for most, room in NAME_ROOM if columns <= most), 0)
    named = nodes["head"].map("H{}".format) if dense else nodes["name"]
    chosen = nodes["name"] == look.chosen
    return nodes.assign(
        label=[titled(*pair, longest) for pair in zip(named, nodes["own_name"], strict=True)],
        said=[
            f"{n.name} {n.own_name}".strip() + f", {look.word('chart.score')} {n.score:.2g}"
            for n in nodes.itertuples()
        ],
        state=[look.word(f"verdict.{verdict}") for verdict in nodes["verdict"]],
        fill=[VERDICT[v] if v in FILLED else look.colours.background for v in nodes["verdict"]],
        ring=nodes["verdict"].map(VERDICT).where(~chosen, look.colours.text),
        width=2.2 + 1.8 * chosen,
        shape=nodes["verdict"].map(VERDICT_SHAPE),
    )


def titled(head: str, own_name: str, longest: int) -> str:
    """Label of a head: with its own name, shortened to the room that there is."""
    if not own_name or not longest:
        return head
    return f"{head} {own_name if len(own_name) <= longest else own_name[: longest - 1] + '…'}"


def radii(scores: pd.Series, smaller: bool) -> list[int]:
    """Radius of each head in pixels, from its score."""
    low, span = float(scores.min()), float(scores.max() - scores.min())
    steps = [int(min(3, 4 * (score - low) / span)) if span else 2 for score in scores]
    return [RADII[step] - (3 if smaller else 0) for step in steps]


def _lines(edges: pd.DataFrame, routes: Routes, chosen: str) -> pd.DataFrame:
    """One row a point of each edge's curve; the strongest shown edge is the widest."""
    rows = []
    low, span = (float(edges["score"].min()), float(edges["score"].max())) if len(edges) else (0.0, 0.0)
    span -= low
    for edge in edges.itertuples(index=False):
        share = (edge.score - low) / span if span else 1.0
        opacity = 0.35 + 0.5 * share if chosen in ("", edge.source, edge.target) else 0.1
        name, width = f"{edge.source} → {edge.target}", 1.0 + 3.5 * share
        for step, (x, y) in enumerate(routes[edge.source, edge.target]):
            rows.append((name, edge.target, edge.score, step, x, y, width, opacity))
    table = pd.DataFrame(rows, columns=["edge", "target", "score", "step", "x", "y", "width", "opacity"])
    return table.assign(arrow=60 + 22 * table["width"])


def _count_scale(count: int) -> alt.Scale:
    return alt.Scale(domain=[-0.6, count - 0.4], nice=False, zero=False)
