"""Made partners text by text: the exchanged words marked in the text, and what the exchange does to the answer."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from core.examples.example_set import shortened
from core.examples.exchanged_words import exchanged
from core.report.tables import Table
from core.schema import PartnersRecord
from core.text import NO_BREAK, percent, text
from core.text.folding import one_line

AROUND = 90
"""Characters of a part that both texts share, kept at each of its ends."""
ANSWER = 32
"""Characters of an answer."""


@dataclass(frozen=True)
class MarkedPartner:
    """One made partner: number of its text (as in examples.csv), both texts, what the model says, and the answer.

    `answer` is the wrong answer with its probability on the text and on the partner, as far as both are known.
    """

    of: int
    text: str
    partner: str
    says: tuple[str, str]
    answer: tuple[str, float, float] | None
    closes: float | None


def marked_partners(record: PartnersRecord | None, examples: pd.DataFrame) -> list[MarkedPartner]:
    """The made partners of a run in the order of its texts, the best of each text first."""
    if record is None or not record.made:
        return []
    rows: dict[int, Mapping[str, Any]] = {int(row["example"]): row for row in examples.to_dict("records")}
    return [
        _marked(rows[one.text], rows[one.example], one.closes)
        for one in sorted(record.made, key=lambda one: one.text)
        if one.text in rows and one.example in rows
    ]


def firsts(partners: list[MarkedPartner]) -> list[MarkedPartner]:
    """The first partner of each text."""
    return list({one.of: one for one in reversed(partners)}.values())[::-1]


def table(partners: list[MarkedPartner], language: str) -> Table:
    """A row a partner: text with its marks, the wrong answer, what is said, share of the distance."""
    rows = [
        [
            str(one.of),
            marked(one.text, one.partner, text(language, "partners.old"), text(language, "partners.new")),
            *_change(one, language),
            percent(one.closes),
        ]
        for one in partners
    ]
    titles = [text(language, f"partners.{key}") for key in ("number", "text", "answer", "says", "closes")]
    return Table(titles, rows, long=(1,))


def marked(old: str, new: str, was: str, now: str) -> Markup:
    """The text with old words struck through and new ones underlined; screen readers hear `was` and `now`."""
    said = {"old": ("del", was), "new": ("ins", now)}
    shown = Markup()
    for part in exchanged(old, new):
        if part.kind == "same":
            shown += escape(_middle_cut(part.text))
        else:
            tag, name = said[part.kind]
            shown += Markup('<{0}><span class="unseen">{1} </span>{2}</{0}>').format(
                Markup(tag), name, part.text
            )
    return Markup('<span class="exchange" dir="auto" title="{}">{}</span>').format(new, shown)


def _marked(row: Mapping[str, Any], partner: Mapping[str, Any], closes: float | None) -> MarkedPartner:
    before, after = (_number(one.get("actual_log_probability")) for one in (row, partner))
    known = before is not None and after is not None
    return MarkedPartner(
        of=int(row["example"]),
        text=str(row["text"]),
        partner=str(partner["text"]),
        says=(said(row), said(partner)),
        answer=(str(row["actual"]), math.exp(before), math.exp(after)) if known else None,  # type: ignore[arg-type]
        closes=closes,
    )


def _change(one: MarkedPartner, language: str) -> list[str]:
    """The wrong answer before and after, and what the model says; without answers what it says before and after."""
    before, after = (quoted(words, language) for words in one.says)
    if one.answer is None:
        return ["–", f"{before} → {after}"]
    word, *likely = one.answer
    shares = f"{NO_BREAK}→{NO_BREAK}".join(map(percent, likely))
    return [f"{quoted(word, language)} {shares}", after]


def said(row: Mapping[str, Any]) -> str:
    """What the model says: the answer that it is, else how it goes on where answers are long, else the next token."""
    answer = {"right": "expected", "fault": "actual"}.get(str(row.get("verdict", "")), "")
    if answer and str(row.get(answer, "")).strip():
        return str(row[answer])
    pieces = str(row.get("actual_pieces", "") or "").strip()
    continued = str(row.get("continuation", "") or "").strip()
    long = pieces.startswith("[") and len(json.loads(pieces)) > 1
    return continued if long and continued else str(row["next_word"])


def quoted(words: str, language: str) -> str:
    """The beginning of an answer between the quotation marks of a language."""
    return text(language, "partners.word", word=shortened(one_line(words).strip(), ANSWER))


def _number(cell: object) -> float | None:
    """A cell of the table as a number, None where it is empty."""
    shown = str(cell if cell is not None else "").strip()
    value = float(shown) if shown else math.nan
    return None if math.isnan(value) else value


def _middle_cut(words: str) -> str:
    """A long part that both texts share without its middle."""
    return (
        words if len(words) <= 2 * AROUND + 10 else f"{words[:AROUND].rstrip()} … {words[-AROUND:].lstrip()}"
    )
