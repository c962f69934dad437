"""Effects of the tested heads and edges: bars with intervals, and the tables beside them."""

import altair as alt
import pandas as pd

from pages.parts.charts.colours import VERDICT, VERDICT_SHAPE, Palette
from pages.parts.charts.shared import PADDING, Words, tooltips

MOST_BARS = 20
"""Heads drawn at most, those with the largest effects; the table holds all."""


def tested(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that interventions have measured, the largest effects first."""
    rows = table[table["effect"].notna()]
    return rows.reindex(rows["effect"].abs().sort_values(ascending=False).index)


def bars(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """Effect of each tested head as a point with its interval; the dashed line is no effect."""
    drawn = heads.head(MOST_BARS).copy()
    drawn["state"] = [word(f"verdict.{verdict}") for verdict in drawn["verdict"]]
    kinds = list(dict.fromkeys(zip(drawn["state"], drawn["verdict"], strict=True)))
    names = [name for name, _ in kinds]
    colour = alt.Color(
        "state:N",
        title=None,
        scale=alt.Scale(domain=names, range=[VERDICT[verdict] for _, verdict in kinds]),
        legend=alt.Legend(orient="bottom"),
    )
    shape = alt.Shape(
        "state:N",
        title=None,
        scale=alt.Scale(domain=names, range=[VERDICT_SHAPE[verdict] for _, verdict in kinds]),
    )
    named = zip(drawn["name"], drawn["own_name"], strict=True)
    drawn["title"] = [f"{name} · {own_name}" if own_name else name for name, own_name in named]
    base = alt.Chart(drawn[["name", "title", "effect", "effect_low", "effect_high", "state"]]).encode(
        y=alt.Y("title:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        color=colour,
        tooltip=tooltips(
            {"title:N": "chart.head", "effect:Q": "column.effect", "state:N": "chart.state"}, word
        ),
    )
    percent = alt.Axis(format=".0%", title=word("chart.effect"))
    spans = base.mark_rule(strokeWidth=3).encode(x=alt.X("effect_low:Q", axis=percent), x2="effect_high:Q")
    points = base.mark_point(size=110, filled=True, opacity=1).encode(x="effect:Q", shape=shape)
    none = alt.Chart(pd.DataFrame({"effect": [0.0]}))
    zero = none.mark_rule(strokeDash=[4, 4], color=colours.faint).encode(x="effect:Q")
    chart = alt.layer(zero, spans, points).properties(height=40 + 30 * len(drawn), padding=PADDING)
    return chart.configure_view(stroke=None)
