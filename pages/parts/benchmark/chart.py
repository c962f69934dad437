"""The chart of a measured benchmark: our method beside the best others, with what they cost."""

import altair as alt
import pandas as pd

from core.text import auc, number
from pages.parts.charts.colours import Palette
from pages.parts.charts.shared import FONT, Words, finished, names_axis, told, tooltips

SHAPES = {"ours": "circle", "look": "square", "change": "triangle-up"}
ROW_HEIGHT = 38
AXIS = 46
NAME_WIDTH = 230
COLUMNS = {"mean": 46, "lowest": 102, "seconds": 164, "forward_passes": 226}
"""Right edge of each column of numbers, in pixels to the right of the dots."""


def comparison(table: pd.DataFrame, cases: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """A row a method: a dot a case, a tick for the mean, and its numbers at the end.

    `table` has `label`, `mean`, `lowest`, `seconds`, `forward_passes`; `cases` has `label`, `group`, `case`, `auc`.
    """
    titles = {"label": "", **{column: word(f"bench.short_{column}") for column in COLUMNS}}
    texts = table[["label", *COLUMNS]].assign(
        **{column: [_text(column, value) for value in table[column]] for column in COLUMNS}
    )
    columns = pd.concat([pd.DataFrame([titles]), texts], ignore_index=True)
    y = alt.Y(
        "label:N",
        sort=list(columns["label"]),
        scale=alt.Scale(domain=list(columns["label"])),
        title=None,
        axis=names_axis(
            labelExpr="split(datum.label, '\\n')",
            labelLimit=NAME_WIDTH,
            labelFontSize=12,
            labelLineHeight=15,
            labelOffset=-7,
        ),
    )
    low = min(0.5, float(cases["auc"].min()))
    x = alt.X(
        "auc:Q",
        scale=alt.Scale(domain=[low, 1.0], nice=False, clamp=True),
        axis=alt.Axis(title=word("bench.auc"), tickCount=6, values=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
    )
    fields = {"label:N": "bench.method", "case:N": "bench.case", "auc_text:N": "bench.auc"}
    groups = list(dict.fromkeys(cases["group"]))
    tints = {"ours": colours.normal, "change": "#CC79A7"}
    colour = alt.Scale(domain=groups, range=[tints.get(group, colours.faint) for group in groups])
    shape = alt.Scale(domain=groups, range=[SHAPES.get(group, "diamond") for group in groups])
    dots = (
        alt.Chart(told(cases, auc=auc))
        .mark_point(filled=True, size=48, opacity=0.55)
        .encode(
            x=x,
            y=y,
            color=alt.Color("group:N", scale=colour, legend=None),
            shape=alt.Shape("group:N", scale=shape, legend=None),
            tooltip=tooltips(fields, word),
        )
    )
    means = alt.Chart(table[["label", "mean"]]).mark_tick(thickness=3, size=22, color=colours.text)
    base = alt.Chart(columns)
    numbers = [
        base.mark_text(align="right", dx=edge, fontSize=12, color=colours.text, font=FONT).encode(
            x=alt.value("width"), y=y, text=f"{column}:N"
        )
        for column, edge in COLUMNS.items()
    ]
    layers = alt.layer(dots, means.encode(x="mean:Q", y=y), *numbers)
    return finished(layers, ROW_HEIGHT * len(columns) + AXIS)


def _text(column: str, value: float) -> str:
    """A number at the end of a row: three digits for ROC AUCs, two for costs."""
    return auc(value) if column in ("mean", "lowest") else number(value)
