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
from core.text import number, percent
from core.text.folding import snippets
from pages.parts.charts.colours import ANOMALOUS, INK, NORMAL, VERDICT, Palette
from pages.parts.charts.shared import Words, dashed, finished, names_axis, share_axis, told, tooltips
from pages.parts.data.results import head_name

MOST_HEADS = 12
MOST_TEXTS = 24
SNIPPET = 44  # Columns of a text in the name of its row
STRONG = 0.55  # Share of the strongest colour from which numbers on it are white
NAMED = 0.05  # Attribution from which a head is named that is no candidate
ROOM = (0.08, 0.06)  # Room of a name, as shares of the picture's width and height
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


def texts_heat(
    effects: pd.DataFrame,
    heads: list[str],
    texts: Sequence[str],
    colours: Palette,
    word: Words,
    order: Sequence[int] = (),
) -> alt.LayerChart:
    """A row a text, named by a piece of it, a column a head, the effect as a number; texts in this order, or by number.

    `texts` are those of the run, by number from 1. Two colours by the effect's sign, none near 0.
    """
    drawn = effects[effects["name"].isin(heads[:MOST_HEADS])]
    known = set(drawn["example"])
    numbers = [number for number in order or sorted(known) if number in known][:MOST_TEXTS]
    drawn = drawn[drawn["example"].isin(numbers)]
    names = dict(zip(numbers, snippets([texts[number - 1] for number in numbers], SNIPPET), strict=True))
    most = max(1.0, float(drawn["effect"].abs().max()))
    drawn = drawn.assign(
        title=[f"{number} · {names[number]}" for number in drawn["example"]],
        shown=drawn["effect"].map(percent),
        ink=["#ffffff" if abs(effect) > STRONG * most else colours.text for effect in drawn["effect"]],
    )
    colour = alt.Color(
        "effect:Q",
        scale=alt.Scale(
            domain=[-most, 0, most], range=[NORMAL, colours.background, ANOMALOUS], interpolate="rgb"
        ),
        legend=None,  # each cell says its number
    )
    fields = {"title:N": "details.example", "name:N": "chart.head", "shown:N": "column.effect"}
    base = alt.Chart(drawn).encode(
        x=alt.X(
            "name:N",
            sort=heads[:MOST_HEADS],
            title=None,
            axis=alt.Axis(labelAngle=0, orient="top", ticks=False),
        ),
        y=alt.Y(
            "title:N",
            sort=[f"{number} · {names[number]}" for number in numbers],
            title=None,
            axis=names_axis(labelLimit=360),
        ),
        tooltip=tooltips(fields, word),
    )
    cells = base.mark_rect(stroke=colours.silent, strokeWidth=1).encode(color=colour)
    words = base.mark_text(fontSize=11).encode(text="shown:N", color=alt.Color("ink:N", scale=None))
    layers = alt.layer(cells, words).resolve_scale(color="independent")
    return finished(layers, 40 + 24 * len(numbers))


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
    titles = {kind: word(f"circuit_check.{kind}") for kind in KINDS if kind in set(rows["kind"])}
    rows, names = rows.assign(title=rows["kind"].map(titles)), list(titles.values())
    colour = alt.Color(
        "title:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(KIND_COLOURS[: len(names)])),
        legend=alt.Legend(orient="bottom", labelLimit=260),
    )
    shapes = alt.Scale(domain=names, range=list(KIND_SHAPES[: len(names)]))
    fields = {"name:N": "chart.head", "title:N": "circuit_check.ablation", "effect_text:N": "column.effect"}
    base = alt.Chart(told(rows, effect=percent)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=names_axis()),
        yOffset=alt.YOffset("title:N", sort=names),
        color=colour,
        tooltip=tooltips(fields, word),
    )
    axis = share_axis(word("chart.effect"), tickCount=8)
    spans = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", axis=axis), x2="high:Q")
    points = base.mark_point(size=70, filled=True, opacity=1)
    points = points.encode(x="effect:Q", shape=alt.Shape("title:N", title=None, scale=shapes))
    return finished(alt.layer(dashed(colours, x=[0.0]), spans, points), 70 + 46 * rows["name"].nunique())


def screen(heads: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """Every head of the model: score of its codes across, attribution upwards; candidates are filled."""
    score, title = heads["score"], "chart.score"
    if "code_score" in heads and heads["code_score"].notna().all():
        score, title = heads["code_score"], "chart.code_score"
    ring = heads["verdict"].map(VERDICT)
    table = heads[["name", "attribution", "selected"]].assign(
        score=score, ring=ring, fill=ring.where(heads["selected"], colours.background)
    )
    fields = {"name:N": "chart.head", "score_text:N": title, "attribution_text:N": "column.attribution"}
    base = alt.Chart(told(table, score=number, attribution=percent)).encode(
        x=alt.X("score:Q", axis=alt.Axis(title=word(title), grid=False, tickCount=6)),
        y=alt.Y("attribution:Q", axis=share_axis(word("column.attribution"), grid=False)),
        tooltip=tooltips(fields, word),
    )
    dots = base.mark_point(size=80, filled=True, opacity=1, strokeWidth=1.5).encode(
        fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("ring:N", scale=None)
    )
    named = _apart(table[table["selected"] | (table["attribution"].abs() >= NAMED)], table)
    names = alt.Chart(named).mark_text(dx=8, align="left", fontSize=11, color=colours.text)
    names = names.encode(x="score:Q", y="attribution:Q", text="name:N")
    return finished(alt.layer(dots, names), 280)


def _apart(named: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Those of the named points whose names do not run into one another, the largest attribution first."""
    across, up = (
        max(float(every[axis].max() - every[axis].min()), 1e-9) for axis in ("score", "attribution")
    )
    places: dict[int, tuple[float, float]] = {}
    for row in named["attribution"].abs().sort_values(ascending=False).index:
        x, y = named.loc[row, "score"] / across, named.loc[row, "attribution"] / up
        if all(abs(x - other) > ROOM[0] or abs(y - height) > ROOM[1] for other, height in places.values()):
            places[row] = (x, y)
    return named.loc[list(places)]


def agreement(heads: pd.DataFrame) -> tuple[int, int]:
    """How many of the candidates are among as many heads of the largest attribution, and how many candidates."""
    count = int(heads["selected"].sum())
    order = heads["attribution"].abs().sort_values(ascending=False).index[:count]
    return int(heads.loc[order, "selected"].sum()), count
