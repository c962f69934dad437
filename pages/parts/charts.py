"""The pictures of the circuit page, as Altair charts of plain tables."""

from collections.abc import Callable, Mapping

import altair as alt
import pandas as pd

from pages.parts.colours import FILLED, VERDICT, VERDICT_SHAPE, Palette
from pages.parts.layout import Link, curve, flow_positions

RADII = (9, 12, 15, 18)
"""Node radii in pixels, from the weakest to the strongest quarter of the shown scores."""
Words = Callable[[str], str]


def flow(
    heads: pd.DataFrame, edges: pd.DataFrame, chosen: str, colours: Palette, word: Words
) -> alt.LayerChart:
    """Heads in columns by layer, early on the left; arrows run from the head that writes to its reader."""
    layers = dict(zip(heads["name"], heads["layer"].astype(int), strict=True))
    links = [
        Link(*row) for row in edges[["source", "target", "score"]].itertuples(index=False) if row[0] in layers
    ]
    places = flow_positions(layers, links)
    columns = sorted(set(layers.values()))
    rows = max((y for _, y in places.values()), default=0.0)
    axis = alt.Axis(
        orient="top",
        values=list(range(len(columns))),
        labelExpr=f"{columns}[datum.value]",
        domain=False,
        ticks=False,
        grid=False,
        title=word("chart.layer"),
        labelPadding=8,
        titlePadding=6,
    )
    x = alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[-0.5, max(len(columns) - 0.5, 0.5)], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-rows - 0.75, rows + 0.75], nice=False))
    height = int(min(720, max(300, 62 * (2 * rows + 2))))
    dense = len(columns) > 12
    return _graph(
        _nodes(heads, places, dense), _lines(edges, places, chosen), x, y, chosen, colours, word
    ).properties(height=height)


def grid(
    result_heads: pd.DataFrame,
    heads: pd.DataFrame,
    edges: pd.DataFrame,
    chosen: str,
    colours: Palette,
    word: Words,
) -> alt.Chart:
    """Where in the model: a dot a head, layers upwards, the circuit's heads in full size."""
    places = {
        row.name: (float(row.head), float(row.layer))
        for row in heads[["name", "layer", "head"]].itertuples(index=False)
    }
    n_layers, n_heads = int(result_heads["layer"].max()) + 1, int(result_heads["head"].max()) + 1
    x = alt.X("x:Q", axis=_count_axis(n_heads, word("chart.head")), scale=_count_scale(n_heads))
    y = alt.Y("y:Q", axis=_count_axis(n_layers, word("chart.layer")), scale=_count_scale(n_layers))
    others = pd.DataFrame(
        {"x": result_heads["head"], "y": result_heads["layer"], "name": result_heads["name"]}
    )
    dots = (
        alt.Chart(others)
        .mark_circle(size=18, color=colours.faint, opacity=0.35)
        .encode(x=x, y=y, tooltip=[alt.Tooltip("name:N", title=word("chart.head"))])
    )
    lines = _lines(edges, places, chosen, vertical=True)
    graph = _graph(_nodes(heads, places, False), lines, x, y, chosen, colours, word, vertical=True)
    height = int(min(760, max(320, 46 * n_layers + 60)))
    return alt.layer(dots, *graph.layer).properties(height=height).configure_view(stroke=None)


