"""The early picture of a run at work: how much of the difference passes through attention and MLP of each layer."""

import re
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.runs.progress import Record
from core.text import percent
from pages.parts.charts import colours
from pages.parts.charts.colours import Palette
from pages.parts.charts.shared import FONT, Words, finished, tooltips
from pages.parts.session.state import t
from pages.parts.shell import widgets

PARTS = ("attention", "mlp")
MOST_NUMBERED = 16
"""Layers up to which each cell holds its number; wider strips tell it on hover."""
_NAME = re.compile(r"(attention|mlp)\.(\d+)")


def shares(records: Sequence[Record]) -> pd.DataFrame:
    """Columns `layer`, `part` (attention, mlp) and `share` of the gap, from the last record that tells a part.

    Empty until the stage `blocks` has told some.
    """
    told: dict[tuple[int, str], float] = {}
    for record in records:
        if record.stage != "blocks":
            continue
        for name, share in record.metrics.items():
            if named := _NAME.fullmatch(name):
                told[int(named[2]), named[1]] = float(share)
    rows = [(layer, part, share) for (layer, part), share in sorted(told.items())]
    return pd.DataFrame(rows, columns=["layer", "part", "share"])


def show(records: Sequence[Record]) -> None:
    """The strip with its words; nothing before its numbers are there."""
    table = shares(records)
    if table.empty:
        return
    best = table.loc[table["share"].idxmax()]
    st.caption(t("analysis.early"))
    words = {
        "part": t(f"analysis.early_{best['part']}"),
        "layer": best["layer"],
        "share": percent(best["share"]),
    }
    widgets.chart(strip(table, colours.palette(), t), "early_picture", t("alt.early", **words))


def strip(table: pd.DataFrame, palette: Palette, word: Words) -> Any:
    """One row for attention and one for MLP blocks, a cell a layer; a share beyond all counts as all in the colour."""
    names = {part: word(f"analysis.early_{part}") for part in PARTS}
    shown = table.assign(
        name=[names[part] for part in table["part"]],
        shown=[percent(share) for share in table["share"]],
        strength=table["share"].clip(0, 1),
    )
    base = alt.Chart(shown).encode(
        x=alt.X("layer:O", title=word("chart.layer"), axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("name:N", title=None, sort=list(names.values())),
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(
            "strength:Q", scale=alt.Scale(domain=[0, 1], range=[palette.low, palette.high]), legend=None
        ),
        tooltip=tooltips(
            {"name:N": "chart.part", "layer:O": "chart.layer", "shown:N": "chart.share_passed"}, word
        ),
    )
    if table["layer"].nunique() > MOST_NUMBERED:
        return finished(cells, 110)
    ink = alt.condition("datum.strength > 0.5", alt.value(palette.background), alt.value(palette.text))
    numbers = base.mark_text(fontSize=11, font=FONT).encode(text="shown:N", color=ink)
    return finished(cells + numbers, 110)
