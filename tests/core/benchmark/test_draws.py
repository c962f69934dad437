"""The rows of one draw of a small task."""

import pandas as pd
import pytest

from core.benchmark import draws
from core.benchmark.draws import measure_draw
from core.benchmark.names import GROUPS, IN_FORMS, SCREENED
from core.benchmark.plan import PLANS, Extras, Repeats


@pytest.mark.slow
def test_rows_of_every_method_on_the_planted_circuit(planted, monkeypatch):
    monkeypatch.setitem(draws.EXTRAS, "quick", Extras(shuffles=5))
    result = measure_draw(planted, 8, 0, "quick")
    assert not result.failed
    assert not result.ablations
    rows = pd.DataFrame([vars(row) for row in result.rows])
    assert set(rows["method"]) == set(PLANS["quick"])
    assert set(rows["unit"]) == {"head", "edge"}
    columns = "task model method examples draw seed unit auc average_precision precision recall"
    assert " ".join(rows.columns[:14]) == f"{columns} seconds forward_passes peak_mb"
    ours = rows[rows["method"] == "headlight-standard"].set_index("unit")
    assert ours.loc["head", "auc"] == 1.0
    assert ours.loc["edge", "hits_in_ten_best"] == len(planted.true_edges)
    assert (rows.loc[rows["method"] != "random", "seconds"] > 0).all()
    assert (rows.loc[rows["method"].isin(["headlight-no-flow", "paper"]), "forward_passes"] == 1).all()
    assert (rows.loc[rows["method"] == "headlight-codes", "forward_passes"] == 1).all()
    assert (rows.loc[rows["method"] == "headlight-fast", "forward_passes"] > 1).all(), "heads are changed too"
    assert set(rows["seed"]) == set(rows["draw"]) == {0}
    with_codes = {*GROUPS["ours"], "untrained"} - {SCREENED, "pair-difference-flow"}
    looking = rows["method"].isin(with_codes) & (rows["unit"] == "head")
    assert rows.loc[looking, "jaccard"].between(0, 1).all()
    assert rows.loc[~looking, "jaccard"].isna().all()
    assert ours["wrong_at_q"].tolist() == [0.0, 0.0]
    assert (ours["false_discoveries"] <= ours["shuffles_tested"] / 5).all()
    assert ours["confirmed_precision"].tolist() == ours["confirmed_recall"].tolist() == [1.0, 1.0]
    assert (ours["evidence_passes"] > 0).all()
    assert (ours["shuffles"] == 5).all()
    assert (ours["false_confirmations"] <= ours["shuffles_tested"] / 5).all()
    assert ours["false_confirmations_unpaired"].isna().all()
    assert ours.loc["head", ["strong_recall", "strongest_tested"]].tolist() == [1.0, 1.0]
    alone = rows[rows["method"].isin(IN_FORMS) & (rows["unit"] == "head")]
    assert len(alone) and alone["strongest_tested"].isin([0.0, 1.0]).all()
    assert (alone["shuffles"] == 0).all()
    others = rows[~rows["method"].isin(["headlight-standard", *IN_FORMS])]
    assert others[["confirmed_precision", "confirmed_recall", "false_confirmations"]].isna().all(axis=None)
    assert (others[["evidence_passes", "shuffles"]] == 0).all(axis=None)


def test_a_large_model_is_measured_by_affordable_methods_without_shuffles(planted, monkeypatch):
    monkeypatch.setattr(draws, "LARGE", 1)
    monkeypatch.setitem(PLANS, "quick", {"probe": Repeats(1), "random": Repeats(1)})
    result = measure_draw(planted, 8, 0, "quick")
    assert {row.method for row in result.rows} == {"random"}
    assert result.failed == [("probe", "not measured on models of more than 1 heads")]
