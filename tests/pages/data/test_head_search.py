"""Finding a head by what a person types."""

import pytest

from pages.parts.data.head_search import find_head

NAMES = {f"L{layer}H{head}" for layer in range(4) for head in range(12)}
OWN = {"L1H2": "Previous word", "L3H0": "直前の語", "L2H2": "word", "L9H9": "gone"}


@pytest.mark.parametrize(
    ("typed", "head"),
    [
        ("L3H5", "L3H5"),
        ("l3h5", "L3H5"),
        (" L3 H5 ", "L3H5"),
        ("Ｌ３Ｈ５", "L3H5"),
        ("3.5", "L3H5"),
        ("3, 5", "L3H5"),
        ("3 5", "L3H5"),
        ("3-5", "L3H5"),
        ("3h5", "L3H5"),
        ("L1H11", "L1H11"),
        ("previous WORD", "L1H2"),
        ("word", "L2H2"),
        ("prev", "L1H2"),
        ("前の", "L3H0"),
        ("ｐｒｅｖｉｏｕｓ", "L1H2"),
    ],
)
def test_head_is_found_in_any_spelling(typed: str, head: str) -> None:
    assert find_head(typed, NAMES, OWN) == head


@pytest.mark.parametrize("typed", ["", "  ", "L4H0", "L3", "35", "gone", "[", "L3H5; L3H6", "٣.٥"])
def test_what_is_no_head_is_not_found(typed: str) -> None:
    assert find_head(typed, NAMES, OWN) == ""
