"""Pictures of the check of a circuit: beside random circuits, over growing circuits, and without each of its heads."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.report.sentences.circuit import band
from pages.parts.charts.colours import INK, Palette
from pages.parts.charts.shared import PADDING, Words, tooltips

REACH = (-0.5, 1.6)
"""Shares that are drawn; what lies beyond stands at the edge, the table tells it."""


def beside_random(ablations: Sequence[Mapping[str, Any]], colours: Palette, word: Words) -> alt.LayerChart:
    """A row an ablation: the circuit with its interval, the band of the random circuits and their median."""
    rows = [_row(ablation, word) for ablation in ablations if ablation["defined"]]
    table = pd.DataFrame(rows)
    y = alt.Y("kind:N", sort=None, title=None, axis=alt.Axis(labelLimit=240, ticks=False, domain=False))
    fields = {
        "kind:N": "whole.ablation",
        "faithfulness:Q": "whole.alone",
        "low:Q": "whole.band_low",
        "high:Q": "whole.band_high",
    }
    base = alt.Chart(table).encode(y=y, tooltip=tooltips(fields, word))
    axis = alt.Axis(format=".0%", title=word("whole.share"), tickCount=6)
    x = alt.X("low:Q", scale=alt.Scale(domain=_domain(table), nice=False, clamp=True), axis=axis)
    random = base.mark_bar(height=16, color=colours.silent, stroke=colours.faint, strokeWidth=0.6)
    median = base.mark_tick(thickness=2, size=16, color=colours.faint)
    span = base.mark_rule(strokeWidth=3, color=INK)
    point = base.mark_point(size=120, filled=True, opacity=1, color=INK)
    layers = [
        _marks([0.0, 1.0], colours),
        random.encode(x=x, x2="high:Q"),
        median.encode(x=alt.X("median:Q")),
        span.encode(x=alt.X("faithfulness_low:Q"), x2="faithfulness_high:Q"),
        point.encode(x=alt.X("faithfulness:Q")),
    ]
    chart = alt.layer(*layers).properties(height=52 + 40 * len(table), padding=PADDING)
    return chart.configure_view(stroke=None)


def curve(
    ablation: Mapping[str, Any], circuit: int, goal: float, colours: Palette, word: Words
) -> alt.LayerChart:
    """Share of the behaviour over the number of heads at work, those with the largest effects first."""
    points = [{"heads": 0, "faithfulness": 0.0}, *ablation["curve"]]
    table = pd.DataFrame(points)
    x = alt.X(
        "heads:Q",
        axis=alt.Axis(title=word("whole.heads"), tickMinStep=1, grid=False),
        scale=alt.Scale(nice=False),
    )
    y = alt.Y(
        "faithfulness:Q",
        axis=alt.Axis(format=".0%", title=word("whole.share"), tickCount=5),
        scale=alt.Scale(domain=_heights(table["faithfulness"]), clamp=True, nice=False),
    )
    line = alt.Chart(table).mark_line(color=INK, strokeWidth=2, point=alt.OverlayMarkDef(color=INK, size=30))
    line = line.encode(
        x=x, y=y, tooltip=tooltips({"heads:Q": "whole.heads", "faithfulness:Q": "whole.share"}, word)
    )
    layers: list[alt.Chart] = [line]
    if ablation["random_faithfulness"]:
        low, high = band(ablation["random_faithfulness"])
        random = alt.Chart(pd.DataFrame({"heads": [circuit], "low": [low], "high": [high]}))
        bar = random.mark_rule(strokeWidth=9, opacity=0.45, color=colours.faint)
        layers.append(bar.encode(x="heads:Q", y=alt.Y("low:Q"), y2="high:Q"))
    share = {"heads": [circuit], "said": [word("whole.candidates")], "share": [ablation["faithfulness"]]}
    places = alt.Chart(pd.DataFrame(share))
    dots = places.mark_point(size=150, filled=True, opacity=1, color=INK)
    names = places.mark_text(align="left", dx=10, dy=12, fontSize=12, color=colours.text)
    aim = alt.Chart(pd.DataFrame({"share": [goal]})).mark_rule(strokeDash=[4, 4], color=colours.faint)
    layers += [
        aim.encode(y="share:Q"),
        dots.encode(x="heads:Q", y="share:Q"),
        names.encode(x="heads:Q", y="share:Q", text="said:N"),
    ]
    return alt.layer(*layers).properties(height=260, padding=PADDING).configure_view(stroke=None)


def minimality(ablation: Mapping[str, Any], colours: Palette, word: Words) -> alt.LayerChart:
    """What the circuit loses without each of its heads."""
    table = pd.DataFrame(ablation["minimality"]).sort_values("loss", ascending=False)
    base = alt.Chart(table).encode(
        y=alt.Y("head:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=tooltips({"head:N": "chart.head", "loss:Q": "whole.loss"}, word),
    )
    axis = alt.Axis(format=".0%", title=word("whole.loss"), tickCount=5)
    bars = base.mark_bar(height=14, color=INK).encode(x=alt.X("loss:Q", axis=axis))
    chart = alt.layer(_marks([0.0], colours), bars).properties(height=46 + 24 * len(table), padding=PADDING)
    return chart.configure_view(stroke=None)


def numbers(ablations: Sequence[Mapping[str, Any]], word: Words) -> pd.DataFrame:
    """The same as a table: a row an ablation."""
    rows = []
    for ablation in ablations:
        row: dict[str, Any] = {"ablation": word(f"whole.{ablation['kind']}")}
        row |= {name: ablation[name] for name in ("faithfulness", "completeness", "cpr", "cmd")}
        total = len(ablation["random_faithfulness"]) + 1
        row["reached"] = None if ablation["rank"] is None else round(ablation["rank"] * total) - 1
        row["random"] = len(ablation["random_faithfulness"]) or None
        rows.append(row)
    return pd.DataFrame(rows)


def _row(ablation: Mapping[str, Any], word: Words) -> dict[str, Any]:
    names = ("faithfulness", "faithfulness_low", "faithfulness_high")
    row: dict[str, Any] = {
        "kind": word(f"whole.{ablation['kind']}"),
        **{name: ablation[name] for name in names},
    }
    random = ablation["random_faithfulness"]
    if random:
        low, high = band(random)
        row |= {"low": low, "high": high, "median": float(np.median(random))}
    return row


def _domain(table: pd.DataFrame) -> list[float]:
    values = table.select_dtypes("number").to_numpy().ravel()
    values = values[np.isfinite(values)]
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    return [max(REACH[0], low - 0.05), min(max(REACH[1], 1.1), high + 0.05)]


def _heights(values: "pd.Series[float]") -> list[float]:
    return [
        max(REACH[0], min(0.0, float(values.min()))),
        min(REACH[1], max(1.05, float(values.max()) + 0.05)),
    ]


def _marks(values: Sequence[float], colours: Palette) -> alt.Chart:
    lines = alt.Chart(pd.DataFrame({"at": list(values)}))
    return lines.mark_rule(strokeDash=[4, 4], color=colours.faint).encode(x="at:Q")
