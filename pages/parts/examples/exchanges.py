"""A text with its exchanged words marked, and what the exchange does to the answer, as HTML."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from core.report import exchanges
from core.text import percent
from pages.parts.examples.previewed_texts import PreviewedText

Words = Callable[..., str]


def marked(old: str, new: str, word: Words) -> str:
    """The text with its exchanged words marked."""
    return str(exchanges.marked(old, new, word("partners.old"), word("partners.new")))


def effect(text: PreviewedText, partner: PreviewedText, whole: bool, word: Words, language: str) -> str:
    """How likely the wrong answer is before and after, and what the model says before and after."""
    before, after = (row.get("actual") for row in (text, partner))
    lines = []
    if before and after:
        change = f"{percent(before['probability'])} → {percent(after['probability'])}"
        lines.append(f"{escape(exchanges.quoted(before['piece'], language))} {escape(change)}")
    said = [_said(row, whole, language) for row in (text, partner)]
    lines.append(word("partners.now" if lines else "partners.says", before=said[0], after=said[1]))
    if _first(text, whole) == _first(partner, whole):
        lines.append(f'<b class="warn">⚠ {escape(word("partners.still"))}</b>')
    return "".join(f"<div>{line}</div>" for line in lines)


def _said(row: PreviewedText, whole: bool, language: str) -> str:
    if whole:
        return escape(exchanges.quoted(row.get("continuation", ""), language))
    likely: Mapping[str, Any] = row["next"][0]
    return escape(f"{exchanges.quoted(likely['piece'], language)} {percent(likely['probability'])}")


def _first(row: PreviewedText, whole: bool) -> str:
    said = row.get("continuation", "") if whole else str(row["next"][0]["piece"])
    return " ".join(said.split())
