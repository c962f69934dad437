"""The parts of the sensitivity page: what is moved, how far the sweep is, the verdicts, the numbers to take along."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core.config import RunConfig
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder
from core.sensitivity.plan import GRID, SETTINGS, estimated_seconds, plan, values
from core.sensitivity.sentences import setting_name, shown, verdict_words
from core.sensitivity.summary import MAP_FILE, METRICS, SWEEP_FILE, Quality, means, needs_care
from core.text import number
from pages.parts import i18n
from pages.parts.data.results import Result
from pages.parts.data.tables import on_paper
from pages.parts.session.state import language, t
from pages.parts.shell import checks, widgets


def intention(result: Result, config: RunConfig) -> None:
    """What the sweep will do and how long it takes, before there is one."""
    per_side = texts_a_side(result)
    st.write(t("sweep.intention", seeds=GRID.seeds))
    st.html(moved_settings(config, per_side))
    trainings = len(plan(config, per_side).trainings)
    if seconds := result.manifest.timings.get("train", 0.0):
        time = i18n.duration(language(), estimated_seconds(config, per_side, seconds))
        st.caption(t("sweep.takes", trainings=trainings, time=time))
    else:
        st.caption(t("sweep.takes_unknown", trainings=trainings))


def begin(check: JobState | None, label: str) -> None:
    """The button that starts the sweep ("start"), goes on with it ("resume") or repeats it ("again")."""
    icon = {"start": "tune", "resume": "resume"}.get(label, "replay")
    checks.begin(
        "sensitivity",
        check,
        t(f"sweep.{label}"),
        key=f"{label}_sweep",
        icon=f":material/{icon}:",
        primary=label != "again",
    )


def choose_quality(content: Mapping[str, Any]) -> Quality:
    """Which number is shown; a switch where both are known."""
    known = content["summary"]["by"]
    if known != "auc":
        return "agreement"
    st.session_state.setdefault("sweep_measure", "auc")
    quality = widgets.switch(t("sweep.measure"), METRICS, "sweep.{}", "sweep_measure")
    return "agreement" if quality == "agreement" else "auc"


def moved_settings(config: RunConfig, per_side: int) -> str:
    """What is moved, with a plain line on each setting, as HTML."""
    rows = []
    for name in SETTINGS:
        if name == "examples":
            own, tried = float(per_side), [*(float(n) for n in GRID.sizes if n < per_side), float(per_side)]
        else:
            own, tried = float(getattr(config.autoencoder, name)), values(config.autoencoder, name)
        rows.append(f"{_named(name)}<td>{number(own)}</td><td>{_span(tried)}</td>")
    return _table(("setting", "here", "tried"), rows)


def verdicts(content: Mapping[str, Any], quality: Quality) -> str:
    """A row a setting: its own value, what was tried, the means, and the verdict, as HTML."""
    rows = []
    for name, by in content["summary"]["settings"].items():
        summary = by[quality]
        sign, kind = ("⚠", "warn") if needs_care(summary) else ("✓", "good")
        ends = shown(summary["lowest"], quality), shown(summary["highest"], quality)
        span = ends[0] if ends[0] == ends[1] else t("sweep.span", low=ends[0], high=ends[1])
        rows.append(
            f"{_named(name)}<td>{number(by['value'])}</td><td>{_span(by['values'])}</td>"
            f"<td>{escape(span)}</td>"
            f'<td class="verdict"><b class="{kind}" aria-hidden="true">{sign}</b> '
            f"{escape(verdict_words(summary, language()))}</td>"
        )
    return _table(("setting", "here", "tried", quality, "verdict"), rows)


def numbers(run: RunFolder, table: pd.DataFrame, quality: Quality) -> None:
    """Every mean as a table, and the files."""
    parts = [means(table, name, quality).assign(setting=titled(name)) for name in SETTINGS]
    every = pd.concat(parts, ignore_index=True)
    shown_table = pd.DataFrame(
        {
            "setting": every["setting"],
            "value": every["value"].map(number),
            "here": every["is_default"].astype(bool),
            **{name: [shown(value, quality) for value in every[name]] for name in ("mean", "low", "high")},
            "rows": every["rows"],
        }
    )
    names = {name: t(f"sweep.{name}") for name in ("value", "mean", "low", "high", "rows")}
    names |= {"setting": t("sweep.column_setting"), "here": t("sweep.own_short")}
    st.dataframe(
        shown_table,
        hide_index=True,
        column_config={name: st.column_config.Column(title) for name, title in names.items()},
        key="sweep_numbers",
        height=min(420, 38 + 35 * max(1, len(shown_table))),
        placeholder="",
    )
    signs = shown_table.assign(here=shown_table["here"].map({True: "✓", False: ""}))
    st.html(on_paper(signs.rename(columns=names), {}))
    with st.container(horizontal=True):
        for name in (SWEEP_FILE, MAP_FILE):
            if (run.path / name).exists():
                widgets.download(name, (run.path / name).read_bytes)


def texts_a_side(result: Result) -> int:
    """Texts on the smaller side that the analysis compared."""
    counts = result.manifest.counts
    return len(result.manifest.alignment.pairs) or min(counts.anomalous, counts.normal)


def titled(name: str) -> str:
    """What a setting is called where its name stands for itself."""
    title = setting_name(name, language())
    return title[:1].upper() + title[1:]


def _table(columns: Sequence[str], rows: Sequence[str]) -> str:
    """A table as HTML of rows whose cells are HTML."""
    heads = "".join(f"<th>{escape(t(f'sweep.column_{key}'))}</th>" for key in columns)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table class="sweep"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _named(name: str) -> str:
    title, note = escape(titled(name)), escape(t(f"sweep.about_{name}"))
    return f'<th scope="row">{title}<div class="note">{note}</div></th>'


def _span(tried: list[float]) -> str:
    ends = number(min(tried)), number(max(tried))
    return escape(ends[0] if len(tried) == 1 else t("sweep.span", low=ends[0], high=ends[1]))
