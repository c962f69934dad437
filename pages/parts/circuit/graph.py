"""The circuit as a picture: heads as circles, edges as arrows, in columns by layer or on the model's grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from core.text import percent
from pages.parts.charts.colours import FILLED, VERDICT, VERDICT_SHAPE, Palette
from pages.parts.charts.shared import PADDING, Words, count_axis, tooltips
from pages.parts.circuit import groups as folding
from pages.parts.circuit.groups import Drawn
from pages.parts.circuit.layout import Link, Point, curve, flow_layout
from pages.parts.i18n import catalogue as texts

RADII = (9, 12, 15, 18)
"""Node radii in pixels, from the weakest to the strongest quarter of the shown scores."""

RING = 5
"""Pixels from the rim of a head to the ring of its group."""

DENSE_COLUMNS = 12
"""From this number of columns on, heads are smaller and named without their layer, which the axis tells."""

NAME_ROOM = ((4, 18), (6, 12), (8, 7))
"""Up to so many columns, so many characters of a head's own name stand beside it; tooltips hold all of it."""

NAMES_BESIDE = 10
"""Up to so many heads a layer, names in the grid stand beside the heads: further ones leave no room."""

DIMMED = 0.22
"""Opacity of what is not connected with the chosen head or edge."""

MINUS = "−"
"""In heads that work against the fault."""

NONE = "–"
"""In tooltips, where there is nothing to tell."""

Places = Mapping[str, Point]
Routes = Mapping[tuple[str, str], Sequence[Point]]


@dataclass(frozen=True)
class Look:
    """What a graph looks like: `chosen` is the head whose edges stand out, `edge` the edge that does.

    `folded` draws each group as one node; `large` is for a projector.
    """

    colours: Palette
    word: Words
    chosen: str = ""
    edge: tuple[str, str] = ("", "")
    folded: bool = False
    large: bool = False

    @property
    def font(self) -> int:
        """Size of the labels in pixels."""
        return 17 if self.large else 12

    def draw(self, heads: pd.DataFrame, edges: pd.DataFrame) -> Drawn:
        """Nodes and edges, with groups folded if asked for."""
        return folding.folded(heads, edges) if self.folded else folding.unfolded(heads, edges)


