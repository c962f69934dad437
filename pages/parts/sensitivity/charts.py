"""Pictures of a sweep over settings: the map of dictionary size × sparsity, and each setting for itself."""

import altair as alt
import pandas as pd

from core.sensitivity.sentences import shown
from core.sensitivity.summary import AGREEMENT, AUC_CHANGE, Quality
from core.text import number
from pages.parts.charts.colours import Palette
from pages.parts.charts.shared import FONT, Words, dashed, finished, told, tooltips

SCALE: dict[Quality, tuple[float, float]] = {"agreement": (0.0, 1.0), "auc": (0.5, 1.0)}
"""What is drawn from the palest to the strongest colour; the same for every run, so that nothing is exaggerated."""
OWN = "◆"  # Marks the settings of the run itself
LUMINANCE = (0.2126, 0.7152, 0.0722)  # What red, green and blue add to how bright a colour is (WCAG)


def heat(grid: pd.DataFrame, quality: Quality, colours: Palette, word: Words) -> alt.LayerChart:
    """A cell a combination with its number; that of the run itself is outlined and marked."""
    ordered = grid.sort_values(["sparsity", "latents"])
    fills = [_mixed(colours.low, colours.high, _share(value, quality)) for value in ordered[quality]]
    numbers = [shown(value, quality) for value in ordered[quality]]
    table = pd.DataFrame(
        {
            "latents": ordered["latents"].map(number),
            "sparsity": ordered["sparsity"].map(number),
            "value": ordered[quality],
            "value_text": numbers,
            "selected_text": ordered["selected"].map(number),
            "fill": fills,
            "ink": [_readable_on(fill) for fill in fills],
            "own": ordered["is_default"],
            "label": [
                f"{OWN} {text}" if own else text
                for text, own in zip(numbers, ordered["is_default"], strict=True)
            ],
        }
    )
    fields = {
        "latents:N": "sweep.latents",
        "sparsity:N": "sweep.sparsity",
        "value_text:N": f"sweep.{quality}",
        "selected_text:N": "sweep.selected",
    }
    upwards = list(dict.fromkeys(table["sparsity"]))[::-1]
    base = alt.Chart(table).encode(
        x=alt.X("latents:O", sort=None, axis=_axis(word("sweep.latents"))),
        y=alt.Y("sparsity:O", sort=upwards, axis=_axis(word("sweep.sparsity"))),
        tooltip=tooltips(fields, word),
    )
    cells = base.mark_rect(cornerRadius=2, stroke=colours.background, strokeWidth=2)
    rim = base.transform_filter("datum.own").mark_rect(fillOpacity=0, stroke=colours.text, strokeWidth=2.5)
    labels = base.mark_text(fontSize=13, font=FONT)
    layers = [
        cells.encode(color=alt.Color("fill:N", scale=None)),
        rim,
        labels.encode(text="label:N", color=alt.Color("ink:N", scale=None)),
    ]
    return finished(alt.layer(*layers), 44 * len(upwards) + 50)


def line(table: pd.DataFrame, name: str, quality: Quality, colours: Palette, word: Words) -> alt.LayerChart:
    """One setting (`means` of it): the mean at each value, the band over seeds or draws of texts, the rule's bound."""
    drawn = table.sort_values("value").assign(label=table["value"].map(number))
    fields = {
        "label:N": f"sweep.{name}",
        **{f"{key}_text:N": f"sweep.{key}" for key in ("mean", "low", "high", "rows")},
    }
    texts = dict.fromkeys(("mean", "low", "high"), lambda value: shown(value, quality))
    drawn = told(drawn, **texts, rows=number)
    low, high = SCALE[quality]
    scale = alt.Scale(domain=[min(low, float(drawn["low"].min())), high], nice=False)
    x = alt.X("label:O", sort=list(drawn["label"]), axis=alt.Axis(title=None, labelAngle=0, grid=False))
    y = alt.Y("low:Q", scale=scale, axis=alt.Axis(title=word(f"sweep.{quality}"), tickCount=5))
    mean = alt.Y("mean:Q", scale=scale)
    base = alt.Chart(drawn).encode(x=x, tooltip=tooltips(fields, word))
    dots = base.transform_filter("!datum.is_default").mark_point(filled=True, opacity=1, size=55)
    own = base.transform_filter("datum.is_default").mark_point(
        filled=True, opacity=1, size=170, shape="diamond"
    )
    layers = [
        dashed(colours, y=_bounds(drawn, quality)),
        base.mark_area(opacity=0.18, color=colours.normal).encode(y=y, y2="high:Q"),
        base.mark_line(strokeWidth=2, color=colours.normal).encode(y=mean),
        dots.encode(y=mean, color=alt.value(colours.normal)),
        own.encode(y=mean, color=alt.value(colours.text)),
    ]
    return finished(alt.layer(*layers), 190)


def _bounds(table: pd.DataFrame, quality: Quality) -> list[float]:
    """Where a value stops passing the rule."""
    if quality == "agreement":
        return [AGREEMENT]
    own = table.loc[table["is_default"], "mean"]
    return [] if own.empty else [float(own.iloc[0]) - AUC_CHANGE, min(1.0, float(own.iloc[0]) + AUC_CHANGE)]


def _axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, labelAngle=0, ticks=False, domain=False, grid=False)


def _share(value: float, quality: Quality) -> float:
    low, high = SCALE[quality]
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _mixed(first: str, second: str, share: float) -> str:
    """The colour at a share of the way between two (#rrggbb)."""
    ends = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in ends)


def _readable_on(ground: str) -> str:
    """Black or white, whichever has the larger contrast: at least 4.5 on every ground."""
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(ground))
    ]
    luminance = sum(weight * value for weight, value in zip(LUMINANCE, linear, strict=True))
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
