"""A measured benchmark in words: how our method stands, the goals, how sure the numbers are, as text and HTML."""

from collections.abc import Mapping
from html import escape
from math import isnan
from typing import Any

import pandas as pd

from core.benchmark.names import GROUPS, group_of
from core.benchmark.reading import BenchmarkResult
from core.benchmark.standings import DIGITS, Comparison, Reliability
from core.text import auc, number, percent
from pages.parts import i18n
from pages.parts.session.state import language, t

MARKS = {True: ("good", "✓", "met"), False: ("warn", "✕", "missed"), None: ("", "–", "unmeasured")}
"""Look, sign and word of a goal that is met, missed, not measured."""
MOST_NAMED = 4  # Cases named one by one where another method is above ours
LONGEST_NOTE = 60  # Characters of a goal's note on the screen; pointing shows it whole
STATED_Q = 0.1  # The false discovery rate that the method states
SHARES = ("false_discoveries_pairs", "false_discoveries_unpaired")
PLAIN = ("rows_others_above", "screened_rows_others_above", "gpu_ratio")
EXPONENTS = ("growth_heads", "growth_examples")


def method(name: str) -> str:
    """The name of a method as it is shown; one that is not known stays as it is."""
    key = f"method.{name}.name"
    return t(key) if i18n.has(language(), key) else name


def score(value: float) -> str:
    """A ROC AUC or average precision with three digits, which is where methods differ."""
    return auc(value)


def headline(compared: Comparison) -> str:
    """How well ours does, and which measured methods do better."""
    values = {"mean": score(compared.ours.mean), "cases": compared.cases, "n": compared.examples}
    sentences = [t("bench.lead", **values)]
    if compared.published is not None:
        sentences.append(t("bench.lead_published", mean=score(compared.published.mean)))
    if compared.screened is not None:
        sentences.append(t("bench.lead_screened", mean=score(compared.screened.mean)))
    rivals = [one for one in (compared.look, compared.published, compared.change) if one is not None]
    above = [one for one in rivals if round(one.mean, DIGITS) > round(compared.ours.mean, DIGITS)]
    if above:
        named = [
            t(f"bench.lead_{group_of(one.method)}", name=method(one.method), mean=score(one.mean))
            for one in above
        ]
        sentences.append(t("bench.lead_better", listed=t("bench.and").join(named)))
    elif rivals:
        sentences.append(t("bench.lead_best"))
    return t("bench.space").join(sentences)


def losses(compared: Comparison) -> str:
    """In which cases a rival that only looks is above ours, by name."""
    if not compared.above:
        return t("bench.never_above", cases=compared.cases)
    first = compared.above[:MOST_NAMED]
    named = [t("shell.bracketed", words=case, more=method(name)) for case, name in first]
    more = len(compared.above) - len(named)
    listed = t("bench.and").join(named) + (t("bench.and_more", count=more) if more else "")
    return t("bench.often_above", count=len(compared.above), cases=compared.cases, listed=listed)


def goals_counted(goals: pd.DataFrame) -> str:
    """How many goals are met, missed, not measured."""
    met, missed = (sum(one is kind for one in goals["met"]) for kind in (True, False))
    return t("bench.goals_counted", total=len(goals), met=met, missed=missed, rest=len(goals) - met - missed)


