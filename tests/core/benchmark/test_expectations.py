"""What a measured benchmark lets expect of texts, and what would raise it."""

import pandas as pd
import pytest

from core.benchmark import reading
from core.benchmark.expectations import Accuracy, Expectation, Kind, expectation, kind_of
from core.schema import AlignmentRecord

PAIRS = AlignmentRecord(mode="aligned", pairs=((0, 3),), pairs_source="given")
NO_PAIRS = AlignmentRecord(mode="aligned")
UNEQUAL = AlignmentRecord(mode="last_mean")


def summary(*rows: tuple[str, int, float]) -> pd.DataFrame:
    """Rows of a method, a number of texts and two ROC AUCs: this much above and below on two cases."""
    lines = [
        {
            "method": method,
            "examples": examples,
            "case": case,
            "unit": "head",
            "group": "ours",
            "auc": auc + d,
        }
        for method, examples, auc in rows
        for case, d in (("a", 0.01), ("b", -0.01))
    ]
    empty = dict.fromkeys(("average_precision", "draws", "seconds", "forward_passes", "peak_mb"), 0.0)
    return pd.DataFrame([{**line, **empty} for line in lines])


MEASURED = summary(
    ("headlight-standard", 5, 0.95),
    ("headlight-standard", 8, 0.96),
    ("headlight-standard", 10, 0.97),
    ("headlight-standard", 25, 0.99),
    ("headlight-fast", 8, 0.94),
    ("headlight-screened", 8, 0.98),
    ("headlight-unpaired", 8, 0.90),
    ("headlight-unequal", 8, 0.80),
    ("headlight-mean", 8, 0.91),
    ("paper", 8, 0.85),
)


def told(expected: Expectation) -> tuple[float | None, dict[str, float]]:
    now = expected.accuracy and round(expected.accuracy.mean, 3)
    return now, {way: round(accuracy.mean, 3) for way, accuracy in expected.ways}


def test_texts_are_told_by_the_row_that_measured_their_kind() -> None:
    expected = expectation(MEASURED, PAIRS, 8, "standard")
    assert expected.accuracy == Accuracy("headlight-standard", 8, 2, pytest.approx(0.96), pytest.approx(0.95))
    assert told(expected) == (0.96, {"more_texts": 0.97})
    assert told(expectation(MEASURED, NO_PAIRS, 8, "standard")) == (0.9, {"pairs": 0.96})
    assert told(expectation(MEASURED, UNEQUAL, 8, "standard")) == (0.8, {"pairs": 0.96, "same_length": 0.9})


def test_settings_choose_the_row() -> None:
    assert told(expectation(MEASURED, PAIRS, 8, "fast")) == (0.94, {})
    assert told(expectation(MEASURED, PAIRS, 8, "standard", "screened")) == (0.98, {})
    of_means = AlignmentRecord(mode="mean", pairs=((0, 3),))
    assert told(expectation(MEASURED, of_means, 8, "standard")) == (0.91, {"positions": 0.96})
    assert told(expectation(MEASURED, of_means, 8, "paper")) == (0.85, {})


@pytest.mark.parametrize(
    ("per_side", "examples"), [(3, 5), (5, 5), (7, 5), (8, 8), (9, 8), (12, 10), (30, 25), (200, 25)]
)
def test_the_largest_measured_number_not_above_the_own_counts_or_the_smallest(
    per_side: int, examples: int
) -> None:
    accuracy = expectation(MEASURED, PAIRS, per_side, "standard").accuracy
    assert accuracy is not None
    assert accuracy.examples == examples


def test_what_was_not_measured_is_not_guessed() -> None:
    assert told(expectation(MEASURED, NO_PAIRS, 8, "fast")) == (None, {"pairs": 0.94})
    lengths_differ = AlignmentRecord(mode="last_mean", pairs=((0, 3),))
    assert told(expectation(MEASURED, lengths_differ, 8, "standard")) == (None, {"same_length": 0.96})
    assert expectation(MEASURED.head(0), PAIRS, 8, "standard") == Expectation("pairs", None)


def test_more_texts_are_named_only_where_they_gain() -> None:
    alike = summary(("headlight-standard", 8, 0.96), ("headlight-standard", 10, 0.963))
    assert told(expectation(alike, PAIRS, 8, "standard")) == (0.96, {})


@pytest.mark.parametrize(
    ("mode", "paired", "kind"),
    [("aligned", True, "pairs"), ("pairs", True, "pairs"), ("last", False, "other"), ("last_mean", True, "other"),
     ("matched", True, "other"), ("matched", False, "unequal"), ("last_mean", False, "unequal")],
)  # fmt: skip
def test_kind_of_texts(mode: str, paired: bool, kind: Kind) -> None:
    assert kind_of(AlignmentRecord(mode=mode, pairs=((0, 1),) if paired else ())) == kind


def test_the_projects_own_benchmark_measured_every_kind_of_texts() -> None:
    own = reading.read(reading.PROJECT).summary
    for alignment in (PAIRS, NO_PAIRS, UNEQUAL):
        accuracy = expectation(own, alignment, 8, "standard").accuracy
        assert accuracy is not None
        rows = own[(own["method"] == accuracy.method) & (own["examples"] == 8) & (own["unit"] == "head")]
        assert accuracy.mean == pytest.approx(rows["auc"].mean())
        assert accuracy.lowest == rows["auc"].min()
        assert accuracy.cases == rows["case"].nunique()


def test_made_partners_are_texts_without_partners():
    pairs = {"pairs": ((0, 2), (1, 3)), "pairs_source": "made", "sources": ("made", "made")}
    assert kind_of(AlignmentRecord(mode="aligned", **pairs)) == "no_pairs"
    assert kind_of(AlignmentRecord(mode="pairs", **pairs)) == "unequal"
    assert kind_of(AlignmentRecord(mode="pairs", pairs=((0, 2),), sources=("given",))) == "pairs"
