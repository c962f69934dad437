"""The catalogues: complete, alike in every language, and used."""

import ast
import re
import string
from collections.abc import Iterator

import pytest

from core.errors import MESSAGES
from pages.parts import i18n
from pages.parts.i18n.catalogue import MissingTextError
from tests.support.paths import ROOT


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def patterns() -> Iterator[str]:
    """Every string of the pages as a regular expression, with anything in the places that are filled in."""
    for file in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\\\{\\?\w*\\\}", ".+", re.escape(node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in node.values]
                yield "".join(parts)


def test_languages_have_the_same_keys_and_placeholders() -> None:
    english, japanese = i18n.entries("en"), i18n.entries("ja")
    assert english.keys() ^ japanese.keys() == set()
    assert [key for key in english if placeholders(english[key]) != placeholders(japanese[key])] == []


def test_every_text_is_used() -> None:
    named = {p for p in patterns() if re.search(r"\\\.|_", p) and re.search("[a-z]{3}", p)}
    whole = re.compile("|".join(named))
    keys = [key for key in i18n.entries("en") if not key.startswith("error.")]
    counted = re.compile(r"\.(one|other)$")
    assert [k for k in keys if not (whole.fullmatch(k) or whole.fullmatch(counted.sub("", k)))] == []


def test_every_error_can_be_said() -> None:
    for language in i18n.LANGUAGES:
        for key, message in MESSAGES.items():
            values = {name: f"<{name}>" for name in placeholders(message)}
            message = i18n.error(language, key, values)
            assert all(value in message for value in values.values()), (language, key)


def test_label_in_an_error_is_a_word_of_the_language() -> None:
    values = {"minimum": 3, "label": "anomalous", "count": 1, "missing": 2}
    assert "異常例" in i18n.error("ja", "too_few_examples", values)


def test_missing_text_is_an_error() -> None:
    with pytest.raises(MissingTextError):
        i18n.text("en", "start.no_such_text")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.00123, "0.0012"),
        (2.25, "2.2"),
        (17.0, "17"),
        (99.6, "100"),
        (1234.5, "1,234"),
        (1e-7, "≈0"),
    ],
)
def test_numbers_have_two_significant_digits(value: float, shown: str) -> None:
    assert i18n.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.03, "under 0.1 s"),
        (0.94, "0.9 s"),
        (59.6, "60 s"),
        (125.0, "2 min 5 s"),
        (2507.0, "42 min"),
        (7260.0, "2 h 1 min"),
    ],
)
def test_durations_use_the_largest_unit_that_fits(seconds: float, shown: str) -> None:
    assert i18n.duration("en", seconds) == shown


@pytest.mark.parametrize(
    ("chosen", "locale", "link", "language"),
    [
        ("", "ja-JP", None, "ja"),
        ("", "ja", None, "ja"),
        ("", "en-GB", None, "en"),
        ("", "fr-FR", None, "en"),
        ("", None, None, "en"),
        ("", "ja-JP", "en", "ja"),
        ("", "en-GB", "ja", "en"),
        ("", "fr-FR", "ja", "ja"),
        ("", "fr-FR", "xx", "en"),
        ("en", "ja-JP", "ja", "en"),
        ("ja", "en-GB", None, "ja"),
        ("../x", "ja-JP", None, "ja"),
    ],
)
def test_language_is_what_was_chosen_then_the_browsers_then_that_of_an_old_link(
    chosen: str, locale: str | None, link: str | None, language: str
) -> None:
    assert i18n.first_language((chosen, locale, link)) == language
