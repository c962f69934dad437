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
SMALLEST = 1e-6
"""Numbers nearer to 0 are not written in digits."""
NEARLY_NOTHING = 0.1
"""Percentages nearer to 0 than this, but not 0, are written ≈0."""


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
    """A number with two significant digits, and whole numbers from a hundred on; a dash where there is none.

    What is nearer to 0 than SMALLEST is ≈0, exactly 0 alone is 0.

    With a true minus sign. Every number on a screen and in a report is written here or in `signed` and `percent`, from
    the full value: what was rounded once is not rounded again.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:  # without the sign of a negative zero
        return "0"
    if abs(value) < SMALLEST:
        return "≈0"
    minus = "−" if value < 0 else ""
    if abs(value) >= 99.5:
        return f"{minus}{abs(value):,.0f}"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return minus + _decimals(abs(value), decimals)


def signed(value: float) -> str:
    """A change with its sign, two significant digits; a dash where there is none."""
    shown = number(abs(value))
    return shown if shown in ("0", "≈0", "–") else f"{'+' if value > 0 else '−'}{shown}"


def percent(share: float | None) -> str:
    """A share as a percentage with two significant digits: 0.4 %, 5.7 %, 57 %, 123 %; a dash where there is none.

    What lies below the whole is not said to be the whole: from 99.5 to 99.95 % with one decimal, from there on 100 %.
    Exactly 0 alone is 0 %; what is nearer to 0 than a tenth of a percent is ≈0 %.
    """
    if share is None or not math.isfinite(share):
        return "–"
    value = 100 * share
    if value and abs(value) < NEARLY_NOTHING:
        shown = "≈0"
    elif 99.5 <= abs(value) < 99.95:
        shown = ("−" if value < 0 else "") + _decimals(abs(value), 1)
    else:
        shown = number(value)
    return f"{shown}{NO_BREAK}%"


def _decimals(value: float, decimals: int) -> str:
    """A positive number with as many decimals, without zeros behind the last digit that tells something."""
    shown = f"{value:.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def auc(value: float | None) -> str:
    """A ROC AUC with three decimals, the one measure with more than two digits: a step of 0.02 near 1 counts."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


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
