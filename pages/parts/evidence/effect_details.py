"""Effects of heads in detail: text by text, under other ablations, and beside the cheap screen."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from core.errors import StorageError
from core.runs.result_reader import saved_effects
from core.runs.run_folder import RunFolder
from core.schema import EvidenceDetails
from pages.parts.charts.colours import ANOMALOUS, INK, NORMAL, VERDICT, Palette
from pages.parts.charts.shared import PADDING, Words, tooltips
from pages.parts.data.results import head_name

MOST_HEADS = 12
NAMED = 0.05
"""Attribution from which a head is named that is no candidate."""
ROOM = (0.08, 0.06)
"""Room of a name, as shares of the picture's width and height."""
KINDS = ("resample", "mean", "zero")
KIND_COLOURS = (INK, "#E69F00", "#CC79A7")
KIND_SHAPES = ("circle", "square", "triangle")


def by_example(run: RunFolder, heads: list[str], pairs: Sequence[Sequence[int]]) -> pd.DataFrame:
    """Effects of heads on single texts, in the direction of their verdicts: name, example, effect.

    What is put into a normal text stands under the number of its partner; `pairs` counts texts from 0.
    """
    path = run.path / "effects.csv"
    if not path.exists():
        return pd.DataFrame(columns=["name", "example", "effect"])
    table = _read_effects(str(path), path.stat().st_mtime_ns)
    directions = {name: tested.direction for name, tested in evidence(run).heads.items()}
    table = table[table["name"].isin(heads)]
    wanted = table["name"].map(directions)
    table = table[wanted.isna() | (table["direction"] == wanted)]
    partner = {normal + 1: anomalous + 1 for anomalous, normal in pairs}
    return table.assign(example=table["example"].map(lambda number: partner.get(number, number)))


def evidence(run: RunFolder) -> EvidenceDetails:
    """What is kept of the evidence beside the tables; empty for a run that has none."""
    if not (run.path / "evidence.json").exists():
        return EvidenceDetails()
    try:
        return run.read_model("evidence.json", EvidenceDetails)
    except StorageError:
        return EvidenceDetails()


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_effects(path: str, stamp: int) -> pd.DataFrame:
    table = saved_effects(RunFolder(Path(path).parent))
    table = table[(table["kind"] == "head")]
    main = table["ablation"].iloc[0] if len(table) else ""
    table = table[table["ablation"] == main]
    names = [head_name(*row) for row in zip(table["source_layer"], table["source_head"], strict=True)]
    return table.assign(name=names)[["name", "example", "direction", "effect"]]


def texts_heat(effects: pd.DataFrame, heads: list[str], colours: Palette, word: Words) -> alt.Chart:
    """A row a head, a column a text: which texts the effect comes from."""
    shown = effects[effects["name"].isin(heads[:MOST_HEADS])]
    most = max(1.0, float(shown["effect"].abs().max()))
    colour = alt.Color(
        "effect:Q",
        title=word("column.effect"),
        scale=alt.Scale(
            domain=[-most, 0, most], range=[NORMAL, colours.background, ANOMALOUS], interpolate="rgb"
        ),
        legend=alt.Legend(format=".0%", gradientLength=110),
    )
    return (
        alt.Chart(shown)
        .mark_rect(stroke=colours.silent, strokeWidth=1)
        .encode(
            x=alt.X("example:O", title=word("details.example"), axis=alt.Axis(labelAngle=0, ticks=False)),
            y=alt.Y("name:N", sort=heads[:MOST_HEADS], title=None, axis=alt.Axis(ticks=False, domain=False)),
            color=colour,
            tooltip=tooltips(
                {"name:N": "chart.head", "example:O": "details.example", "effect:Q": "column.effect"}, word
            ),
        )
        .properties(height=46 + 26 * min(MOST_HEADS, shown["name"].nunique()), padding=PADDING)
        .configure_view(stroke=None)
    )


def ablation_rows(details: EvidenceDetails, heads: list[str]) -> pd.DataFrame:
    """Effect and interval of each head under each ablation that was made."""
    rows = [
        {"name": name, "kind": kind, **details.heads[name].ablations[kind].model_dump()}
        for name in heads[:MOST_HEADS]
        if name in details.heads
        for kind in KINDS
        if kind in details.heads[name].ablations
    ]
    return pd.DataFrame(rows, columns=["name", "kind", "effect", "low", "high"])


