"""Sentences of the report and of a run's notes, in English and Japanese, by key; and formats of numbers.

Keys of the section `note`, and the reasons in `confidence`, stand in the manifests of finished runs: they never change.
"""

import math
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "ja")
NO_BREAK = "\u00a0"
"""A space at which no line ends."""


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """All texts of a language: section → key → template."""
    return tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))


def text(language: str, key: str, **values: Any) -> str:
    """The text under `section.key`, filled in. Raises KeyError for a key that no catalogue has."""
    section, name = key.split(".", 1)
    return catalogue(language)[section][name].format(**values)


def joined(language: str, *sentences: str) -> str:
    """Sentences in a row, as the language sets them."""
    return ("" if language == "ja" else " ").join(sentences)


def listed(language: str, items: Sequence[str]) -> str:
    """A list in a sentence: `a`, `a and b`, `a, b and c`."""
    if language == "ja":
        return "、".join(items)
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part) if items else ""


def number(value: float | None) -> str:
    """A number with two significant digits, and whole numbers from a hundred on; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:  # without the sign of a negative zero
        return "0"
    if abs(value) >= 99.5:
        return f"{value:,.0f}"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    shown = f"{value:.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def signed(value: float) -> str:
    """A change with its sign, two significant digits."""
    shown = number(abs(value))
    return shown if shown == "0" else f"{'+' if value > 0 else '−'}{shown}"


def percent(share: float | None) -> str:
    """A share as a percentage: whole from 10 % on, below with one decimal; a true minus sign, a dash for none."""
    if share is None or not math.isfinite(share):
        return "–"
    value = 100 * share
    shown = f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return f"{'0' if shown == '-0' else shown.replace('-', '−')}{NO_BREAK}%"


def duration(language: str, seconds: float) -> str:
    """A time span in the largest unit that fits, rounded."""
    if seconds < 0.1:
        return text(language, "time.short")
    if seconds < 10:
        return text(language, "time.seconds", n=f"{seconds:.1f}")
    if seconds < 100:
        return text(language, "time.seconds", n=round(seconds))
    minutes, rest = divmod(round(seconds), 60)
    if 10 <= minutes < 60:
        return text(language, "time.whole_minutes", m=round(seconds / 60))
    if minutes < 60:
        return text(language, "time.minutes", m=minutes, s=rest)
    return text(language, "time.hours", h=minutes // 60, m=minutes % 60)
