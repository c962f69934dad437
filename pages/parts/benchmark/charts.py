"""Charts of a measured benchmark: methods by quality, over the number of texts, by cost, by task."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from pages.parts.benchmark.chart_labels import Place, placed
from pages.parts.charts.colours import Palette
from pages.parts.charts.shared import PADDING, Words, tooltips

SHAPES = {"ours": "circle", "look": "square", "change": "triangle-up", "other": "diamond"}
LINES = ("#0072B2", "#E69F00", "#CC79A7", "#009E73", "#D55E00", "#56B4E9", "#8C6D46", "#7A5195")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
POINTS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "circle", "square")
FONT = "'Source Sans', 'Hiragino Sans', 'Yu Gothic UI', 'Noto Sans JP', 'Noto Sans CJK JP', sans-serif"
"""Of names and numbers inside a chart; Streamlit sets that of axes and legends alone."""

ROW_HEIGHT = 24
AXIS = 50
NAMES = 140
"""Pixels of an axis with its title below a chart, and of slanting names above it."""

NAME_WIDTH = 250
CELL_TURN = 0.55
"""From this share of the scale on, a cell's number is written in the ground's colour."""


def group_colour(group: str, colours: Palette) -> str:
    """The colour of a group of methods; its shape and heading tell it too."""
    return {"ours": colours.normal, "look": colours.faint, "change": "#CC79A7"}.get(group, colours.line)


def ranking(
    rows: pd.DataFrame, table: pd.DataFrame, measure: str, colours: Palette, word: Words
) -> alt.LayerChart:
    """Methods by group, the best mean first: a dot a case, a tick for the mean, both numbers at the end.

    `rows` have `label`, `group`, `case`, the measure; `table` has `label`, `group`, `mean`, `lowest`.
    """
    groups = list(dict.fromkeys(table["group"]))
    headings = {group: word(f"bench.group_{group}") for group in groups}
    order: list[str] = []
    for group in groups:
        order += [headings[group], *table.loc[table["group"] == group, "label"]]
    places = {case: place for place, case in enumerate(sorted(set(rows["case"])))}
    dots = rows[["label", "group", "case", measure]].rename(columns={measure: "value"})
    dots = dots.assign(shift=dots["case"].map(places))
    y = alt.Y(
        "label:N",
        sort=order,
        scale=alt.Scale(domain=order),
        title=None,
        axis=alt.Axis(
            labelLimit=NAME_WIDTH,
            ticks=False,
            domain=False,
            labelFontWeight=_condition(headings.values(), "bold", "normal"),
            labelFontSize=12,
        ),
    )
    x = alt.X(
        "value:Q",
        scale=_flow(dots["value"]),
        axis=alt.Axis(title=word(f"bench.measure_{measure}"), tickCount=6),
    )
    colour, shape = _by_group(groups, colours)
    points = (
        alt.Chart(dots)
        .mark_point(filled=True, size=42, opacity=0.55)
        .encode(
            x=x,
            y=y,
            yOffset=alt.YOffset("shift:Q", scale=alt.Scale(domain=[-3, max(places.values()) + 3])),
            color=colour,
            shape=shape,
            tooltip=tooltips(
                {"label:N": "bench.method", "case:N": "bench.case", "value:Q": f"bench.measure_{measure}"},
                word,
            ),
        )
    )
    ends = pd.concat(
        [
            table[["label"]].assign(
                mean=table["mean"].map("{:.3f}".format), lowest=table["lowest"].map("{:.3f}".format)
            ),
            pd.DataFrame(
                {
                    "label": list(headings.values()),
                    "mean": word("bench.mean_short"),
                    "lowest": word("bench.lowest_short"),
                }
            ),
        ]
    )
    fields = {
        "label:N": "bench.method",
        "mean:Q": "bench.mean_short",
        "lowest:Q": "bench.lowest",
        "lowest_case:N": "bench.case",
    }
    base = alt.Chart(table[["label", "mean", "lowest", "lowest_case"]])
    ticks = base.mark_tick(thickness=3, size=18, color=colours.text).encode(
        x=alt.X("mean:Q"), y=y, tooltip=tooltips(fields, word)
    )
    columns = [
        alt.Chart(ends)
        .mark_text(align="left", dx=dx, fontSize=12, color=colours.text)
        .encode(x=alt.value("width"), y=y, text=f"{name}:N")
        for name, dx in (("mean", 14), ("lowest", 64))
    ]
    return _finished(points, ticks, *columns, height=ROW_HEIGHT * len(order) + AXIS)


def over_examples(
    table: pd.DataFrame, labels: Sequence[str], measure: str, colours: Palette, word: Words
) -> alt.LayerChart:
    """The measure over the number of texts a side, a line a method with its spread over draws.

    `table` has `label`, `examples`, `mean`, `low`, `high`, `cases`.
    """
    scale: dict[str, Any] = {"domain": list(labels)}
    range_of = [LINES[place % len(LINES)] for place in range(len(labels))]
    legend = alt.Legend(orient="bottom", columns=3, labelLimit=260, symbolSize=90, symbolOpacity=1)
    colour = alt.Color("label:N", title=None, scale=alt.Scale(**scale, range=range_of), legend=legend)
    shape = alt.Shape(
        "label:N",
        title=None,
        scale=alt.Scale(**scale, range=[POINTS[place % len(POINTS)] for place in range(len(labels))]),
        legend=legend,
    )
    dash = alt.StrokeDash(
        "label:N",
        scale=alt.Scale(**scale, range=[DASHES[place % len(DASHES)] for place in range(len(labels))]),
        legend=None,
    )
    fields = {
        "label:N": "bench.method",
        "examples:O": "bench.examples",
        "mean:Q": "bench.mean",
        "low:Q": "bench.band_low",
        "high:Q": "bench.band_high",
        "cases:Q": "bench.cases",
    }
    base = alt.Chart(table).encode(
        x=alt.X("examples:O", axis=alt.Axis(title=word("bench.examples"), labelAngle=0, grid=False)),
        color=colour,
        tooltip=tooltips(fields, word),
    )
    y = _flow(pd.concat([table["low"], table["mean"]]))
    axis = alt.Axis(title=word(f"bench.measure_{measure}"), tickCount=6)
    bands = base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", scale=y, axis=axis), y2="high:Q")
    lines = base.mark_line(strokeWidth=2).encode(y=alt.Y("mean:Q"), strokeDash=dash)
    points = base.mark_point(filled=True, size=80, opacity=1).encode(y=alt.Y("mean:Q"), shape=shape)
    return _finished(bands, lines, points, height=340)


def cost(table: pd.DataFrame, measure: str, colours: Palette, word: Words) -> alt.LayerChart:
    """Seconds (logarithmic) against the mean measure, a labelled dot a method.

    `table` has `label`, `group`, `mean`, `seconds` (above 0).
    """
    width, height = 880, 480
    groups = list(dict.fromkeys(table["group"]))
    spread = _flow(table["mean"], step=0.05)
    low, high = spread.domain
    least, most = table["seconds"].min() / 1.6, table["seconds"].max() * 2.4
    seats = placed(
        table["label"], table["seconds"], table["mean"], (least, most), (low, high), (width, height)
    )
    drawn = table[["label", "group", "mean", "seconds"]].assign(seat=[seat.name for seat in seats])
    colour, shape = _by_group(groups, colours)
    x = alt.X(
        "seconds:Q",
        scale=alt.Scale(type="log", domain=[least, most], nice=False),
        axis=alt.Axis(title=word("bench.seconds"), format="~g", tickCount=6, grid=False),
    )
    y = alt.Y("mean:Q", scale=spread, axis=alt.Axis(title=word(f"bench.measure_{measure}"), tickCount=6))
    base = alt.Chart(drawn).encode(
        x=x,
        y=y,
        tooltip=tooltips(
            {"label:N": "bench.method", "mean:Q": "bench.mean", "seconds:Q": "bench.seconds"}, word
        ),
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(color=colour, shape=shape)
    names = [_names(drawn, seat, x, y, colours) for seat in dict.fromkeys(seats)]
    return _finished(points, *names, height=height)


def _names(drawn: pd.DataFrame, seat: Place, x: alt.X, y: alt.Y, colours: Palette) -> alt.Chart:
    chosen = alt.Chart(drawn[drawn["seat"] == seat.name])
    mark = chosen.mark_text(align=seat.align, dx=seat.dx, dy=seat.dy, fontSize=12, color=colours.text)
    return mark.encode(x=x, y=y, text="label:N")


def series(
    table: pd.DataFrame, order: Sequence[str], mark: float | None, title: str, colours: Palette, word: Words
) -> alt.LayerChart:
    """A row of dots a task on a model, one sign a series; `mark` is a line to compare them with.

    `table` has `case`, `series`, `value`, `tested` (text).
    """
    names = list(dict.fromkeys(table["series"]))
    scale: dict[str, Any] = {"domain": names}
    palette = [colours.normal, "#CC79A7", colours.faint]
    legend = alt.Legend(orient="top", direction="vertical", labelLimit=420, symbolSize=90)
    base = alt.Chart(table).encode(
        y=alt.Y(
            "case:N",
            sort=list(order),
            title=None,
            axis=alt.Axis(labelLimit=NAME_WIDTH, ticks=False, grid=True),
        ),
        color=alt.Color(
            "series:N", title=None, scale=alt.Scale(**scale, range=palette[: len(names)]), legend=legend
        ),
        shape=alt.Shape(
            "series:N",
            title=None,
            scale=alt.Scale(**scale, range=["circle", "square", "triangle-up"][: len(names)]),
            legend=legend,
        ),
        tooltip=tooltips(
            {
                "case:N": "bench.case",
                "series:N": "bench.series",
                "value:Q": "bench.share",
                "tested:N": "bench.of",
            },
            word,
        ),
    )
    highest = max(0.25, float(table["value"].max()) * 1.05) if mark is not None else 1.0
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[0, min(1.0, highest)], nice=True),
        axis=alt.Axis(format=".0%", title=title, tickCount=6),
    )
    layers = [base.mark_point(filled=True, size=85, opacity=0.8).encode(x=x)]
    if mark is not None:
        line = alt.Chart(pd.DataFrame({"value": [mark]}))
        layers.insert(
            0, line.mark_rule(strokeDash=[4, 4], strokeWidth=2, color=colours.text).encode(x="value:Q")
        )
    height = 20 * table["case"].nunique() + 18 * len(names) + AXIS
    return _finished(*layers, height=height)


def cells(
    table: pd.DataFrame,
    rows: Sequence[str],
    labels: Sequence[str],
    measure: str,
    colours: Palette,
    word: Words,
) -> alt.LayerChart:
    """Every task on a model by every method, the value in each cell. `table` has `case`, `label`, `value`."""
    low = 0.5 if measure == "auc" else 0.0
    turn = low + CELL_TURN * (1 - low)
    drawn = table.assign(said=[f"{value:.2f}".removeprefix("0") for value in table["value"]])
    base = alt.Chart(drawn).encode(
        x=alt.X(
            "label:N",
            sort=list(labels),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=190, ticks=False, domain=False),
        ),
        y=alt.Y(
            "case:N",
            sort=list(rows),
            title=None,
            axis=alt.Axis(labelLimit=NAME_WIDTH, ticks=False, domain=False),
        ),
        tooltip=tooltips(
            {"case:N": "bench.case", "label:N": "bench.method", "value:Q": f"bench.measure_{measure}"}, word
        ),
    )
    fill = alt.Color(
        "value:Q",
        title=word(f"bench.measure_{measure}"),
        scale=alt.Scale(domain=[low, 1], range=[colours.low, colours.high], clamp=True),
        legend=alt.Legend(orient="right", gradientLength=140),
    )
    squares = base.mark_rect(stroke=colours.background, strokeWidth=1.5).encode(color=fill)
    ink = alt.condition(alt.datum.value >= turn, alt.value(colours.background), alt.value(colours.text))
    numbers = base.mark_text(fontSize=11).encode(text="said:N", color=ink)
    return _finished(squares, numbers, height=24 * len(rows) + NAMES)


def strip(table: pd.DataFrame, title: str, colours: Palette, word: Words) -> alt.LayerChart:
    """Spread of each method over the seeds: a dot a case and a tick for the mean. `table`: `label`, `case`, `value`."""
    order = list(table.groupby("label", sort=False)["value"].mean().sort_values().index)
    base = alt.Chart(table).encode(
        y=alt.Y(
            "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=NAME_WIDTH, ticks=False, domain=False)
        )
    )
    x = alt.X("value:Q", scale=alt.Scale(domainMin=0), axis=alt.Axis(title=title, tickCount=5))
    fields = {"label:N": "bench.method", "case:N": "bench.case", "value:Q": "bench.spread"}
    dots = base.mark_point(filled=True, size=42, opacity=0.55, color=colours.normal)
    ticks = base.mark_tick(thickness=3, size=16, color=colours.text).encode(x="mean(value):Q")
    return _finished(dots.encode(x=x, tooltip=tooltips(fields, word)), ticks, height=24 * len(order) + AXIS)


def setting(
    table: pd.DataFrame, title: str, y_title: str, reach: alt.Scale, colours: Palette, word: Words
) -> alt.LayerChart:
    """What one setting does: mean over tasks and seeds, the band between the lowest and highest seed.

    `table` has `value` (of the setting), `mean`, `low`, `high`, `is_default`.
    """
    axis = alt.Axis(title=title, grid=False, labelAngle=0, format="~g")
    base = alt.Chart(table).encode(
        x=alt.X("value:O", axis=axis),
        tooltip=tooltips(
            {
                "value:Q": "bench.value",
                "mean:Q": "bench.mean",
                "low:Q": "bench.band_low",
                "high:Q": "bench.band_high",
            },
            word,
        ),
    )
    y = alt.Axis(title=y_title, tickCount=4)
    band = base.mark_area(opacity=0.2, color=colours.normal).encode(
        y=alt.Y("low:Q", scale=reach, axis=y), y2="high:Q"
    )
    line = base.mark_line(color=colours.normal, strokeWidth=2).encode(y=alt.Y("mean:Q"))
    dots = base.mark_point(size=80, filled=True, opacity=1, color=colours.normal).encode(
        y=alt.Y("mean:Q"),
        shape=alt.Shape(
            "is_default:N", scale=alt.Scale(domain=[False, True], range=["circle", "diamond"]), legend=None
        ),
        size=alt.condition(alt.datum.is_default, alt.value(190), alt.value(55)),
    )
    return _finished(band, line, dots, height=190)


def _finished(*layers: alt.Chart, height: int) -> alt.LayerChart:
    """The layers of this height (pixels) without a frame, in the page's font."""
    chart = alt.layer(*layers).properties(height=height, padding=PADDING)
    return chart.configure_view(stroke=None).configure_text(font=FONT).configure_axis(labelPadding=6)


def reach(values: pd.Series) -> alt.Scale:
    """The common scale of several small charts."""
    return _flow(values)


def _flow(values: pd.Series, step: float = 0.1) -> alt.Scale:
    """From the step below the lowest value to 1."""
    lowest = float(values.min()) if len(values) else 0.0
    low = max(0.0, int(lowest / step) * step)
    return alt.Scale(domain=[round(low, 3), 1.0], nice=False, clamp=True)


def _by_group(groups: Sequence[str], colours: Palette) -> tuple[alt.Color, alt.Shape]:
    scale: Mapping[str, Any] = {"domain": list(groups)}
    tints = [group_colour(group, colours) for group in groups]
    colour = alt.Color("group:N", scale=alt.Scale(**scale, range=tints), legend=None)
    shape = alt.Shape(
        "group:N", scale=alt.Scale(**scale, range=[SHAPES[group] for group in groups]), legend=None
    )
    return colour, shape


def _condition(labels: Any, chosen: str, rest: str) -> dict[str, Any]:
    """One look for these labels of an axis, another for the rest."""
    listed = ", ".join(f"'{label}'" for label in labels)
    return {"condition": {"test": f"indexof([{listed}], datum.value) >= 0", "value": chosen}, "value": rest}
