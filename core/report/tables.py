"""The tables of the report as texts, in one language."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.heads import EdgeId, HeadId
from core.report.sentences import heads as head_sentences
from core.runs import cost_sheet as roi
from core.runs.facts import Facts
from core.runs.head_notes import HeadLabel
from core.text import joined, number, percent, text
from core.text.folding import folded, one_line

MOST_ROWS = 20
"""Rows of a table at most; the CSV files hold all."""


@dataclass(frozen=True)
class Table:
    """Titles and rows of texts; `long` are the columns with words of the user, `kinds` a class for each row."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    long: tuple[int, ...] = ()
    kinds: Sequence[str] = ()


def most_important(facts: Facts, language: str) -> Table:
    """The heads that matter most: name, own name, effect, evidence, score."""
    heads = head_sentences.most_important(facts)
    columns = {
        "head": list(heads["name"]),
        "name": list(heads["own_name"]),
        "effect": [head_sentences.effect_with_interval(row) for row in heads.itertuples()],
        "verdict": [verdict(row.verdict, language) for row in heads.itertuples()],
        "score": [number(score) for score in heads["score"]],
    }
    named = any(columns["name"])
    if not named:
        del columns["name"]
    rows = list(zip(*columns.values(), strict=True))
    return Table(_titles(language, *columns), rows, long=(1,) if named else ())


def heads(facts: Facts, language: str) -> Table:
    """The first heads of the model, best first."""
    rows = [
        [
            f"{row.name} {row.own_name}".strip(),
            number(row.score),
            f"{number(row.score_low)}–{number(row.score_high)}",
            *_judged(row, language),
        ]
        for row in facts.heads.head(MOST_ROWS).itertuples()
    ]
    keys = ("head", "score", "interval", "frequency", "selected", "effect", "verdict")
    return Table(_titles(language, *keys), rows, long=(0,))


def mlps(facts: Facts, language: str) -> Table:
    """The MLP blocks, from the first layer on."""
    rows = [
        [row.name, head_sentences.effect_with_interval(row), verdict(row.verdict, language)]
        for row in facts.mlps.itertuples()
    ]
    return Table(_titles(language, "mlp", "effect", "verdict"), rows)


def edges(facts: Facts, language: str) -> Table:
    """The first edges, best first."""
    rows = [
        [
            str(EdgeId(HeadId(e.source_layer, e.source_head), HeadId(e.target_layer, e.target_head))),
            number(e.score),
            *_judged(e, language),
        ]
        for e in facts.edges.head(MOST_ROWS).itertuples()
    ]
    return Table(_titles(language, "edge", "score", "frequency", "selected", "effect", "verdict"), rows)


def labels(own: Mapping[str, HeadLabel], language: str) -> Table:
    """The user's own names, groups and notes."""
    rows = [[head, label.name, label.group, label.note] for head, label in own.items()]
    return Table(_titles(language, "head", "name", "group", "note"), rows, long=(1, 2, 3))


def examples(texts: pd.DataFrame, language: str, made: Collection[int] = ()) -> Table:
    """The texts, long ones folded, with what the model says: the answer that it is, else how it begins.

    `made` are the numbers of the partners that were made; the table says that of each.
    """
    parts = folded([str(of_text) for of_text in texts["text"]])
    numbers = frozenset(map(str, made))
    rows = [
        [_side(row, numbers, language), part.shown, *_says(row)]
        for part, row in zip(parts, texts.to_dict("records"), strict=True)
    ]
    titles = _titles(language, "label", "text", "says", "probability")
    return Table(titles, rows, long=(1, 2), kinds=list(texts["label"]))


def _side(row: Mapping[str, Any], made: Collection[str], language: str) -> str:
    side = text(language, f"report.{row['label']}")
    return text(language, "report.made", side=side) if str(row.get("example", "")) in made else side


def examples_note(texts: pd.DataFrame, language: str) -> str:
    """What is folded in the table of the texts; empty where nothing is."""
    first = next(iter(folded([str(of_text) for of_text in texts["text"]])), None)
    sides = {"before": first.before.strip(), "behind": first.behind.strip()} if first else {}
    return joined(
        language,
        *(
            text(language, f"report.folded_{side}", text=one_line(part))
            for side, part in sides.items()
            if part
        ),
    )


def _says(row: Mapping[str, Any]) -> tuple[str, str]:
    """What the model says of itself after a text, and how likely that is; older runs know the next word alone."""
    answer = {"right": "expected", "fault": "actual"}.get(str(row.get("verdict", "")), "")
    if answer and (likely := str(row.get(f"{answer}_log_probability", ""))):
        return str(row[answer]), percent(math.exp(float(likely)))
    said = str(row.get("continuation", "")).strip()
    if row.get("verdict") and said:
        return said, "–"
    return str(row["next_word"]), percent(float(row["next_probability"]))


def return_on_investment(entries: roi.Entries, language: str) -> list[Table]:
    """Every assumption, and a month now and then where all were entered."""
    tables = [Table([text(language, "cost_sheet.entries"), ""], roi.rows(entries, language))]
    if months := roi.result_rows(entries, language):
        tables.append(
            Table([text(language, f"cost_sheet.{key}") for key in ("result", "now", "then")], months)
        )
    return tables


def verdict(name: str, language: str) -> str:
    """A verdict in words; that nothing was computed where it is `unchecked`."""
    return text(language, "report.not_computed" if name == "unchecked" else f"report.verdict_{name}")


def _judged(row: Any, language: str) -> list[str]:
    return [
        percent(row.frequency),
        text(language, f"report.{'yes' if row.selected else 'no'}"),
        head_sentences.effect_with_interval(row),
        verdict(row.verdict, language),
    ]


def _titles(language: str, *keys: str) -> list[str]:
    return [text(language, f"report.{key}") for key in keys]
