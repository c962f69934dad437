"""A measured benchmark in words: names of methods, how our method stands, and the goals, as HTML."""

from collections.abc import Mapping
from html import escape
from math import isfinite
from typing import Any

import pandas as pd

from core.benchmark.reading import DIGITS, GROUPS, OURS, Comparison, Measured, Standing, group_of
from core.text import percent
from pages.parts.i18n import catalogue as texts
from pages.parts.session.state import language, t

MARKS = {True: ("good", "✓", "met"), False: ("warn", "✕", "missed"), None: ("", "–", "unmeasured")}
"""Look, sign and word of a goal that is met, missed, not measured."""

EQUAL = 0.0015
"""Means closer than this, which is one in the last digit shown, are called about equal."""

KINDS = ("ours", "screened", "look", "published", "change", "untrained")
"""The lines of the comparison, as they are named in Comparison."""

MOST_NAMED = 6
"""Cases named one by one where another method is above ours."""

LONGEST_NOTE = 140
"""Characters of a goal's note; goals.csv holds it whole."""

SHARES = ("false_discoveries_pairs", "false_discoveries_unpaired")
PLAIN = ("rows_others_above", "screened_rows_others_above", "gpu_ratio")
EXPONENTS = ("growth_heads", "growth_examples")


def method(name: str) -> str:
    """The name of a method as it is shown; one that is not known stays as it is."""
    key = f"method.{name}.name"
    return t(key) if texts.has(language(), key) else name


def score(value: float) -> str:
    """A ROC AUC or average precision with three digits, which is where methods differ."""
    return f"{value:.3f}" if isfinite(value) else "–"


def lead(found: Comparison) -> str:
    """The sentence for who reads no other: how well ours does, and who does better."""
    said = {"mean": score(found.ours.mean), "cases": found.cases, "n": found.examples}
    lowest = {"lowest": score(found.ours.lowest), "case": found.ours.lowest_case}
    key = "bench.lead_alone" if found.published is None else "bench.lead"
    published = "" if found.published is None else score(found.published.mean)
    first = t(key, **said, **lowest, published=published)
    both = t("bench.lead_both", first=first, second=_better(found))
    if found.screened is None:
        return both
    return t("bench.lead_both", first=both, second=t("bench.lead_screened", mean=score(found.screened.mean)))


def _better(found: Comparison) -> str:
    rivals = [one for one in (found.look, found.published, found.change) if one is not None]
    above = [one for one in rivals if round(one.mean, DIGITS) > round(found.ours.mean, DIGITS)]
    if not rivals:
        return ""
    if not above:
        return t("bench.lead_best")
    listed = t("bench.and").join(
        t(f"bench.lead_{group_of(one.method)}", name=method(one.method), mean=score(one.mean))
        for one in above
    )
    return t("bench.lead_better", listed=listed)


def beside(found: Comparison) -> str:
    """Our method beside the best others, as an HTML table, with who is above and in how many cases."""
    body = "".join(_line(kind, getattr(found, kind), found) for kind in KINDS)
    columns = ("who", "mean", "lowest", "ours_is", "cases_above")
    heads = "".join(f"<th>{escape(t(f'bench.{key}'))}</th>" for key in columns)
    return f'<table class="beside"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _line(kind: str, one: Standing | None, found: Comparison) -> str:
    what = f'<div class="note">{escape(t(f"bench.best_{kind}"))}</div>'
    if one is None:
        return f'<tr><th>–{what}</th><td colspan="4">{escape(t("bench.not_measured"))}</td></tr>'
    lowest = f'{score(one.lowest)}<div class="note">{escape(one.lowest_case)}</div>'
    own = one.method == OURS
    stand = "" if own else _stand(round(found.ours.mean, DIGITS) - round(one.mean, DIGITS))
    count = "" if own else escape(t("bench.of_cases", count=one.above_ours, cases=found.cases))
    return (
        f"<tr><th>{escape(method(one.method))}{what}</th><td>{score(one.mean)}</td>"
        f"<td>{lowest}</td><td>{stand}</td><td>{count}</td></tr>"
    )


def _stand(difference: float) -> str:
    """Whether ours is above, by how much; sign and word."""
    if abs(difference) < EQUAL:
        return f"<b>=</b> {escape(t('bench.equal'))}"
    kind, sign, key = ("good", "▲", "above") if difference > 0 else ("warn", "▼", "below")
    return f'<b class="{kind}">{sign}</b> {escape(t(f"bench.{key}", by=score(abs(difference))))}'


