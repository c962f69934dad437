"""What else changes with heads switched off, in sentences made from circuit.json."""

from core.schema import BlastRadius, BlastRow
from core.text import listed, number, percent, text


def blast(radius: BlastRadius | None, language: str) -> str:
    """Share of next words that change and perplexity on both sources; empty where it was not measured."""
    rows = _rows(radius)
    if radius is None or "normal" not in rows:
        return ""
    values = {
        f"{source}{name}": shown
        for source, row in rows.items()
        for name, shown in {
            "": percent(row.changed),
            "_tokens": str(row.tokens),
            "_before": number(row.perplexity_before),
            "_after": number(row.perplexity_after),
        }.items()
    }
    key = "with_own" if "own" in rows else "normal_only"
    return text(language, f"blast.{key}", heads=listed(language, radius.heads), **values)


def price(radius: BlastRadius | None, language: str) -> str:
    """The shares alone, in one short sentence; empty where one of the two was not measured."""
    rows = _rows(radius)
    if len(rows) < 2:
        return ""
    return text(language, "blast.price", **{source: percent(row.changed) for source, row in rows.items()})


def elsewhere(radius: BlastRadius | None) -> float | None:
    """The larger share of next words that change, of the model's own text and the normal texts; None if unmeasured."""
    return max((row.changed for row in _rows(radius).values() if row.changed is not None), default=None)


def _rows(radius: BlastRadius | None) -> dict[str, BlastRow]:
    """Rows that looked at a word, by source."""
    return {row.source: row for row in radius.rows if row.tokens} if radius else {}
