"""Sentences of the report and of a run's notes, in English and Japanese, by key."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "ja")


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """All texts of a language: section → key → template."""
    return tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))


def text(language: str, key: str, **values: Any) -> str:
    """The text under `section.key`, filled in. Raises KeyError for a key that no catalogue has."""
    section, name = key.split(".", 1)
    return catalogue(language)[section][name].format(**values)
