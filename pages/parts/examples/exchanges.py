"""A text with its exchanged words marked, and what the exchange does to the answer, as HTML."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from core.examples.example_set import shortened
from core.examples.exchanged_words import exchanged
from core.text import percent
from pages.parts.examples.previewed_texts import PreviewedText

Words = Callable[..., str]
LONGEST = 32  # Characters of an answer
AROUND = 90  # Characters of a part that both texts share, kept at each of its ends


def marked(old: str, new: str, word: Words) -> str:
    """The text with old words struck through and new ones underlined; screen readers hear which is which."""
    said = {"old": ("del", word("partners.old")), "new": ("ins", word("partners.new"))}
    shown = ""
    for part in exchanged(old, new):
        if part.kind == "same":
            shown += escape(_middle_cut(part.text))
        else:
            tag, name = said[part.kind]
            shown += f'<{tag}><span class="unseen">{escape(name)} </span>{escape(part.text)}</{tag}>'
    return f'<span class="exchange" dir="auto" title="{escape(new)}">{shown}</span>'


def effect(text: PreviewedText, partner: PreviewedText, whole: bool, word: Words) -> str:
    """How likely the wrong answer is before and after, and what the model says before and after."""
    before, after = (row.get("actual") for row in (text, partner))
    lines = []
    if before and after:
        change = f"{percent(before['probability'])} → {percent(after['probability'])}"
        lines.append(f"“{_short(before['piece'])}” {escape(change)}")
    said = [_said(row, whole) for row in (text, partner)]
    lines.append(word("partners.says", before=said[0], after=said[1]))
    if _first(text, whole) == _first(partner, whole):
        lines.append(f'<b class="warn">⚠ {escape(word("partners.still"))}</b>')
    return "".join(f"<div>{line}</div>" for line in lines)


def _said(row: PreviewedText, whole: bool) -> str:
    if whole:
        return f"“{_short(row.get('continuation', ''))}”"
    likely: Mapping[str, Any] = row["next"][0]
    return f"“{_short(likely['piece'])}” {escape(percent(likely['probability']))}"


def _first(row: PreviewedText, whole: bool) -> str:
    said = row.get("continuation", "") if whole else str(row["next"][0]["piece"])
    return " ".join(said.split())


def _short(text: str) -> str:
    return escape(shortened(" ".join(text.split()), LONGEST))


def _middle_cut(text: str) -> str:
    """A long part that both texts share without its middle."""
    return text if len(text) <= 2 * AROUND + 10 else f"{text[:AROUND].rstrip()} … {text[-AROUND:].lstrip()}"
