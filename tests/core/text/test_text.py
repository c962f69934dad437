"""The catalogues of sentences, and formats of numbers."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MESSAGES
from core.text import LANGUAGES, auc, catalogue, number, percent, signed


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
        (0.004, "0.4 %"),
        (0.05678, "5.7 %"),
        (0.00123, "0.12 %"),
        (0.0004, "≈0 %"),
        (-0.00001, "≈0 %"),
        (0.9949, "99 %"),
        (0.996, "99.6 %"),
        (-0.9978, "−99.8 %"),
        (0.9996, "100 %"),
        (1.0, "100 %"),
        (np.nan, "–"),
    ],
)
def test_shares_are_percentages(share: float, shown: str) -> None:
    assert percent(share).replace("\u00a0", " ") == shown


def test_a_negative_zero_has_no_sign() -> None:
    assert number(-0.0) == number(0.0) == "0"


@pytest.mark.parametrize(
    ("value", "shown"), [(-0.034, "−0.034"), (-1234.6, "−1,235"), (9.96, "10"), (5.64, "5.6"), (0.25, "0.25")]
)
def test_numbers_have_two_digits_and_a_true_minus_sign(value: float, shown: str) -> None:
    assert number(value) == shown
    assert signed(value) == (shown if value < 0 else f"+{shown}")


def test_a_change_that_is_unknown_is_a_dash() -> None:
    assert signed(np.nan) == "–"


def test_a_roc_auc_keeps_the_step_that_counts() -> None:
    assert (auc(0.9741), auc(0.9939), auc(None)) == ("0.974", "0.994", "–")


@given(st.floats(min_value=-1e6, max_value=1e6, allow_subnormal=False))
def test_two_digits_are_right_and_only_nothing_is_nothing(value: float) -> None:
    """What is shown lies within half a step of the second digit; 0 stands for 0 alone, the sign is the value's."""
    for shown in (number(value), percent(value / 100).removesuffix("\u00a0%")):
        assert "-" not in shown
        assert (shown == "0") == (value == 0)
        if shown.startswith("≈"):
            assert abs(value) < 0.1001
            continue
        read = float(shown.replace("−", "-").replace(",", ""))
        assert abs(read - value) <= max(0.0501 * abs(value), 1e-9)
        assert read * value >= 0


@given(st.floats(min_value=-2, max_value=2), st.floats(min_value=-2, max_value=2))
def test_the_larger_share_never_reads_smaller(first: float, second: float) -> None:
    low, high = (_read(percent(share)) for share in sorted((first, second)))
    assert low <= high


def _read(shown: str) -> float:
    return float(shown.removesuffix("\u00a0%").replace("−", "-").removeprefix("≈"))
