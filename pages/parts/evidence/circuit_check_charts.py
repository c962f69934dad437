"""Pictures of the check of a circuit: beside random circuits, over growing circuits, and without each of its heads."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.report.sentences.circuit import band, rank
from core.schema import AblationCheck
from core.text import percent
from pages.parts.charts.colours import INK, Palette
from pages.parts.charts.shared import Words, dashed, finished, names_axis, share_axis, told, tooltips

SHOWN = (-0.5, 1.6)  # Shares that are drawn; what lies beyond stands at the edge, the table tells it


def beside_random(ablations: Sequence[AblationCheck], colours: Palette, word: Words) -> alt.LayerChart:
    """A row an ablation: the circuit with its interval, the band of the random circuits and their median."""
    rows = [_row(ablation, word) for ablation in ablations if ablation.defined]
    table = pd.DataFrame(rows)
    texts = {name: percent for name in ("faithfulness", "low", "high") if name in table}
    y = alt.Y("kind:N", sort=None, title=None, axis=names_axis(labelLimit=240))
    fields = {
        "kind:N": "circuit_check.ablation",
        "faithfulness_text:N": "circuit_check.alone",
        "low_text:N": "circuit_check.band_low",
        "high_text:N": "circuit_check.band_high",
    }
    base = alt.Chart(told(table, **texts)).encode(y=y, tooltip=tooltips(fields, word))
    axis = share_axis(word("circuit_check.share"), tickCount=6)
    x = alt.X("low:Q", scale=alt.Scale(domain=_domain(table), nice=False, clamp=True), axis=axis)
    random = base.mark_bar(height=16, color=colours.silent, stroke=colours.faint, strokeWidth=0.6)
    median = base.mark_tick(thickness=2, size=16, color=colours.faint)
    span = base.mark_rule(strokeWidth=3, color=INK)
    point = base.mark_point(size=120, filled=True, opacity=1, color=INK)
    layers = [
        dashed(colours, x=[0.0, 1.0]),
        random.encode(x=x, x2="high:Q"),
        median.encode(x=alt.X("median:Q")),
        span.encode(x=alt.X("faithfulness_low:Q"), x2="faithfulness_high:Q"),
        point.encode(x=alt.X("faithfulness:Q")),
    ]
    return finished(alt.layer(*layers), 52 + 40 * len(table))


def curve(
    ablation: AblationCheck, circuit: int, goal: float, colours: Palette, word: Words
) -> alt.LayerChart:
    """Share of the behaviour over the number of heads at work, those with the largest effects first."""
    points = [{"heads": 0, "faithfulness": 0.0}, *(point.model_dump() for point in ablation.curve)]
    table = pd.DataFrame(points)
    x = alt.X(
        "heads:Q",
        axis=alt.Axis(title=word("circuit_check.heads"), tickMinStep=1, grid=False),
        scale=alt.Scale(nice=False),
    )
    y = alt.Y(
        "faithfulness:Q",
        axis=share_axis(word("circuit_check.share"), tickCount=5),
        scale=alt.Scale(domain=_heights(table["faithfulness"]), clamp=True, nice=False),
    )
    line = alt.Chart(told(table, faithfulness=percent)).mark_line(
        color=INK, strokeWidth=2, point=alt.OverlayMarkDef(color=INK, size=30)
    )
    line = line.encode(
        x=x,
        y=y,
        tooltip=tooltips(
            {"heads:O": "circuit_check.heads", "faithfulness_text:N": "circuit_check.share"}, word
        ),
    )
    layers: list[alt.Chart] = [line]
    if ablation.random_faithfulness:
        low, high = band(ablation.random_faithfulness)
        random = alt.Chart(pd.DataFrame({"heads": [circuit], "low": [low], "high": [high]}))
        bar = random.mark_rule(strokeWidth=9, opacity=0.45, color=colours.faint)
        layers.append(bar.encode(x="heads:Q", y=alt.Y("low:Q"), y2="high:Q"))
    share = {
        "heads": [circuit],
        "label": [word("circuit_check.candidates")],
        "share": [ablation.faithfulness],
    }
    places = alt.Chart(pd.DataFrame(share))
    dots = places.mark_point(size=150, filled=True, opacity=1, color=INK)
    names = places.mark_text(align="left", dx=10, dy=12, fontSize=12, color=colours.text)
    layers += [
        dashed(colours, y=[goal]),
        dots.encode(x="heads:Q", y="share:Q"),
        names.encode(x="heads:Q", y="share:Q", text="label:N"),
    ]
    return finished(alt.layer(*layers), 260)


def minimality(ablation: AblationCheck, colours: Palette, word: Words) -> alt.LayerChart:
    """What the circuit loses without each of its heads."""
    table = pd.DataFrame([row.model_dump() for row in ablation.minimality]).sort_values(
        "loss", ascending=False
    )
    base = alt.Chart(told(table, loss=percent)).encode(
        y=alt.Y("head:N", sort=None, title=None, axis=names_axis()),
        tooltip=tooltips({"head:N": "chart.head", "loss_text:N": "circuit_check.loss"}, word),
    )
    axis = share_axis(word("circuit_check.loss"), tickCount=5)
    bars = base.mark_bar(height=14, color=INK).encode(x=alt.X("loss:Q", axis=axis))
    return finished(alt.layer(dashed(colours, x=[0.0]), bars), 46 + 24 * len(table))


def numbers(ablations: Sequence[AblationCheck], word: Words) -> pd.DataFrame:
    """The same as a table: a row an ablation."""
    shares = ("faithfulness", "completeness", "cpr", "cmd")
    rows = [
        {
            "ablation": word(f"circuit_check.{ablation.kind}"),
            **{name: getattr(ablation, name) for name in shares},
            "reached": None if ablation.rank is None else rank(ablation),
            "random": len(ablation.random_faithfulness) or None,
        }
        for ablation in ablations
    ]
    return pd.DataFrame(rows)


def _row(ablation: AblationCheck, word: Words) -> dict[str, object]:
    names = ("faithfulness", "faithfulness_low", "faithfulness_high")
    row = {
        "kind": word(f"circuit_check.{ablation.kind}"),
        **{name: getattr(ablation, name) for name in names},
    }
    if random := ablation.random_faithfulness:
        low, high = band(random)
        row |= {"low": low, "high": high, "median": float(np.median(random))}
    return row


def _domain(table: pd.DataFrame) -> list[float]:
    values = table.select_dtypes("number").to_numpy().ravel()
    values = values[np.isfinite(values)]
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    return [max(SHOWN[0], low - 0.05), min(max(SHOWN[1], 1.1), high + 0.05)]


def _heights(values: "pd.Series[float]") -> list[float]:
    low, high = min(0.0, float(values.min())), max(1.05, float(values.max()) + 0.05)
    return [max(SHOWN[0], low), min(SHOWN[1], high)]