def flow(heads: pd.DataFrame, edges: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Heads in columns by layer, early on the left; arrows run from the head that writes to its reader."""
    drawn = look.draw(heads, edges)
    layers = dict(zip(drawn.nodes["name"], drawn.nodes["layer"].astype(int), strict=True))
    links = [Link(*row) for row in drawn.edges[["source", "target", "score"]].itertuples(index=False)]
    layout = flow_layout(layers, links)
    columns, top = sorted(set(layers.values())), layout.top
    axis = alt.Axis(
        orient="top",
        values=list(range(len(columns))),
        labelExpr=f"{columns}[datum.value]",
        title=look.word("chart.layer"),
        labelPadding=8,
        titlePadding=6,
        labelFontSize=look.font - 1,
        titleFontSize=look.font - 1,
        **_BARE,
    )
    x = alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[-0.5, max(len(columns) - 0.5, 0.5)], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-top - 0.6, top + 0.75], nice=False))
    drawing = _Drawing(look, {"x": x, "y": y}, vertical=False)
    nodes = _nodes(drawn, layout.places, look, len(columns), dense=len(columns) > DENSE_COLUMNS)
    lines = _lines(drawn, layout.routes, look, layout.bows)
    return drawing.graph(nodes, lines, []).properties(
        height=int(min(720, max(300, 58 * (2 * top + 1.4)))) * (1.3 if look.large else 1)
    )


def grid(every_head: pd.DataFrame, heads: pd.DataFrame, edges: pd.DataFrame, look: Look) -> alt.LayerChart:
    """Where in the model: a dot a head, layers upwards, the circuit's heads in full size."""
    drawn = look.draw(heads, edges)
    rows = drawn.nodes[["name", "y_layer", "x_head"]].itertuples(index=False)
    places = {row.name: (float(row.x_head), float(row.y_layer)) for row in rows}
    n_layers, n_heads = int(every_head["layer"].max()) + 1, int(every_head["head"].max()) + 1
    sizes = {"labelFontSize": look.font - 1, "titleFontSize": look.font - 1}
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
    drawing = _Drawing(look, axes, vertical=True, names_beside=n_heads <= NAMES_BESIDE)
    nodes = _nodes(drawn, places, look, n_heads, dense=n_layers > DENSE_COLUMNS)
    ends = drawn.edges[["source", "target"]].itertuples(index=False, name=None)
    routes = {pair: curve(places[pair[0]], places[pair[1]]) for pair in ends}
    graph = drawing.graph(nodes, _lines(drawn, routes, look, frozenset(routes)), [dots])
    return graph.properties(height=int(min(760, max(320, 46 * n_layers + 60))) * (1.2 if look.large else 1))


class Unchecked(alt.LayerChart):
    """Layers that are not held against Vega-Lite's schema whenever they are drawn: that takes a quarter of the time."""

    def to_dict(self, validate: bool = False, **options: Any) -> dict[str, Any]:
        """The specification; `validate` holds it against the schema."""
        return super().to_dict(validate=validate, **options)


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
        reach = dict(zip(nodes["name"], nodes["reach"], strict=True))
        lines = lines.assign(reach=lines["target"].map(reach))
        heads = [*self.ground(nodes), *self.rings(nodes), self.points(nodes)]
        layers = [*below, *self.edges(lines), *heads, *self.labels(nodes)]
        return Unchecked(layer=layers).properties(padding=PADDING).configure_view(stroke=None)

    def ground(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """The ground's colour under dimmed heads, so that no line shows through them."""
        dimmed = nodes[nodes["opacity"] < 1]
        if dimmed.empty:
            return []
        under = alt.Chart(dimmed).mark_point(filled=True, color=self.look.colours.background, opacity=1)
        shape = alt.Shape("shape:N", scale=None)
        return [under.encode(**self.axes, size=alt.Size("area:Q", scale=None, legend=None), shape=shape)]

    def rings(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """A ring around each head of a group, in the group's colour."""
        grouped = nodes[nodes["group_number"] > 0]
        if grouped.empty:
            return []
        rings = alt.Chart(grouped).mark_point(filled=False, strokeWidth=2.5)
        return [
            rings.encode(
                **self.axes,
                size=alt.Size("ring_area:Q", scale=None, legend=None),
                stroke=alt.Stroke("group_colour:N", scale=None),
                shape=alt.Shape("shape:N", scale=None),
                opacity=alt.Opacity("opacity:Q", scale=None),
            )
        ]

    def points(self, nodes: pd.DataFrame) -> alt.Chart:
        pick = alt.selection_point(name="pick", fields=["pick"], on="click")
        fields = {"name:N": "chart.head", "score:Q": "chart.score", "state:N": "chart.state"}
        if nodes["folded"].any():
            fields = {"title:N": "chart.head", "held:N": "chart.members"} | fields
            del fields["name:N"]
        for column, key in (
            ("own_name", "chart.own_name"),
            ("group", "chart.group"),
            ("tested", "chart.tested"),
        ):
            if (nodes[column] != "").any():
                fields[f"{column}:N"] = key
        told = [field.removesuffix(":N") for field in fields if field.endswith(":N")]
        return (
            alt.Chart(nodes.assign(**{column: nodes[column].replace("", NONE) for column in told}))
            .mark_point(filled=True, cursor="pointer")
            .encode(
                **self.axes,
                size=alt.Size("area:Q", scale=None, legend=None),
                fill=alt.Fill("fill:N", scale=None),
                stroke=alt.Stroke("rim:N", scale=None),
                strokeWidth=alt.StrokeWidth("width:Q", scale=None),
                shape=alt.Shape("shape:N", scale=None),
                opacity=alt.Opacity("opacity:Q", scale=None),
                description=alt.Description("said:N"),
                tooltip=tooltips(fields, self.look.word),
            )
            .add_params(pick)
        )

    def labels(self, nodes: pd.DataFrame) -> list[alt.Chart]:
        """Names at the heads, each on a rim of the ground's colour so that no line runs through it."""
        ground, ink = self.look.colours.background, self.look.colours.text
        looks = ({"stroke": ground, "strokeWidth": 3.5, "color": ground}, {"color": ink})
        text = alt.Chart(nodes)
        labels = [
            text.mark_text(fontSize=self.look.font, fontWeight=600, **self.name_place(), **look).encode(
                **self.axes, text=alt.Text("label:N"), opacity=alt.Opacity("label_opacity:Q", scale=None)
            )
            for look in looks
        ]
        against = nodes[nodes["against"]]
        if against.empty:
            return labels
        minus = alt.Chart(against).mark_text(fontSize=16, fontWeight=900, baseline="middle")
        colour = alt.Color("sign:N", scale=None)
        sign = minus.encode(
            **self.axes,
            text=alt.value(MINUS),
            color=colour,
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
        return [sign, *labels]

    def name_place(self) -> dict[str, Any]:
        if self.names_beside:
            return {"dx": _per_row("datum.reach + 5"), "align": "left", "baseline": "middle"}
        return {"dy": _per_row(f"-(datum.reach + {2 + self.look.font / 2})")}

    def edges(self, lines: pd.DataFrame) -> list[alt.Chart]:
        if lines.empty:
            return []
        fields = {"edge:N": "chart.edge", "score:Q": "chart.score", "state:N": "chart.state"}
        if (lines["tested"] != "").any():
            fields["tested:N"] = "chart.tested"
        if (lines["count"] > 1).any():
            fields["count:Q"] = "chart.count"
        shared = {
            **self.axes,
            "tooltip": tooltips(fields, self.look.word),
            "opacity": alt.Opacity("opacity:Q", scale=None),
            "color": alt.Color("colour:N", scale=None),
        }
        ends = lines[lines["step"] == lines.groupby("edge")["step"].transform("max")]
        strokes = [
            layer
            for bent, smooth in ((False, "monotone"), (True, "linear"))
            for layer in self.strokes(lines[lines["bent"] == bent], smooth, shared)
        ]
        return [*strokes, self.arrow_heads(ends, shared)]

    def strokes(self, lines: pd.DataFrame, smooth: Any, shared: Mapping[str, Any]) -> list[alt.Chart]:
        """The lines, and a wide unseen one over each that is easy to hit."""
        if lines.empty:
            return []
        base = alt.Chart(lines).encode(
            **self.axes,
            detail=alt.Detail("edge:N"),
            order=alt.Order("step:Q"),
            tooltip=shared["tooltip"],
        )
        seen = base.mark_line(interpolate=smooth, cursor="pointer").encode(
            opacity=shared["opacity"],
            color=shared["color"],
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
        )
        unseen = base.mark_line(interpolate=smooth, cursor="pointer", strokeWidth=14, opacity=0.001)
        return [seen, unseen]

    def arrow_heads(self, ends: pd.DataFrame, shared: Mapping[str, Any]) -> alt.Chart:
        """Triangles at the rim of the heads that read."""
        turn = "datum.downwards ? -1 : 1"
        offset: dict[str, Any] = (
            {
                "yOffset": _per_row(f"({turn}) * (datum.reach + 6)"),
                "angle": _per_row("datum.downwards ? 180 : 0"),
            }
            if self.vertical
            else {"xOffset": _per_row("-(datum.reach + 6)"), "angle": 90}
        )
        base = alt.Chart(ends).mark_point(shape="triangle", filled=True, cursor="pointer", **offset)
        return base.encode(**shared, size=alt.Size("arrow:Q", scale=None, legend=None))


_BARE: dict[str, Any] = {"domain": False, "ticks": False, "grid": False}


def _per_row(expression: str) -> Any:
    """A property of a mark that is computed for each row."""
    return alt.ExprRef(expr=expression)


def _nodes(drawn: Drawn, places: Places, look: Look, columns: int, dense: bool) -> pd.DataFrame:
    kept = ["name", "own_name", "group", "group_number", "score", "verdict", "folded", "pick"]
    nodes = drawn.nodes[kept].copy()
    nodes["x"] = [places[name][0] for name in nodes["name"]]
    nodes["y"] = [places[name][1] for name in nodes["name"]]
    scale = 1.4 if look.large else 1.0
    nodes["radius"] = [scale * radius for radius in radii(nodes["score"], smaller=dense)]
    nodes["reach"] = nodes["radius"] + RING * (nodes["group_number"] > 0)
    nodes["area"] = 4.0 * nodes["radius"] ** 2
    nodes["ring_area"] = 4.0 * nodes["reach"] ** 2
    longest = next((room for most, room in NAME_ROOM if columns <= most), 0)
    titles = [node_title(row) for row in drawn.nodes.to_dict("records")]
    chosen = [look.chosen in heads for heads in drawn.nodes["heads"]]
    lit = _lit(drawn, look)
    against = drawn.nodes["against"]
    states = [verdict_words(verdicts, look.word) for verdicts in drawn.nodes["verdicts"]]
    tested = [effect_words(row) for row in drawn.nodes.to_dict("records")]
    short = [
        labelled(row, dense, longest if not look.large else max(longest, 7))
        for row in drawn.nodes.to_dict("records")
    ]
    return nodes.assign(
        title=titles,
        label=short,
        held=[", ".join(heads) if len(heads) > 1 else "" for heads in drawn.nodes["heads"]],
        said=[
            f"{title}, {look.word('chart.score')} {texts.number(score)}, {state}"
            for title, score, state in zip(titles, nodes["score"], states, strict=True)
        ],
        state=[
            f"{state} · {look.word('circuit.against')}" if works_against else state
            for state, works_against in zip(states, against, strict=True)
        ],
        tested=tested,
        fill=[VERDICT[v] if v in FILLED else look.colours.background for v in nodes["verdict"]],
        rim=[
            look.colours.text if here else VERDICT[v]
            for v, here in zip(nodes["verdict"], chosen, strict=True)
        ],
        sign=[look.colours.background if v in FILLED else VERDICT[v] for v in nodes["verdict"]],
        against=against,
        group_colour=[folding.colour(number) if number else "" for number in nodes["group_number"]],
        width=[4.0 if here else 2.2 for here in chosen],
        shape=nodes["verdict"].map(VERDICT_SHAPE),
        opacity=[1.0 if name in lit else DIMMED for name in nodes["name"]],
        label_opacity=[1.0 if name in lit else 0.5 for name in nodes["name"]],
    )


def _lit(drawn: Drawn, look: Look) -> set[str]:
    """The nodes that are not dimmed: what is chosen, and what is connected with it."""
    if look.edge[0]:
        return {row.name for row in drawn.nodes.itertuples(index=False) if set(look.edge) & set(row.heads)}
    if not look.chosen:
        return set(drawn.nodes["name"])
    here = {row.name for row in drawn.nodes.itertuples(index=False) if look.chosen in row.heads}
    near = drawn.edges[drawn.edges["source"].isin(here) | drawn.edges["target"].isin(here)]
    return here | set(near["source"]) | set(near["target"])


def verdict_words(verdicts: Sequence[str], word: Words) -> str:
    """The verdict of a head, or how many heads of a group have which."""
    if len(verdicts) == 1:
        return word(f"verdict.{verdicts[0]}")
    counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
    return ", ".join(f"{word(f'verdict.{verdict}')}: {count}" for verdict, count in counts.items())


def effect_words(row: Mapping[str, Any]) -> str:
    """Effect with its interval, as far as they have been computed: `40 % (30 % … 50 %)`."""
    if pd.isna(row["effect"]):
        return ""
    ends = [row["effect_low"], row["effect_high"]]
    interval = "" if any(pd.isna(ends)) else f" ({percent(ends[0])} … {percent(ends[1])})"
    return f"{percent(row['effect'])}{interval}"


def node_title(row: Mapping[str, Any]) -> str:
    """A head with its own name; a folded group with the number of its heads."""
    if row["folded"]:
        return f"{row['group']} ×{len(row['heads'])}"
    return f"{row['name']} {row['own_name']}".strip()


def labelled(row: Mapping[str, Any], dense: bool, longest: int) -> str:
    """What stands at a node: head, own name as far as there is room, sign of the group."""
    sign = folding.sign(int(row["group_number"]))
    if row["folded"]:
        return f"{sign} {shortened(str(row['group']), longest)}".strip() + f" ×{len(row['heads'])}"
    named = f"H{row['head']}" if dense else str(row["name"])
    return f"{titled(named, str(row['own_name']), longest)} {sign}".strip()


def titled(head: str, own_name: str, longest: int) -> str:
    """Label of a head: with its own name, shortened to the room that there is."""
    return f"{head} {shortened(own_name, longest)}".strip()


def shortened(text: str, longest: int) -> str:
    """The text in at most this many characters."""
    if len(text) <= longest:
        return text
    return text[: longest - 1] + "…" if longest else ""


def radii(scores: pd.Series, smaller: bool) -> list[int]:
    """Radius of each head in pixels, from its score."""
    low, span = float(scores.min()), float(scores.max() - scores.min())
    steps = [int(min(3, 4 * (score - low) / span)) if span else 2 for score in scores]
    return [RADII[step] - (3 if smaller else 0) for step in steps]


def _lines(drawn: Drawn, routes: Routes, look: Look, bent: frozenset[tuple[str, str]]) -> pd.DataFrame:
    """One row a point of each edge's curve; the strongest shown edge is the widest."""
    edges, rows = drawn.edges, []
    low, span = (float(edges["score"].min()), float(edges["score"].max())) if len(edges) else (0.0, 0.0)
    span -= low
    heads_of = dict(zip(drawn.nodes["name"], drawn.nodes["heads"], strict=True))
    title_of = {row["name"]: node_title(row) for row in drawn.nodes.to_dict("records")}
    for edge in edges.sort_values("score").to_dict("records"):  # the strongest on top
        pair = (edge["source"], edge["target"])
        share = (edge["score"] - low) / span if span else 1.0
        chosen = look.edge[0] in heads_of[pair[0]] and look.edge[1] in heads_of[pair[1]]
        near = any(look.chosen in heads_of[end] for end in pair)
        lit = chosen if look.edge[0] else not look.chosen or near
        line = {
            "edge": f"{title_of[pair[0]]} → {title_of[pair[1]]}",
            "target": pair[1],
            "score": edge["score"],
            "state": look.word(f"verdict.{edge['verdict']}"),
            "tested": effect_words(edge),
            "count": edge["count"],
            "pick": edge["pick"],
            "width": (1.0 + 3.5 * share) * (1.4 if look.large else 1) + (1.5 if chosen else 0),
            "opacity": 1.0 if chosen else 0.35 + 0.5 * share if lit else 0.1,
            "colour": look.colours.text if chosen else look.colours.line,
            "bent": pair in bent,
            "downwards": routes[pair][-1][1] < routes[pair][0][1],
        }
        rows += [{**line, "step": step, "x": x, "y": y} for step, (x, y) in enumerate(routes[pair])]
    table = pd.DataFrame(rows, columns=_LINE_COLUMNS)
    return table.assign(arrow=60 + 22 * table["width"])


_LINE_COLUMNS = [
    "edge",
    "target",
    "score",
    "state",
    "tested",
    "count",
    "pick",
    "width",
    "opacity",
    "colour",
    "bent",
    "downwards",
    "step",
    "x",
    "y",
]


def _count_scale(count: int) -> alt.Scale:
    return alt.Scale(domain=[-0.6, count - 0.4], nice=False, zero=False)
