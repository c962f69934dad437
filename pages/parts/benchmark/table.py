"""The whole table of a measured benchmark: every method at every number of texts."""

from typing import Any

import pandas as pd
import streamlit as st

from core.benchmark.reading import BenchmarkResult
from core.benchmark.standings import main_examples, standings
from core.text import number
from pages.parts.benchmark import words
from pages.parts.data.tables import on_paper
from pages.parts.session.state import t
from pages.parts.shell import widgets

UNITS = ("head", "edge")
SCORES = ("mean", "lowest", "average_precision")
COLUMNS = (
    "label",
    "group",
    "examples",
    *("mean", "lowest", "lowest_case", "average_precision"),
    *("cases", "draws", "seconds", "forward_passes", "peak_mb"),
)


def every_method(summary: pd.DataFrame, unit: str) -> pd.DataFrame:
    """The standings at every number of texts, the main one first, then from few to many; `COLUMNS`."""
    main = main_examples(summary)
    counts = [main, *sorted(set(summary["examples"]) - {main})]
    parts = [standings(summary, unit, count).assign(examples=count) for count in counts]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return table.assign(
        label=[words.method(name) for name in table["method"]],
        group=[t(f"bench.group_{group}") for group in table["group"]],
    )[list(COLUMNS)]


def show(result: BenchmarkResult) -> None:
    """Heads or edges, the table, and the file with every case."""
    units = [unit for unit in UNITS if (result.summary["unit"] == unit).any()]
    switch, file = st.columns([3, 1], vertical_alignment="bottom")
    with switch:
        unit = widgets.switch(t("bench.unit"), units, "bench.unit_{}", "bench_unit_" + "_".join(units))
    with file.container(horizontal=True, horizontal_alignment="right"):
        widgets.download("summary.csv", (result.path / "summary.csv").read_bytes)
    table = every_method(result.summary, unit)
    formats: dict[Any, Any] = dict.fromkeys(SCORES, words.score)
    formats |= dict.fromkeys(("cases", "draws", "examples"), number)
    formats |= dict.fromkeys(("seconds", "forward_passes", "peak_mb"), number)
    titles = {name: t(f"bench.column_{name}") for name in COLUMNS}
    st.dataframe(
        table.style.format(formats, na_rep="–"),
        hide_index=True,
        column_config={name: st.column_config.Column(title) for name, title in titles.items()},
        key="bench_table",
        height=min(560, 38 + 35 * max(1, len(table))),
        placeholder="–",
    )
    st.html(on_paper(table.rename(columns=titles), {titles[name]: write for name, write in formats.items()}))
    st.caption(t("bench.table_reading"))
