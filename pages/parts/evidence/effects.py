"""Effects of the tested heads as points with their intervals."""

import altair as alt
import pandas as pd

from core.text import percent
from pages.parts.charts.colours import VERDICT, VERDICT_SHAPE, Palette
from pages.parts.charts.shared import Words, dashed, finished, share_axis, told, tooltips

MOST_BARS = 12  # Heads drawn at most, those with the largest effects; the table holds all


def tested(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that interventions have measured, the largest effects first."""
    rows = table[table["effect"].notna()]
    return rows.reindex(rows["effect"].abs().sort_values(ascending=False).index)


def bars(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """Effect of each tested head as a point with its interval; the dashed line is no effect."""
    columns = ["name", "own_name", "effect", "effect_low", "effect_high", "verdict"]
    drawn = heads.head(MOST_BARS)[columns]
    titles = (drawn["name"] + " · " + drawn["own_name"]).where(drawn["own_name"] != "", drawn["name"])
    states = {verdict: word(f"verdict.{verdict}") for verdict in dict.fromkeys(drawn["verdict"])}
    drawn = drawn.assign(title=titles, state=drawn["verdict"].map(states))
    names = list(states.values())
    colour = alt.Color(
        "state:N",
        title=None,
        scale=alt.Scale(domain=names, range=[VERDICT[verdict] for verdict in states]),
        legend=alt.Legend(orient="bottom"),
    )
    shapes = alt.Scale(domain=names, range=[VERDICT_SHAPE[verdict] for verdict in states])
    fields = {"title:N": "chart.head", "effect_text:N": "column.effect", "state:N": "chart.state"}
    base = alt.Chart(told(drawn, effect=percent)).encode(
        y=alt.Y("title:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        color=colour,
        tooltip=tooltips(fields, word),
    )
    axis = share_axis(word("chart.effect"), tickCount=8)
    spans = base.mark_rule(strokeWidth=3).encode(x=alt.X("effect_low:Q", axis=axis), x2="effect_high:Q")
    points = base.mark_point(size=110, filled=True, opacity=1)
    points = points.encode(x="effect:Q", shape=alt.Shape("state:N", title=None, scale=shapes))
    return finished(alt.layer(dashed(colours, x=[0.0]), spans, points), 40 + 30 * len(drawn))
