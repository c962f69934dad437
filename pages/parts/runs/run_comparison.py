"""Two runs of models of one shape side by side: which heads and edges came, went, moved."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from core.schema import ModelRecord
from core.text import number
from core.text.csv_safe import csv_bytes
from pages.parts.charts.colours import INK, Palette
from pages.parts.charts.shared import PADDING, Words, share_axis, told, tooltips
from pages.parts.data.results import Result

COLOURS = {"came": "#009E73", "went": "#D55E00", "up": INK, "down": INK, "stayed": INK}
MOST_ROWS = 30  # Heads or edges drawn at most, the strongest of either run; the table holds all
CSV_COLUMNS = (
    "unit",
    "name",
    "own_name",
    "change",
    *(f"{column}_{run}" for column in ("rank", "score", "effect", "verdict") for run in ("first", "second")),
)


def same_shape(first: ModelRecord, second: ModelRecord) -> bool:
    """Whether heads of the two manifests' models can be held against each other one by one."""
    return first.heads_of_layers() == second.heads_of_layers()


def same_model(first: ModelRecord, second: ModelRecord) -> bool:
    """Whether the two manifests' models have the same weights, so that a head's name means the same head."""
    return (first.name, first.weights_hash) == (second.name, second.weights_hash)


def compare(first: Result, second: Result) -> pd.DataFrame:
    """One row a head of either circuit: `change`, then score, rank, effect and verdict of both runs.

    Ranks count from 1 over all heads of the model; `share_…` is the score by the run's highest. Those of both
    circuits are `up`, `down` or `stayed` by their rank among the heads of both.
    """
    return _compared(first.heads, second.heads, _titles(first, second))


def compare_edges(first: Result, second: Result) -> pd.DataFrame:
    """The same for the edges of either circuit, named `L0H3 → L1H2`; ranks count over all scored edges."""
    before, after = _with_name(first.edges), _with_name(second.edges)
    heads = _titles(first, second)
    ends = pd.concat(table[["name", "source", "target"]] for table in (before, after)).drop_duplicates("name")
    pairs = zip(ends["name"], ends["source"], ends["target"], strict=True)
    titles = {name: f"{heads[source]} → {heads[target]}" for name, source, target in pairs}
    return _compared(before, after, titles)


def as_csv(heads: pd.DataFrame, edges: pd.DataFrame) -> bytes:
    """Both tables in one, with every digit; `unit` tells a head from an edge, an empty cell what was not scored."""
    parts = [table.assign(unit=unit) for unit, table in (("head", heads), ("edge", edges))]
    table = pd.concat([part for part in parts if len(part)])
    named = table["title"].where(table["title"] != table["name"], "")
    return csv_bytes(table.assign(own_name=named)[list(CSV_COLUMNS)])


def counts(table: pd.DataFrame) -> dict[str, int]:
    """How many rows came, went, and are in both circuits."""
    came, went = (int((table["change"] == change).sum()) for change in ("came", "went"))
    return {"came": came, "went": went, "both": len(table) - came - went}


def chart(table: pd.DataFrame, colours: Palette, word: Words) -> alt.LayerChart:
    """A row a head: an open circle where it was, a filled one where it is, a line between."""
    shown = table.head(MOST_ROWS).copy()
    shown["words"] = [word(f"compare.{change}") for change in shown["change"]]
    shown["colour"] = shown["change"].map(COLOURS)
    shown = told(shown, score_first=number, score_second=number)
    y = alt.Y(
        "title:N",
        sort=list(shown["title"]),
        title=None,
        axis=alt.Axis(labelLimit=220, labelPadding=8, ticks=False),
    )
    scale = alt.Scale(domain=[-0.02, 1.02], nice=False)
    x = alt.X("share_first:Q", scale=scale, axis=share_axis(word("compare.share"), tickCount=5))
    fields = {"title:N": "chart.head", "words:N": "compare.change"}
    fields |= {"score_first_text:N": "compare.score_first", "score_second_text:N": "compare.score_second"}
    base = alt.Chart(shown).encode(y=y, tooltip=tooltips(fields, word), description="words:N")
    colour = alt.Color("colour:N", scale=None)
    line = base.mark_rule(strokeWidth=2).encode(x=x, x2="share_second:Q", color=colour)
    before = base.mark_point(size=110, strokeWidth=2, filled=True, fill=colours.background)
    after = base.mark_point(size=110, filled=True, opacity=1)
    layers = [
        line,
        before.encode(x=x, stroke=alt.Stroke("colour:N", scale=None)),
        after.encode(x=alt.X("share_second:Q", scale=scale), color=colour),
    ]
    height = 60 + 24 * len(shown)
    return alt.layer(*layers).properties(height=height, padding=PADDING).configure_view(stroke=None)


def _compared(first: pd.DataFrame, second: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    table = _side(first, "first").merge(_side(second, "second"), on="name", how="outer")
    for run in ("first", "second"):
        table[f"selected_{run}"] = table[f"selected_{run}"].fillna(False).astype(bool)
        table[f"verdict_{run}"] = table[f"verdict_{run}"].fillna("unchecked")
        table[f"share_{run}"] = table[f"share_{run}"].fillna(0.0)
    table = table[table["selected_first"] | table["selected_second"]].copy()
    common = table["selected_first"] & table["selected_second"]
    places = [table.loc[common, f"rank_{run}"].rank() for run in ("first", "second")]
    move = (places[0] - places[1]).reindex(table.index).fillna(0)
    table["change"] = "stayed"
    table.loc[move > 0, "change"] = "up"
    table.loc[move < 0, "change"] = "down"
    table.loc[~table["selected_first"], "change"] = "came"
    table.loc[~table["selected_second"], "change"] = "went"
    table["title"] = table["name"].map(titles)
    best = table[["share_first", "share_second"]].max(axis=1)
    return table.loc[best.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _side(table: pd.DataFrame, run: str) -> pd.DataFrame:
    rows = table[["name", "score", "selected", "effect", "verdict"]].reset_index(drop=True)
    highest = float(rows["score"].max()) if len(rows) else 0.0
    rows = rows.assign(rank=rows.index + 1, share=rows["score"] / highest if highest > 0 else 0.0)
    return rows.rename(columns={name: f"{name}_{run}" for name in rows.columns if name != "name"})


def _with_name(edges: pd.DataFrame) -> pd.DataFrame:
    return edges.assign(name=[f"{row.source} → {row.target}" for row in edges.itertuples(index=False)])


def _titles(first: Result, second: Result) -> dict[str, str]:
    """Heads with the own names of either run, those of the second first."""
    return first.titles() | {
        name: title for name, title in second.titles().items() if name in second.own_names
    }
