"""The screen's texts in every language."""

from core.text import duration, number
from pages.parts.i18n.catalogue import LANGUAGES, best_language, counted, entries, error, has, size, text
