"""The screen's texts in every language."""

from core.text import duration, number
from pages.parts.i18n.catalogue import LANGUAGES, counted, entries, error, first_language, has, size, text
