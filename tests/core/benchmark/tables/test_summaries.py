"""From measurements to means, by hand."""

import math

import pytest

from core.benchmark.tables.summaries import summary
from tests.support.benchmark_rows import row, table


def test_summary_takes_seeds_together_before_draws():
    rows = table(
        row("m", 0.8, 0, 0, shuffles=2),
        row("m", 1.0, 0, 1),
        row("m", 0.5, 1, 0, shuffles=3),
        row("m", 0.5, 1, 1),
    )
    (one,) = summary(rows).to_dict("records")
    assert (one["draws"], one["seeds"], one["role"]) == (2, 2, "test")
    assert one["auc"] == pytest.approx(0.7)
    assert one["auc_sd"] == pytest.approx(0.2)
    assert one["auc_seed_sd"] == pytest.approx(0.1 / 2**0.5, abs=1e-5)
    assert one["auc_lowest"] == 0.5
    assert one["shuffles"] == 5
    assert math.isnan(one["evidence_passes"])
    assert math.isnan(one["jaccard"])


def test_one_seed_has_no_spread_over_seeds():
    (one,) = summary(table(row("m", 0.8), row("m", 0.6, 1))).to_dict("records")
    assert math.isnan(one["auc_seed_sd"])


def test_summary_keeps_methods_models_units_and_sizes_apart():
    rows = table(row("m", 0.1), row("n", 0.2), row("m", 0.3, unit="edge"), row("m", 0.4, examples=5))
    assert summary(rows)["auc"].tolist() == [0.1, 0.2, 0.3, 0.4]


def test_passes_of_the_evidence_are_those_of_the_seed_that_gathered_it():
    rows = table(
        row("m", 0.8, evidence_passes=12), row("m", 0.8, seed=1), row("m", 0.8, 1, evidence_passes=14)
    )
    assert summary(rows)["evidence_passes"].tolist() == [13]