def goals(table: pd.DataFrame) -> str:
    """Goals as HTML: what, wanted, measured, and whether it is met as a sign with a word for screen readers."""
    heads = "".join(f"<th>{escape(t(f'bench.{key}'))}</th>" for key in ("goal", "wanted", "measured"))
    body = "".join(_goal(row) for row in table.to_dict("records"))
    return (
        f'<table class="beside goals"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _goal(row: Mapping[Any, Any]) -> str:
    key, note = str(row["key"]), str(row["note"])
    known = i18n.has(language(), f"bench.goal_{key}")
    name = escape(t(f"bench.goal_{key}") if known else key)
    look, sign, word = MARKS[row["met"]]
    if note and not row["met"]:
        short = note if len(note) <= LONGEST_NOTE else note[:LONGEST_NOTE].rstrip() + "…"
        name += f'<div class="note" lang="en" title="{escape(note)}">{escape(short)}</div>'
    mark = f'<b class="{look}" role="img" aria-label="{escape(t(f"bench.{word}"))}">{sign}</b>'
    sign = {">=": "≥", "<=": "≤"}.get(str(row["comparison"]), "")
    wanted = f"{sign} {_amount(key, row['wanted'])}"
    return (
        f"<tr><td>{mark}</td><th>{name}</th><td>{escape(wanted)}</td>"
        f"<td>{escape(_amount(key, row['measured']))}</td></tr>"
    )


def _amount(key: str, value: Any) -> str:
    """A goal's number in its unit: seconds, megabytes, shares, plain numbers, else a score."""
    if value is None or pd.isna(value):
        return "–"
    if key.endswith("_seconds"):
        return t("bench.seconds_value", value=number(value))
    if key.endswith("_mb"):
        return i18n.size(value * 1e6)
    if key in SHARES:
        return percent(value)
    if key in EXPONENTS:
        return number(value)
    if key in PLAIN or not i18n.has(language(), f"bench.goal_{key}"):
        return number(value)
    return score(value)


def reliability(known: Reliability) -> str:
    """How sure the numbers of our method are, as an HTML table; empty where nothing was measured."""
    lines = [
        ("draws", known.over_draws, f"± {score(known.over_draws)}"),
        ("seeds", known.over_seeds, f"± {score(known.over_seeds)}"),
        ("false_pairs", known.false_discoveries, percent(known.false_discoveries)),
        ("false_unpaired", known.false_discoveries_unpaired, percent(known.false_discoveries_unpaired)),
        ("precision", known.confirmed_precision, percent(known.confirmed_precision)),
        ("recall", known.confirmed_recall, percent(known.confirmed_recall)),
    ]
    rows = "".join(
        f"<tr><th>{escape(t(f'bench.sure_{key}', q=percent(STATED_Q)))}</th><td>{escape(text)}</td></tr>"
        for key, value, text in lines
        if not isnan(value)
    )
    return f'<table class="beside"><tbody>{rows}</tbody></table>' if rows else ""


def cost(result: BenchmarkResult, ours: "pd.Series[Any]") -> str:
    """What an analysis costs: the mean of the cases, and the shape of GPT-2 small where it was timed."""
    parts = []
    if not pd.isna(ours["seconds"]):
        passes = number(ours["forward_passes"])
        parts.append(t("bench.cost_case", seconds=number(ours["seconds"]), passes=passes))
    timed = result.speed[result.speed["what"] == "gpt2-standard"]
    if len(timed):
        first = timed.iloc[0]
        memory = i18n.size(first["peak_mb"] * 1e6)
        parts.append(t("bench.cost_gpt2", seconds=number(first["seconds"]), memory=memory))
    return t("bench.space").join(parts)


def measured_on(result: BenchmarkResult) -> str:
    """Date, machine, size, draws and seeds of a result; what about.json does not tell is left out."""
    about, summary = result.about, result.summary
    parts = [str(about[key]) for key in ("date", "machine") if about.get(key)]
    if about.get("cores"):
        parts.append(t("bench.cores", cores=about["cores"]))
    if about.get("size") in ("quick", "full"):
        parts.append(t(f"bench.size_{about['size']}"))
    if summary["draws"].notna().any():
        parts.append(
            t("bench.draws_range", low=int(summary["draws"].min()), high=int(summary["draws"].max()))
        )
    if summary["seeds"].max() > 1:
        parts.append(t("bench.seeds_most", high=int(summary["seeds"].max())))
    if isinstance(about.get("seconds"), int | float):
        parts.append(t("bench.took", time=i18n.duration(language(), float(about["seconds"]))))
    versions = [f"{name} {about[name]}" for name in ("headlight", "torch", "transformers") if about.get(name)]
    return " · ".join([*parts, *versions])


def not_run(about: Mapping[str, Any]) -> str:
    """What was not run and why, as an HTML list; nothing where all was."""
    listed = about.get("not_run")
    lines = [line for line in listed if isinstance(line, dict)] if isinstance(listed, list) else []
    items = "".join(
        f"<li><b>{escape(' · '.join(str(line[key]) for key in ('task', 'model', 'method') if line.get(key)))}</b>: "
        f'<span lang="en">{escape(str(line.get("reason") or "–"))}</span></li>'
        for line in lines
    )
    return f'<ul class="not-run">{items}</ul>' if items else ""


def methods(names: set[str]) -> str:
    """What each of these methods is, in one line each, by group."""
    parts = []
    for group, members in GROUPS.items():
        rows = "".join(
            f"<dt>{escape(method(name))} <code>{escape(name)}</code></dt>"
            f"<dd>{escape(t(f'method.{name}.text'))}</dd>"
            for name in members
            if name in names
        )
        if rows:
            heading = f'<p class="methods-group">{escape(t(f"bench.group_{group}"))}</p>'
            parts.append(f'{heading}<dl class="terms methods">{rows}</dl>')
    return "".join(parts)
