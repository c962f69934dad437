"""The smaller charts: heat map of the scores, loss of the training; and what all charts share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.text import NO_BREAK, number
from pages.parts.charts.colours import Palette

Words = Callable[[str], str]
"""Gives the text of a key in the reader's language."""
FONT = "'Source Sans', 'Hiragino Sans', 'Yu Gothic UI', 'Noto Sans JP', 'Noto Sans CJK JP', sans-serif"
"""Of names and numbers inside a chart; Streamlit sets that of axes and legends alone."""
TICK = f"replace(format(datum.value, '.6~p'), '%', '{NO_BREAK}%')"
"""Words of a tick of shares in Vega's language."""
PADDING = {"left": 4, "right": 4, "top": 4, "bottom": 4}  # Pixels around a chart


def heat(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.Chart:
    """The score of every head of the model; the circuit's are outlined, a click picks one (`pick`)."""
    n_layers, n_heads = int(heads["layer"].max()) + 1, int(heads["head"].max()) + 1
    colour = alt.Color(
        "score:Q",
        title=word("chart.score"),
        scale=alt.Scale(range=[colours.low, colours.high]),
        legend=alt.Legend(orient="right", gradientLength=140),
    )
    table = heads[["layer", "head", "name", "score", "own_name", "group"]].assign(
        pick=heads["name"],
        state=[word(f"verdict.{verdict}") for verdict in heads["verdict"]],
        rim=[colours.text if selected else colours.background for selected in heads["selected"]],
    )
    table = table.iloc[heads["selected"].argsort(kind="stable")]  # outlines are drawn over the other cells
    fields = {"name:N": "chart.head", "score_text:N": "chart.score", "state:N": "chart.state"}
    fields |= {f"{name}:N": f"chart.{name}" for name in ("own_name", "group") if (table[name] != "").any()}
    chart = (
        alt.Chart(told(table, score=number))
        .mark_rect(strokeWidth=1.5, cornerRadius=2, cursor="pointer")
        .encode(
            stroke=alt.Stroke("rim:N", scale=None),
            x=alt.X("head:O", axis=count_axis(n_heads, word("chart.head"), labelAngle=0)),
            y=alt.Y("layer:O", axis=count_axis(n_layers, word("chart.layer")), sort="descending"),
            color=colour,
            tooltip=tooltips(fields, word),
        )
        .add_params(alt.selection_point(name="pick", fields=["pick"], on="click"))
    )
    return finished(chart, min(700, max(160, 26 * n_layers + 60)))


def loss_curve(losses: list[float], colours: Palette, word: Words) -> alt.Chart:
    """Loss of the training over its records."""
    table = pd.DataFrame({"record": range(1, len(losses) + 1), "loss": losses})
    steps = alt.Axis(grid=False, tickMinStep=1, tickCount=5, title=word("chart.record"))
    height = alt.Axis(tickCount=4, title=word("chart.loss"))
    return (
        alt.Chart(told(table, loss=number))
        .mark_line(color=colours.normal, strokeWidth=2, interpolate="monotone")
        .encode(
            x=alt.X("record:Q", axis=steps),
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False), axis=height),
            tooltip=tooltips({"loss_text:N": "chart.loss"}, word),
        )
        .properties(height=170, padding=PADDING)
    )


def finished(chart: Any, height: int) -> Any:
    """The chart in this height (pixels), with room around it and without a frame."""
    return chart.properties(height=height, padding=PADDING).configure_view(stroke=None)


def dashed(colours: Palette, **at: Sequence[float]) -> alt.Chart:
    """Dashed lines at these values of `x` or `y`."""
    ((axis, values),) = at.items()
    lines = alt.Chart(pd.DataFrame({"at": [float(value) for value in values]}, dtype=float))
    return lines.mark_rule(strokeDash=[4, 4], color=colours.faint).encode(**{axis: "at:Q"})


def names_axis(**more: Any) -> alt.Axis:
    """An axis of names: the names alone."""
    return alt.Axis(ticks=False, domain=False, **more)


def tooltips(fields: Mapping[str, str], word: Words) -> list[alt.Tooltip]:
    """What is shown on pointing: fields with the keys of their titles. Measures come as texts of `told`.

    Raises ValueError for a measure (`:Q`): the browser would round it by a rule of its own.
    """
    if measures := [field for field in fields if field.endswith(":Q")]:
        raise ValueError(f"written by the browser: {', '.join(measures)}")
    return [alt.Tooltip(field, title=word(key)) for field, key in fields.items()]


def told(table: pd.DataFrame, **writers: Callable[[float], str]) -> pd.DataFrame:
    """The table with a column of texts (`effect_text` for `effect`) for each column named, by what writes it."""
    texts = {f"{name}_text": [write(value) for value in table[name]] for name, write in writers.items()}
    return table.assign(**texts)


def share_axis(title: str, **more: Any) -> alt.Axis:
    """An axis of shares, written as `core.text.percent` writes them; ticks keep the digits that tell them apart."""
    return alt.Axis(labelExpr=TICK, title=title, **more)


def count_axis(count: int, title: str, **more: Any) -> alt.Axis:
    """An axis over 0 … count - 1 with as many labels as are readable."""
    step = 1 if count <= 16 else 2 if count <= 32 else 4
    values = list(range(0, count, step))
    return alt.Axis(values=values, title=title, grid=False, domain=False, ticks=False, format="d", **more)
