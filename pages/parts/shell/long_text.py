"""Texts of many lines on a page: with their line breaks, and what all have in common folded away."""

from collections.abc import Sequence
from html import escape

from core.text.folding import Folded, folded

MOST_SHOWN = 320
"""Characters of a text's own part that are shown unfolded."""


def cells(texts: Sequence[str]) -> list[str]:
    """HTML of texts that stand below each other; a folded one opens on a click, its own part marked."""
    return [_cell(part) for part in folded(texts)]


def _cell(part: Folded) -> str:
    if not part.before and not part.behind and len(part.own) <= MOST_SHOWN:
        return f'<span class="many-lines">{escape(part.own)}</span>'
    shown = part.shown if len(part.shown) <= MOST_SHOWN else f"{part.shown[:MOST_SHOWN].rstrip()}…"
    own = f"<mark>{escape(part.own)}</mark>" if part.before or part.behind else escape(part.own)
    return (
        f'<details class="many-lines"><summary>{escape(shown)}</summary>'
        f"<div>{escape(part.before)}{own}{escape(part.behind)}</div></details>"
    )
