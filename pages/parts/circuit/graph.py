"""Where in the model: heads as circles on the grid of layers and heads, edges as arrows.

An edge is solid only where interventions bear it out; dotted edges were not tested, or not confirmed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from core.text import number
from pages.parts.charts.shared import FONT, PADDING, count_axis, told, tooltips
from pages.parts.circuit.curve import curve
from pages.parts.circuit.marks import FONT_SIZE, NONE, Look, Routes, line_table, node_table
from pages.parts.circuit.nodes import Drawn, drawn

DENSE_COLUMNS = 12
"""From this number of columns on, heads are smaller and named without their layer, which the axis tells."""
NAMES_BESIDE = 10
"""Up to so many heads a layer, names in the grid stand beside the heads: further ones leave no room."""
MINUS = "−"  # In heads that work against the fault


def grid(every_head: pd.DataFrame, heads: pd.DataFrame, edges: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Where in the model: a dot a head, layers upwards, the circuit's heads in full size."""
    picture = drawn(heads, edges, look.folded)
    places = {node.name: node.place for node in picture.nodes}
    n_layers, n_heads = int(every_head["layer"].max()) + 1, int(every_head["head"].max()) + 1
    sizes = {"labelFontSize": FONT_SIZE - 1, "titleFontSize": FONT_SIZE - 1}
    across = count_axis(n_heads, look.word("chart.head"), **sizes)
    upwards = count_axis(n_layers, look.word("chart.layer"), **sizes)
    axes = {
        "x": alt.X("x:Q", axis=across, scale=_count_scale(n_heads)),
        "y": alt.Y("y:Q", axis=upwards, scale=_count_scale(n_layers)),
    }
    dots = alt.Chart(every_head[["name"]].assign(x=every_head["head"], y=every_head["layer"]))
    dots = dots.mark_circle(size=18, color=look.colours.faint, opacity=0.35, cursor="pointer").encode(
        **axes, tooltip=tooltips({"name:N": "chart.head"}, look.word)
    )
    dots = dots.transform_calculate(pick="datum.name")
    nodes = node_table(picture, places, look, n_heads, dense=n_layers > DENSE_COLUMNS)
    routes = {
        (edge.source, edge.target): curve(places[edge.source], places[edge.target]) for edge in picture.edges
    }
    drawing = _Drawing(look, axes, names_beside=n_heads <= NAMES_BESIDE)
    height = int(min(760, max(320, 46 * n_layers + 60)))
    return drawing.graph(picture, nodes, routes, dots).properties(height=height)


class Unchecked(alt.LayerChart):
    """Layers that are not held against Vega-Lite's schema whenever they are drawn: that takes a quarter of the time."""

    def to_dict(self, validate: bool = False, **options: Any) -> dict[str, Any]:
        """The specification; `validate` holds it against the schema."""
        return super().to_dict(validate=validate, **options)


