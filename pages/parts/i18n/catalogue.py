"""The catalogues of the screen's texts: one TOML file a language, the same keys in each.

English errors are the texts of `core.errors.MESSAGES` themselves; other languages have their own `[error]`.
"""

import functools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import MESSAGES
from core.examples.example_set import LABELS
from core.text import number

LANGUAGES = {"en": "EN", "ja": "日本語"}
_FOLDER = Path(__file__).parent / "locale"


class MissingTextError(KeyError):
    """A key that the catalogue of a language does not have."""


@functools.cache
def entries(language: str) -> dict[str, str]:
    """Every text of a language by its dotted key."""
    content = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    texts = dict(_flat(content))
    if language == "en":
        texts |= {f"error.{key}": text for key, text in MESSAGES.items()}
    return texts


def text(language: str, key: str, **values: Any) -> str:
    """The text of a key, filled in. Raises MissingTextError where the catalogue lacks it."""
    try:
        pattern = entries(language)[key]
    except KeyError:
        raise MissingTextError(f"{language}: {key}") from None
    return pattern.format(**values) if values else pattern.format()


def has(language: str, key: str) -> bool:
    """Whether the catalogue has this key."""
    return key in entries(language)


def counted(language: str, key: str, count: int, **values: Any) -> str:
    """The text of `key.one` or `key.other`, filled in with `count`."""
    return text(language, f"{key}.{'one' if count == 1 else 'other'}", count=count, **values)


def error(language: str, key: str, values: Mapping[str, Any]) -> str:
    """The text of an error, with the words for labels in the reader's language."""
    words = {
        name: text(language, f"label.{value}") if value in LABELS else value for name, value in values.items()
    }
    return text(language, f"error.{key}", **words)


def first_language(wishes: Iterable[str | None]) -> str:
    """The first of some wishes that we speak, each a language or a browser's locale; English where we speak none."""
    spoken = (str(wish or "").split("-")[0].lower() for wish in wishes)
    return next((language for language in spoken if language in LANGUAGES), "en")


def size(count: float) -> str:
    """A number of bytes in the largest decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{number(count)} {unit}"
        count /= 1000
    return f"{number(count)} TB"


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            texts += _flat(value, f"{prefix}{key}.")
        else:
            texts.append((f"{prefix}{key}", value))
    return texts