def heat(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.Chart:
    """The score of every head of the model."""
    colour = alt.Color(
        "score:Q",
        title=word("chart.score"),
        scale=alt.Scale(range=[colours.low, colours.high]),
        legend=alt.Legend(orient="right", gradientLength=140),
    )
    n_layers = int(heads["layer"].max()) + 1
    return (
        alt.Chart(heads[["layer", "head", "name", "score"]])
        .mark_rect(stroke=colours.background, strokeWidth=1.5, cornerRadius=2)
        .encode(
            x=alt.X("head:O", title=word("chart.head"), axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(
                "layer:O", title=word("chart.layer"), sort="descending", axis=alt.Axis(labelOverlap=True)
            ),
            color=colour,
            tooltip=_tooltips({"name:N": "chart.head", "score:Q": "chart.score"}, word),
        )
        .properties(height=int(min(700, max(200, 26 * n_layers + 60))))
    )


def loss_curve(losses: list[float], colours: Palette, word: Words) -> alt.Chart:
    """Loss of the training over its records."""
    table = pd.DataFrame({"record": range(1, len(losses) + 1), "loss": losses})
    return (
        alt.Chart(table)
        .mark_line(color=colours.normal, strokeWidth=2, interpolate="monotone")
        .encode(
            x=alt.X(
                "record:Q", title=word("chart.record"), axis=alt.Axis(grid=False, tickMinStep=1, tickCount=5)
            ),
            y=alt.Y(
                "loss:Q", title=word("chart.loss"), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)
            ),
            tooltip=_tooltips({"loss:Q": "chart.loss"}, word),
        )
        .properties(height=170)
    )


def _graph(
    nodes: pd.DataFrame,
    lines: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    chosen: str,
    colours: Palette,
    word: Words,
    vertical: bool = False,
) -> alt.LayerChart:
    radius = dict(zip(nodes["name"], nodes["radius"], strict=True))
    lines = lines.assign(radius=lines["target"].map(radius))
    layers = _edge_layers(lines, x, y, colours, word, vertical)
    pick = alt.selection_point(name="head", fields=["name"], on="click", clear=False)
    shown = _tooltips({"name:N": "chart.head", "score:Q": "chart.score", "state:N": "chart.state"}, word)
    nodes = nodes.assign(state=[word(f"verdict.{verdict}") for verdict in nodes["verdict"]])
    nodes["fill"] = [VERDICT[v] if v in FILLED else colours.background for v in nodes["verdict"]]
    nodes["stroke"] = nodes["verdict"].map(VERDICT)
    nodes["shape"] = nodes["verdict"].map(VERDICT_SHAPE)
    nodes["width"] = [4.0 if name == chosen else 2.2 for name in nodes["name"]]
    nodes["ring"] = [
        colours.text if name == chosen else VERDICT[v]
        for name, v in zip(nodes["name"], nodes["verdict"], strict=True)
    ]
    base = alt.Chart(nodes)
    points = (
        base.mark_point(filled=True, opacity=1, cursor="pointer")
        .encode(
            x=x,
            y=y,
            size=alt.Size("area:Q", scale=None, legend=None),
            tooltip=shown,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("ring:N", scale=None),
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            shape=alt.Shape("shape:N", scale=None),
        )
        .add_params(pick)
    )
    labels = [
        alt.Chart(nodes[nodes["radius"] == radius])
        .mark_text(dy=-(radius + 8), fontSize=12, fontWeight=600, **look)
        .encode(x=x, y=y, text="label:N")
        for radius in sorted(set(nodes["radius"]))
        for look in (
            {"stroke": colours.background, "strokeWidth": 3.5, "color": colours.background},
            {"color": colours.text},
        )
    ]
    return alt.layer(*layers, points, *labels).configure_view(stroke=None)


def _edge_layers(
    lines: pd.DataFrame, x: alt.X, y: alt.Y, colours: Palette, word: Words, vertical: bool
) -> list[alt.Chart]:
    if lines.empty:
        return []
    shown = _tooltips({"edge:N": "chart.edge", "score:Q": "chart.score"}, word)
    strokes = (
        alt.Chart(lines)
        .mark_line(color=colours.line, strokeCap="butt")
        .encode(
            x=x,
            y=y,
            detail="edge:N",
            order="step:Q",
            tooltip=shown,
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    ends = lines[lines["step"] == lines["step"].max()]
    heads = []
    for radius in sorted(set(ends["radius"])):
        offset = {"yOffset": radius + 6} if vertical else {"xOffset": -(radius + 6)}
        heads.append(
            alt.Chart(ends[ends["radius"] == radius])
            .mark_point(
                shape="triangle", filled=True, angle=0 if vertical else 90, color=colours.line, **offset
            )
            .encode(
                x=x,
                y=y,
                size=alt.Size("arrow:Q", scale=None, legend=None),
                tooltip=shown,
                opacity=alt.Opacity("opacity:Q", scale=None),
            )
        )
    return [strokes, *heads]


def _nodes(heads: pd.DataFrame, places: Mapping[str, tuple[float, float]], dense: bool) -> pd.DataFrame:
    nodes = heads[["name", "layer", "head", "score", "verdict"]].copy()
    nodes["x"] = [places[name][0] for name in nodes["name"]]
    nodes["y"] = [places[name][1] for name in nodes["name"]]
    nodes["radius"] = _radii(nodes["score"], smaller=dense)
    nodes["area"] = [4.0 * radius**2 if radius else 0.0 for radius in nodes["radius"]]
    nodes["label"] = [
        f"H{head}" if dense else name for head, name in zip(nodes["head"], nodes["name"], strict=True)
    ]
    return nodes


def _radii(scores: pd.Series, smaller: bool) -> list[int]:
    low, span = float(scores.min()), float(scores.max() - scores.min())
    steps = [int(min(3, 4 * (score - low) / span)) if span else 2 for score in scores]
    return [RADII[step] - (3 if smaller else 0) for step in steps]


def _lines(
    edges: pd.DataFrame, places: Mapping[str, tuple[float, float]], chosen: str, vertical: bool = False
) -> pd.DataFrame:
    rows = []
    top, low = (float(edges["score"].max()), float(edges["score"].min())) if len(edges) else (1.0, 0.0)
    span = top - low
    for edge in edges.itertuples(index=False):
        share = (edge.score - low) / span if span else 1.0
        touched = chosen in ("", edge.source, edge.target)
        opacity = (0.35 + 0.5 * share) if touched else 0.1
        for step, (x, y) in enumerate(curve(places[edge.source], places[edge.target], vertical=vertical)):
            rows.append(
                (
                    f"{edge.source} → {edge.target}",
                    edge.target,
                    edge.score,
                    step,
                    x,
                    y,
                    1.0 + 3.5 * share,
                    opacity,
                )
            )
    table = pd.DataFrame(rows, columns=["edge", "target", "score", "step", "x", "y", "width", "opacity"])
    return table.assign(arrow=60 + 22 * table["width"])


def _tooltips(fields: Mapping[str, str], word: Words) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(field, title=word(key), format=".2~f")
        if field.endswith(":Q")
        else alt.Tooltip(field, title=word(key))
        for field, key in fields.items()
    ]


def _count_axis(count: int, title: str) -> alt.Axis:
    step = 1 if count <= 16 else 2 if count <= 32 else 4
    return alt.Axis(
        values=list(range(0, count, step)), title=title, grid=False, domain=False, ticks=False, format="d"
    )


def _count_scale(count: int) -> alt.Scale:
    return alt.Scale(domain=[-0.6, count - 0.4], nice=False, zero=False)
