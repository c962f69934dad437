"""The sections of the benchmark page: a heading, what to see, the chart, and its table in a fold."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.benchmark.reading import Measured, measured_rows, standings
from core.text import percent
from pages.parts.benchmark import charts, tables, words
from pages.parts.charts import colours
from pages.parts.i18n import catalogue as texts
from pages.parts.session.state import t
from pages.parts.shell import frame

SCORES = ("mean", "low", "high", "lowest")
SHARES = (*tables.CALIBRATION, *tables.CONFIRMED)
WHOLE = ("cases", "draws", "heads", "examples", "members")
PER_LINE = 3
"""Small charts side by side."""


def ranking(found: Measured, unit: str, measure: str, examples: int) -> None:
    """Chart 1: every method, a dot a case, and the mean."""
    title("ranking", unit)
    table = _named(standings(found.summary, unit, examples, measure))
    if table.empty:
        st.caption(t("bench.not_measured"))
        return
    rows = _named(measured_rows(found.summary, unit, examples, measure))
    chart = charts.ranking(rows, table, measure, colours.palette(), t)
    said = t("alt.bench_ranking", count=len(table), best=table["label"][table["mean"].idxmax()])
    draw(chart, "ranking", said)
    most = table["cases"].max()
    fewer = [f"{one.label} ({one.cases})" for one in table.itertuples() if one.cases < most]
    if fewer:
        st.caption(t("bench.fewer_cases", most=most, listed=", ".join(fewer)))
    columns = [
        "label",
        "group",
        "mean",
        "lowest",
        "lowest_case",
        "cases",
        "draws",
        "seconds",
        "forward_passes",
    ]
    grouped = table.assign(group=[t(f"bench.group_{group}") for group in table["group"]])
    numbers(grouped[columns], "ranking")


def over_examples(found: Measured, unit: str, measure: str) -> None:
    """Chart 2: the measure over the number of texts, for chosen methods."""
    title("examples", unit)
    table = tables.over_examples(found.summary, unit, measure)
    options = tables.several(table)
    if not options:
        st.caption(t("bench.one_number"))
        return
    names = {name: words.method(name) for name in options}
    chosen = st.multiselect(
        t("bench.methods_shown"),
        options,
        default=[name for name in tables.FAVOURITES if name in options] or options[:4],
        format_func=names.__getitem__,
        key="bench_methods_" + "_".join((unit, measure)),
        max_selections=len(charts.LINES),
        persist_state="session",
    )
    shown = _named(table[table["method"].isin(chosen)])
    if shown.empty:
        st.caption(t("bench.choose_methods"))
        return
    chart = charts.over_examples(shown, [names[name] for name in chosen], measure, colours.palette(), t)
    draw(chart, "over_examples", t("alt.bench_examples", count=len(chosen)))
    numbers(shown[["label", "examples", "mean", "low", "high", "cases"]], "over_examples")


def cost(found: Measured, unit: str, measure: str, examples: int) -> None:
    """Chart 3: seconds against quality."""
    title("cost", unit)
    table = _named(tables.with_cost(standings(found.summary, unit, examples, measure)))
    if table.empty:
        st.caption(t("bench.not_measured"))
        return
    draw(charts.cost(table, measure, colours.palette(), t), "cost", t("alt.bench_cost", count=len(table)))
    numbers(table[["label", "mean", "seconds", "forward_passes"]].sort_values("seconds"), "cost")


def calibration(found: Measured, unit: str) -> None:
    """Chart 4: what is found where nothing is to be found, and what the verdicts are worth."""
    title("calibration", unit)
    false = tables.calibration(found.summary, unit, tables.CALIBRATION)
    confirmed = tables.calibration(found.summary, unit, tables.CONFIRMED)
    if false.empty and confirmed.empty:
        st.caption(t("bench.not_measured"))
        return
    left, right = st.columns(2, gap="large")
    order = sorted({*false["case"], *confirmed["case"]})
    for place, kind, table, mark in (
        (left, "false", false, tables.STATED_Q),
        (right, "confirmed", confirmed, None),
    ):
        with place:
            st.markdown(f"**{t(f'bench.{kind}_title')}**", help=t(f"bench.{kind}_help"))
            if table.empty:
                st.caption(t("bench.not_measured"))
                continue
            _series(table, order, kind, mark)
    wide = pd.concat([false, confirmed]).pivot_table(index="case", columns="series", values="value")
    kept = [name for name in SHARES if name in wide]
    numbers(wide[kept].reset_index(), "calibration")


def _series(table: pd.DataFrame, order: list[str], kind: str, mark: float | None) -> None:
    drawn = table.assign(
        series=[t(f"bench.series_{name}") for name in table["series"]],
        tested=[f"{count:.0f}" if count else "–" for count in table["shuffles"]],
    )
    chart = charts.series(drawn, order, mark, t(f"bench.{kind}_axis"), colours.palette(), t)
    draw(chart, kind, t(f"alt.bench_{kind}", count=table["case"].nunique()))
    means = [f"{t(f'bench.series_{name}')} {percent(value)}" for name, value in tables.overall(table).items()]
    said = t(f"bench.{kind}_said", q=percent(tables.STATED_Q), listed=t("bench.then").join(means))
    st.caption(frame.plain(said))


def cells(found: Measured, unit: str, measure: str, examples: int) -> None:
    """Chart 5: every task on a model by every method."""
    title("cells", unit)
    table = _named(tables.cells(found.summary, unit, examples, measure))
    if table.empty:
        st.caption(t("bench.not_measured"))
        return
    order = list(_named(standings(found.summary, unit, examples, measure))["label"])
    cases = tables.hardest_first(table)
    chart = charts.cells(table, cases, order, measure, colours.palette(), t)
    draw(chart, "cells", t("alt.bench_cells", cases=len(cases), methods=len(order)))
    wide = table.pivot_table(index="case", columns="label", values="value").loc[cases, order].reset_index()
    numbers(wide, "cells", scores=tuple(order))


def settings(found: Measured, unit: str, examples: int) -> None:
    """Chart 6: spread over the seeds, and what the settings do."""
    title("settings", unit)
    seeds = _named(tables.over_seeds(found.summary, unit, examples))
    measure = tables.sweep_measure(found.sweep)
    if seeds.empty and not measure:
        st.caption(t("bench.not_measured"))
        return
    if not seeds.empty:
        st.markdown(f"**{t('bench.seeds_title')}**", help=t("bench.seeds_help"))
        chart = charts.strip(seeds, t("bench.spread"), colours.palette(), t)
        draw(chart, "seeds", t("alt.bench_seeds", count=seeds["method"].nunique()))
    if measure:
        st.markdown(f"**{t('bench.sweep_title')}**", help=t(f"bench.sweep_help_{measure}"))
        _sweep(found.sweep, measure)


def _sweep(sweep: pd.DataFrame, measure: str) -> None:
    made = {name: tables.swept(sweep, name, measure) for name in tables.SETTINGS}
    made = {name: table for name, table in made.items() if len(table)}
    lows = pd.concat([table["low"] for table in made.values()])
    for place, (name, table) in enumerate(made.items()):
        if place % PER_LINE == 0:
            line = st.columns(PER_LINE, gap="medium")
        with line[place % PER_LINE]:
            names = (t(f"bench.setting_{name}"), t(f"bench.measure_{measure}"))
            chart = charts.setting(table, *names, charts.reach(lows), colours.palette(), t)
            draw(chart, f"sweep_{name}", t("alt.bench_setting", setting=names[0]))
    listed = pd.concat(
        [table.assign(setting=t(f"bench.setting_{name}")) for name, table in made.items()], ignore_index=True
    )
    listed["is_default"] = ["✓" if one else "" for one in listed["is_default"]]
    numbers(listed[["setting", "value", "is_default", "mean", "low", "high"]], "sweep")


def speed(found: Measured) -> None:
    """The table of times and memory."""
    st.subheader(t("bench.speed_title"), anchor=False)
    if found.speed.empty:
        st.caption(t("bench.not_measured"))
        return
    st.caption(t("bench.speed_reading"))
    table = found.speed.assign(passes=found.speed["seconds"] / found.speed["forward_seconds"])
    columns = [
        "what",
        "device",
        "heads",
        "examples",
        "members",
        "seconds",
        "forward_seconds",
        "passes",
        "peak_mb",
    ]
    _frame(table[[name for name in columns if table[name].notna().any()]], "bench_speed")


def title(section: str, unit: str) -> None:
    """Heading of a section and one line on how to read it."""
    st.subheader(t(f"bench.{section}_title_{unit}"), anchor=False)
    st.caption(t(f"bench.{section}_reading"))


def draw(chart: alt.LayerChart, key: str, said: str) -> None:
    """A chart with its words for those who do not see it."""
    st.altair_chart(chart, key=f"bench_chart_{key}", theme=None, alt=said)


def numbers(table: pd.DataFrame, key: str, scores: tuple[str, ...] = ()) -> None:
    """The table of a chart, folded."""
    with st.expander(t("bench.numbers"), icon=":material/table:", key=f"bench_numbers_{key}"):
        _frame(table, f"bench_table_{key}", scores)


def _frame(table: pd.DataFrame, key: str, scores: tuple[str, ...] = ()) -> None:
    formats: dict[Any, Any] = {}
    for name in table:
        if name in SCORES or name in scores:
            formats[name] = words.score
        elif name in SHARES:
            formats[name] = percent
        elif name in WHOLE:
            formats[name] = "{:.0f}"
        elif pd.api.types.is_numeric_dtype(table[name]):
            formats[name] = texts.number
    st.dataframe(
        table.style.format(formats, na_rep="–"),
        hide_index=True,
        column_config=_headings(table, scores),
        key=key,
        height=min(560, 38 + 35 * max(1, len(table))),
        placeholder="–",
    )


def _headings(table: pd.DataFrame, scores: tuple[str, ...]) -> Mapping[str, Any]:
    named = {name: t(f"bench.column_{name}") for name in table if name not in scores}
    return {name: st.column_config.Column(label) for name, label in named.items()}


def _named(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(label=[words.method(name) for name in table["method"]])
