"""Texts of many lines on a page: with their line breaks, and what all have in common folded away."""

from collections.abc import Sequence
from html import escape

from core.text.folding import Folded, columns, folded, within

MOST_SHOWN = 320
"""Columns of a text's own part that are shown unfolded; a full-width letter takes two."""


def cells(texts: Sequence[str], most: int = MOST_SHOWN) -> list[str]:
    """HTML of texts that stand below each other; a folded one opens on a click, its own part marked."""
    return [_cell(part, most) for part in folded(texts)]


def _cell(part: Folded, most: int) -> str:
    if not part.before and not part.behind and columns(part.own) <= most:
        return f'<span class="many-lines">{escape(part.own)}</span>'
    shown = within(part.shown, most)
    own = f"<mark>{escape(part.own)}</mark>" if part.before or part.behind else escape(part.own)
    return (
        f'<details class="many-lines"><summary>{escape(shown)}</summary>'
        f"<div>{escape(part.before)}{own}{escape(part.behind)}</div></details>"
    )
