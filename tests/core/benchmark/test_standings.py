"""How methods stand in a measured benchmark, and how sure that is, worked by hand."""

from pathlib import Path

import pandas as pd
import pytest

from core.benchmark.names import OURS
from core.benchmark.reading import NUMBERS, PROJECT, read
from core.benchmark.standings import comparison, main_examples, reliability, standings
from tests.support.small_benchmark import table, write


def test_standings_by_hand(tmp_path: Path) -> None:
    result = standings(read(write(tmp_path)).summary, "head", 8)
    ours = result.set_index("method").loc["headlight-standard"]
    assert ours["mean"] == pytest.approx(0.9)
    assert (ours["lowest"], ours["lowest_case"], ours["cases"], ours["draws"]) == (0.8, "a · llama", 3, 2)
    assert list(result["method"]) == [
        "headlight-screened",
        "headlight-standard",
        "untrained",
        "k-means",
        "probe",
        "paper-250",
        "paper",
        "mean-difference",
        "exact-patching",
        "eap-ig",
    ]
    assert result.set_index("method").loc["probe", "cases"] == 2


def test_standings_of_what_was_not_measured_are_empty(tmp_path: Path) -> None:
    summary = read(write(tmp_path)).summary
    assert standings(summary, "edge", 8).empty
    assert standings(summary, "head", 3).empty


def test_comparison_by_hand(tmp_path: Path) -> None:
    one = comparison(read(write(tmp_path)).summary)
    assert one is not None
    assert (one.examples, one.cases) == (8, 3)
    assert (one.ours.mean, one.ours.lowest_case) == (pytest.approx(0.9), "a · llama")
    assert one.look is not None and one.look.method == "k-means", "probe lacks a case"
    assert one.look.above_ours == 1
    assert one.published is not None and one.published.method == "paper-250"
    assert one.change is not None and one.change.method == "eap-ig", "neither the ceiling nor ours"
    assert one.change.above_ours == 2
    assert one.untrained is not None and one.untrained.above_ours == 1
    assert one.above == (("a · gpt2", "probe"), ("a · llama", "k-means")), ".9004 is shown as ours is"


def test_comparison_needs_ours_and_may_lack_others(tmp_path: Path) -> None:
    assert comparison(read(write(tmp_path, table({"paper": (0.5, 0.5, 0.5)}))).summary) is None
    alone = comparison(read(write(tmp_path, table({"headlight-standard": (0.5, 0.5, 0.5)}))).summary)
    assert alone is not None
    assert (alone.look, alone.published, alone.change, alone.untrained, alone.above) == (None,) * 4 + ((),)


def test_main_number_of_texts_is_that_of_most_methods(tmp_path: Path) -> None:
    few = table({"paper": (0.5, 0.5, 0.5)}).assign(examples=3)
    assert main_examples(read(write(tmp_path, pd.concat([few, table()]))).summary) == 8


def test_reliability_by_hand() -> None:
    rows = [
        {"case": "a", "auc": 0.8, "auc_sd": 0.1, "seeds": 3, "auc_seed_sd": 0.02, "confirmed_precision": 1.0},
        {"case": "b", "auc": 0.9, "auc_sd": 0.3, "seeds": 1, "auc_seed_sd": 0.0, "confirmed_precision": 0.5},
        {"case": "c", "auc": 0.9, "auc_sd": None, "confirmed_precision": None},
    ]
    shuffles = [(0.0, 30), (0.4, 10), (None, None)]
    summary = pd.DataFrame(
        {**row, "unit": "head", "method": OURS, "examples": 8, "false_discoveries": share, "shuffles": count}
        for row, (share, count) in zip(rows, shuffles, strict=True)
    )
    summary = summary.reindex(columns=list(dict.fromkeys([*summary, *NUMBERS])))
    known = reliability(summary)
    assert known.over_draws == pytest.approx(0.2)
    assert known.over_seeds == pytest.approx(0.02), "one seed tells no spread"
    assert known.false_discoveries == pytest.approx(0.1), "weighted by the shuffles"
    assert known.confirmed_precision == pytest.approx(0.75)
    assert known.confirmed_recall != known.confirmed_recall
    assert reliability(summary, "edge").over_draws != reliability(summary, "edge").over_draws


def test_measured_result_of_the_project_has_ours() -> None:
    if (PROJECT / "summary.csv").exists():
        assert comparison(read(PROJECT).summary) is not None
