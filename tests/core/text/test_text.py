"""The catalogues of sentences, and formats of numbers."""

import string

import numpy as np
import pytest

from core.errors import MESSAGES
from core.text import LANGUAGES, catalogue, number, percent


def test_both_catalogues_have_the_same_keys_and_places():
    def places(template):
        return {name for _, name, _, _ in string.Formatter().parse(template) if name}

    english, japanese = (catalogue(language) for language in LANGUAGES)
    assert {s: set(t) for s, t in english.items()} == {s: set(t) for s, t in japanese.items()}
    for section, texts in english.items():
        for key, template in texts.items():
            assert places(template) == places(japanese[section][key]), key
    assert all(isinstance(places(template), set) for template in MESSAGES.values())


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.62, "62 %"),
        (0.0, "0 %"),
        (-0.034, "−3.4 %"),
        (1.304, "130 %"),
        (0.03, "3 %"),
        (-0.0001, "0 %"),
        (np.nan, "–"),
    ],
)
def test_shares_are_percentages(share: float, shown: str) -> None:
    assert percent(share).replace("\u00a0", " ") == shown


def test_a_negative_zero_has_no_sign() -> None:
    assert number(-0.0) == number(0.0) == "0"
