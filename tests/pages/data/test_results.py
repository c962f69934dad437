"""Reading a run's tables, and the sentences and strips made from them."""

from pathlib import Path

import pandas as pd
import pytest

from core.errors import StorageError
from core.text.csv_safe import guarded, unguarded
from pages.parts.circuit.code_strip import best_position
from pages.parts.data import results
from tests.support.made_runs import make_run


@pytest.mark.parametrize("cell", ["=1+1", "-1", "+2", "＝x", "plain", "'quoted'", "", "7"])
def test_guard_of_a_cell_is_taken_off_again(cell: str) -> None:
    assert unguarded(str(guarded(cell))) == cell


def test_tables_have_names_verdicts_and_flags(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_selected=7, verdicts=True)
    result = results.load(run)
    assert len(result.selected) == 7
    assert result.checked
    assert set(result.selected["verdict"]) == {"confirmed", "partly", "not_confirmed"}
    assert set(result.heads["verdict"]) - set(results.VERDICTS) == set()
    first = result.heads.iloc[0]
    assert first["name"] == f"L{first['layer']}H{first['head']}"


def test_verdict_that_was_not_computed_is_unchecked(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path))
    assert not result.checked
    assert set(result.heads["verdict"]) == {"unchecked"}


def test_edges_are_those_between_the_named_heads(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path))
    names = list(result.selected["name"])
    assert len(result.edges_among(names)) == len(result.edges)
    assert 0 < len(result.candidate_edges) < len(result.edges)
    for edge in result.edges_among(names[:4]).itertuples():
        assert {edge.source, edge.target} <= set(names[:4])


def test_candidate_edges_come_before_stronger_ones_that_are_none(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path))
    result.edges.loc[~result.edges["selected"], "score"] = 99.0
    among = result.edges_among(list(result.heads["name"]))
    n_candidates = len(result.candidate_edges)
    assert among["selected"].tolist() == [True] * n_candidates + [False] * (len(among) - n_candidates)
    assert among["score"].iloc[:n_candidates].is_monotonic_decreasing


def test_missing_table_is_a_damaged_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.path / "edges.csv").unlink()
    with pytest.raises(StorageError):
        results.load(run)


def test_best_position_has_the_most_codes_of_the_anomalous_side_alone() -> None:
    rows = [
        ("0", "anomalous", "1"), ("0", "anomalous", "2"), ("0", "normal", "1"),
        ("5", "anomalous", "3"), ("5", "anomalous", "4"), ("5", "normal", "silent"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["position", "label", "code"]).assign(member=0)
    assert best_position(table) == "5"