@dataclass(frozen=True)
class _Drawing:
    """Layers of a graph over common axes; edges enter from below.

    `names_beside` puts the names to the right of the heads, out of the way of edges that leave upwards.
    """

    look: Look
    axes: Mapping[str, Any]
    names_beside: bool = False

    def graph(self, picture: Drawn, nodes: pd.DataFrame, routes: Routes, below: alt.Chart) -> alt.LayerChart:
        """All layers, over `below`."""
        rims = dict(zip(nodes["name"], nodes["rim"], strict=True)) if len(nodes) else {}
        lines = line_table(picture, routes, rims, self.look)
        layers = [below, *(self.edges(lines) if len(lines) else [])]
        layers += [*self.ground(nodes), *self.rings(nodes), self.points(nodes), *self.labels(nodes)]
        graph = Unchecked(layer=layers, view=alt.ViewBackground(stroke=None))
        return graph if self.look.still else graph.properties(padding=PADDING)

    def ground(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """The ground's colour under dimmed heads, so that no line shows through them."""
        dimmed = nodes[nodes["opacity"] < 1]
        if dimmed.empty:
            return []
        under = alt.Chart(dimmed).mark_point(filled=True, color=self.look.colours.background, opacity=1)
        return [
            under.encode(
                **self.axes, size=_as_it_is(alt.Size, "area:Q"), shape=_as_it_is(alt.Shape, "shape:N")
            )
        ]

    def rings(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """A ring around each head of a group, in the group's colour."""
        grouped = nodes[nodes["ring"] != ""]
        if grouped.empty:
            return []
        rings = alt.Chart(grouped).mark_point(filled=False, strokeWidth=2.5)
        return [
            rings.encode(
                **self.axes,
                size=_as_it_is(alt.Size, "ring_area:Q"),
                stroke=_as_it_is(alt.Stroke, "ring:N"),
                shape=_as_it_is(alt.Shape, "shape:N"),
                opacity=_as_it_is(alt.Opacity, "opacity:Q"),
            )
        ]

    def points(self, nodes: pd.DataFrame) -> alt.Chart:
        """The signs of the verdicts; pointing tells of a head what is known, a click picks it (`pick`)."""
        fields = {"name:N": "chart.head", "score_text:N": "chart.score", "state:N": "chart.state"}
        if (nodes["members"] != NONE).any():
            fields = {"title:N": "chart.head", "members:N": "chart.members", **fields}
            del fields["name:N"]
        for column in ("own_name", "group", "tested"):
            if (nodes[column] != NONE).any():
                fields[f"{column}:N"] = f"chart.{column}"
        points = (
            alt.Chart(told(nodes, score=number))
            .mark_point(filled=True, cursor="pointer")
            .encode(
                **self.axes,
                size=_as_it_is(alt.Size, "area:Q"),
                fill=_as_it_is(alt.Fill, "fill:N"),
                stroke=_as_it_is(alt.Stroke, "stroke:N"),
                strokeWidth=_as_it_is(alt.StrokeWidth, "stroke_width:Q"),
                shape=_as_it_is(alt.Shape, "shape:N"),
                opacity=_as_it_is(alt.Opacity, "opacity:Q"),
                description=alt.Description("spoken:N"),
                tooltip=tooltips(fields, self.look.word),
            )
        )
        if self.look.still:
            return points
        return points.add_params(alt.selection_point(name="pick", fields=["pick"], on="click"))

    def labels(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """Names at the heads, each on a rim of the ground's colour so that no line runs through it; minus signs."""
        ground, ink = self.look.colours.background, self.look.colours.text
        place: Any = (
            {"dx": _per_row("datum.rim + 5"), "align": "left", "baseline": "middle"}
            if self.names_beside
            else {"dy": _per_row(f"-(datum.rim + {2 + FONT_SIZE / 2})")}
        )
        font: Any = {} if self.look.still else {"font": FONT}
        styles: Any = ({"stroke": ground, "strokeWidth": 3.5, "color": ground}, {"color": ink})
        opacity = _as_it_is(alt.Opacity, "label_opacity:Q")
        labels = [
            alt.Chart(nodes)
            .mark_text(fontSize=FONT_SIZE, fontWeight=600, **font, **place, **style)
            .encode(**self.axes, text=alt.Text("label:N"), opacity=opacity)
            for style in styles
        ]
        against = nodes[nodes["against"]]
        if against.empty:
            return labels
        minus = alt.Chart(against).mark_text(fontSize=16, fontWeight=900, baseline="middle")
        colours = {"color": _as_it_is(alt.Color, "sign:N"), "opacity": _as_it_is(alt.Opacity, "opacity:Q")}
        return [minus.encode(**self.axes, text=alt.value(MINUS), **colours), *labels]

    def edges(self, lines: pd.DataFrame) -> list[alt.Chart]:
        """The ways of the edges and their arrow heads."""
        fields = {"edge:N": "chart.edge", "score_text:N": "chart.score", "state:N": "chart.state"}
        if (lines["tested"] != "").any():
            fields["tested:N"] = "chart.tested"
        if (lines["count"] > 1).any():
            fields["count_text:N"] = "chart.count"
        lines = told(lines, score=number, count=number)
        shared = {**self.axes, "tooltip": tooltips(fields, self.look.word)}
        ends = lines[lines["step"] == lines.groupby("pick")["step"].transform("max")]
        return [*self.strokes(lines, shared), self.arrow_heads(ends, shared)]

    def strokes(self, lines: pd.DataFrame, shared: Mapping[str, Any]) -> list[alt.Chart]:
        """The lines; on the screen also a wide unseen one over each that is easy to hit."""
        base = alt.Chart(lines).encode(**shared, detail=alt.Detail("edge:N"), order=alt.Order("step:Q"))
        seen = base.mark_line(cursor="pointer").encode(
            opacity=_as_it_is(alt.Opacity, "opacity:Q"),
            color=_as_it_is(alt.Color, "colour:N"),
            strokeWidth=_as_it_is(alt.StrokeWidth, "width:Q"),
            strokeDash=_as_it_is(alt.StrokeDash, "dash:N"),
        )
        unseen = base.mark_line(cursor="pointer", strokeWidth=14, opacity=0.001)
        return [seen] if self.look.still else [seen, unseen]

    def arrow_heads(self, ends: pd.DataFrame, shared: Mapping[str, Any]) -> alt.Chart:
        """Triangles at the rim of the heads that read."""
        offset: Any = {
            "yOffset": _per_row("(datum.downwards ? -1 : 1) * (datum.rim + 6)"),
            "angle": _per_row("datum.downwards ? 180 : 0"),
        }
        base = alt.Chart(ends).mark_point(shape="triangle", filled=True, cursor="pointer", **offset)
        return base.encode(
            **shared,
            opacity=_as_it_is(alt.Opacity, "opacity:Q"),
            color=_as_it_is(alt.Color, "colour:N"),
            size=_as_it_is(alt.Size, "arrow:Q"),
        )


def _as_it_is(channel: Any, field: str) -> Any:
    """A channel whose field holds what is drawn: a colour, a shape, pixels; without a legend."""
    return channel(field, scale=None, legend=None)


def _per_row(expression: str) -> Any:
    """A property of a mark that is computed for each row."""
    return alt.ExprRef(expr=expression)


def _count_scale(count: int) -> alt.Scale:
    return alt.Scale(domain=[-0.6, count - 0.4], nice=False, zero=False)
