"""The screen's texts in every language."""

from pages.parts.i18n.catalogue import (
    LANGUAGES,
    MissingTextError,
    best_language,
    counted,
    duration,
    entries,
    error,
    has,
    number,
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