def ablations(rows: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """Three points a head, one an ablation, each with its interval."""
    said = {kind: word(f"whole.{kind}") for kind in KINDS}
    rows = rows.assign(said=rows["kind"].map(said))
    names = [said[kind] for kind in KINDS if kind in set(rows["kind"])]
    colour = alt.Color(
        "said:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(KIND_COLOURS[: len(names)])),
        legend=alt.Legend(orient="bottom", labelLimit=260),
    )
    shape = alt.Shape(
        "said:N", scale=alt.Scale(domain=names, range=list(KIND_SHAPES[: len(names)])), title=None
    )
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False)),
        yOffset=alt.YOffset("said:N", sort=names),
        color=colour,
        tooltip=tooltips(
            {"name:N": "chart.head", "said:N": "whole.ablation", "effect:Q": "column.effect"}, word
        ),
    )
    axis = alt.Axis(format=".0%", title=word("chart.effect"))
    spans = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", axis=axis), x2="high:Q")
    points = base.mark_point(size=70, filled=True, opacity=1).encode(x="effect:Q", shape=shape)
    zero = alt.Chart(pd.DataFrame({"at": [0.0]}))
    line = zero.mark_rule(strokeDash=[4, 4], color=colours.faint).encode(x="at:Q")
    chart = alt.layer(line, spans, points).properties(
        height=70 + 46 * rows["name"].nunique(), padding=PADDING
    )
    return chart.configure_view(stroke=None)


def screen(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """Every head of the model: score of its codes across, attribution upwards; candidates are filled."""
    table = heads[["name", "score", "attribution", "selected", "verdict"]].copy()
    score = "chart.score"
    if "code_score" in heads and heads["code_score"].notna().all():
        table["score"], score = heads["code_score"], "chart.code_score"
    table["fill"] = [
        VERDICT[v] if s else colours.background
        for v, s in zip(table["verdict"], table["selected"], strict=True)
    ]
    table["ring"] = table["verdict"].map(VERDICT)
    base = alt.Chart(table).encode(
        x=alt.X("score:Q", axis=alt.Axis(title=word(score), grid=False, tickCount=6)),
        y=alt.Y("attribution:Q", axis=alt.Axis(title=word("column.attribution"), format=".0%", grid=False)),
        tooltip=tooltips(
            {"name:N": "chart.head", "score:Q": score, "attribution:Q": "column.attribution"}, word
        ),
    )
    dots = base.mark_point(size=80, filled=True, opacity=1, strokeWidth=1.5).encode(
        fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("ring:N", scale=None)
    )
    named = _apart(table[table["selected"] | (table["attribution"].abs() >= NAMED)], table)
    names = alt.Chart(named).mark_text(dx=8, align="left", fontSize=11, color=colours.text)
    names = names.encode(x="score:Q", y="attribution:Q", text="name:N")
    return alt.layer(dots, names).properties(height=280, padding=PADDING).configure_view(stroke=None)


def _apart(named: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Those of the named points whose names do not run into one another, the largest attribution first."""
    span = [max(float(every[axis].max() - every[axis].min()), 1e-9) for axis in ("score", "attribution")]
    kept: list[tuple[float, float]] = []
    index = []
    order = named["attribution"].abs().sort_values(ascending=False).index
    for row in order:
        place = named.loc[row, "score"] / span[0], named.loc[row, "attribution"] / span[1]
        if all(abs(place[0] - x) > ROOM[0] or abs(place[1] - y) > ROOM[1] for x, y in kept):
            kept.append(place)
            index.append(row)
    return named.loc[index]


def agreement(heads: pd.DataFrame) -> tuple[int, int]:
    """How many of the candidates are among as many heads of the largest attribution, and how many candidates."""
    count = int(heads["selected"].sum())
    order = heads["attribution"].abs().sort_values(ascending=False).index[:count]
    return int(heads.loc[order, "selected"].sum()), count
