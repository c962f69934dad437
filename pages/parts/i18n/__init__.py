"""The screen's texts in every language."""

from core.text import duration, number
from pages.parts.i18n.catalogue import (
    LANGUAGES,
    MissingTextError,
    best_language,
    counted,
    entries,
    error,
    has,
    size,
    text,
)

__all__ = [
    "LANGUAGES",
    "MissingTextError",
    "best_language",
    "counted",
    "duration",
    "entries",
    "error",
    "has",
    "number",
    "size",
    "text",
]