def losses(found: Comparison) -> str:
    """In which cases a rival that only looks is above ours, by name."""
    if not found.above:
        return t("bench.never_above", cases=found.cases)
    named = [f"{case} ({method(name)})" for case, name in found.above[:MOST_NAMED]]
    more = len(found.above) - len(named)
    listed = t("bench.and").join(named) + (t("bench.and_more", count=more) if more else "")
    return t("bench.often_above", count=len(found.above), cases=found.cases, listed=listed)


def goals_said(goals: pd.DataFrame) -> str:
    """How many goals are met, missed, not measured."""
    met, missed = (sum(one is kind for one in goals["met"]) for kind in (True, False))
    return t("bench.goals_said", total=len(goals), met=met, missed=missed, rest=len(goals) - met - missed)


def goals(table: pd.DataFrame) -> str:
    """Goals as HTML: what, wanted, measured, and whether it is met as sign and word."""
    heads = "".join(
        f"<th>{escape(t(f'bench.{key}'))}</th>" for key in ("goal", "wanted", "measured", "state")
    )
    body = "".join(_goal(row) for row in table.to_dict("records"))
    return f'<table class="beside goals"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _goal(row: Mapping[str, Any]) -> str:
    key = str(row["key"])
    known = texts.has(language(), f"bench.goal_{key}")
    name = escape(t(f"bench.goal_{key}") if known else key)
    if row["note"]:
        name += f'<div class="note" lang="en">{escape(_short(row["note"]))}</div>'
    kind, sign, word = MARKS[row["met"]]
    wanted = f"{_comparison(row['comparison'])} {_amount(key, row['wanted'])}"
    mark = f'<b class="{kind}">{sign}</b> {escape(t(f"bench.{word}"))}'
    return (
        f"<tr><th>{name}</th><td>{escape(wanted)}</td><td>{escape(_amount(key, row['measured']))}</td>"
        f"<td>{mark}</td></tr>"
    )


def _short(note: str) -> str:
    return note if len(note) <= LONGEST_NOTE else note[:LONGEST_NOTE].rstrip() + "…"


def _comparison(sign: Any) -> str:
    return {">=": "≥", "<=": "≤"}.get(str(sign), "" if pd.isna(sign) else str(sign))


def _amount(key: str, value: Any) -> str:
    """A goal's number in its unit: seconds, megabytes, shares, plain numbers, else a score."""
    if value is None or pd.isna(value):
        return "–"
    if key.endswith("_seconds"):
        return t("bench.seconds_value", value=texts.number(value))
    if key.endswith("_mb"):
        return texts.size(value * 1e6)
    if key in SHARES:
        return percent(value)
    if key in EXPONENTS:
        return f"{value:.2f}"
    if key in PLAIN or not texts.has(language(), f"bench.goal_{key}"):
        return texts.number(value)
    return score(value)


def measured_on(found: Measured) -> str:
    """Date, machine, size, draws and seeds of a result; what about.json does not tell is left out."""
    about = found.about
    parts = [str(about[key]) for key in ("date", "machine") if about.get(key)]
    if about.get("cores"):
        parts.append(t("bench.cores", cores=about["cores"]))
    if about.get("processes"):
        parts.append(t("bench.processes", count=about["processes"]))
    if about.get("size") in ("quick", "full"):
        parts.append(t(f"bench.size_{about['size']}"))
    if found.summary["draws"].notna().any():
        parts.append(t("bench.draws_said", low=_least(found), high=_most(found, "draws")))
    if found.summary["seeds"].max() > 1:
        parts.append(t("bench.seeds_said", high=_most(found, "seeds")))
    if isinstance(about.get("seconds"), int | float):
        parts.append(t("bench.took", time=texts.duration(language(), float(about["seconds"]))))
    versions = [f"{name} {about[name]}" for name in ("headlight", "torch", "transformers") if about.get(name)]
    return " · ".join([*parts, *versions])


def _least(found: Measured) -> int:
    return int(found.summary["draws"].min())


def _most(found: Measured, column: str) -> int:
    return int(found.summary[column].max())


def not_run(about: Mapping[str, Any]) -> str:
    """What was not run and why, as an HTML list; nothing where all was."""
    listed = about.get("not_run")
    lines = [line for line in listed if isinstance(line, dict)] if isinstance(listed, list) else []
    said = "".join(
        f"<li><b>{escape(' · '.join(str(line[key]) for key in ('task', 'model', 'method') if line.get(key)))}</b>: "
        f'<span lang="en">{escape(str(line.get("reason") or "–"))}</span></li>'
        for line in lines
    )
    return f'<ul class="not-run">{said}</ul>' if said else ""


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
            parts.append(
                f'<p class="methods-group">{escape(t(f"bench.group_{group}"))}</p><dl class="terms methods">{rows}</dl>'
            )
    return "".join(parts)
