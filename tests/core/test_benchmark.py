"""The measures by hand, and the benchmark's rows on one small task."""

import math

import numpy as np
import pandas as pd
import pytest

from core.benchmark import EXAMPLES, Row, measure_task
from core.benchmark.measures import edge_selection, hits_among_best, precision_recall, ranking
from core.benchmark.methods import METHODS
from core.benchmark.tasks import FIRST_SEED, Task, tasks
from core.heads import EdgeId, HeadId
from core.models import ModelPool
from core.scenarios import load_scenario, load_truth, scenario_names


@pytest.fixture(scope="module")
def planted() -> Task:
    return next(task for task in tasks(ModelPool(size=8)) if task.name == "planted-induction")


def test_ranking_by_hand():
    truth = np.array([True, False, True, False])
    assert ranking(truth, np.array([4.0, 3.0, 2.0, 1.0]))[0] == pytest.approx(0.75)
    assert ranking(truth, np.array([4.0, 3.0, 2.0, 1.0]))[1] == pytest.approx((1 + 2 / 3) / 2)
    assert ranking(truth, np.ones(4))[0] == 0.5
    assert math.isnan(ranking(np.ones(3, dtype=bool), np.arange(3.0))[0])


def test_precision_and_recall_by_hand():
    truth = np.array([True, True, False, False])
    assert precision_recall(truth, np.array([True, False, True, False])) == (0.5, 0.5)
    precision, recall = precision_recall(truth, np.zeros(4, dtype=bool))
    assert math.isnan(precision)
    assert recall == 0.0


def test_hits_among_the_best_by_hand():
    truth = np.array([True, False, True, True])
    assert hits_among_best(truth, np.array([1.0, 5.0, 4.0, 3.0]), best=2) == 1
    assert hits_among_best(truth, np.array([1.0, 5.0, 4.0, 3.0])) == 3


def test_candidate_edges_run_between_candidate_heads():
    edges = np.array([[0, 5.0, 9.0], [0, 0, 1.0], [0, 0, 0]])
    chosen = edge_selection(edges, np.array([True, True, False]), "average")
    assert chosen.tolist() == [[False, True, False], [False] * 3, [False] * 3]


def test_every_scenario_with_a_truth_is_a_task():
    assert {task.name for task in tasks(ModelPool(size=8))} == {
        name for name in scenario_names() if load_truth(name)
    }


def test_draws_are_fresh_and_repeatable(planted):
    first = planted.draw(4, 0)
    assert planted.draw(4, 0) == first
    assert planted.draw(4, 1) != first
    bundled = load_scenario(planted.name).examples_file.read_text(encoding="utf-8-sig")
    assert not any(example.text in bundled for example in first.examples)
    assert load_truth(planted.name).seed != FIRST_SEED


def test_truth_as_arrays(planted):
    truth = planted.head_truth()
    assert truth.sum() == len(planted.true_heads)
    n_heads = planted.loaded.shape.n_heads
    for source, target in planted.true_edges:
        assert planted.edge_truth()[
            source.layer * n_heads + source.head, target.layer * n_heads + target.head
        ]
    small = Task(
        "x", planted.loaded, frozenset({HeadId(0, 1)}), frozenset({EdgeId(HeadId(0, 1), HeadId(2, 0))})
    )
    assert np.argwhere(small.edge_truth()).tolist() == [[1, 2 * n_heads]]


def test_rows_of_every_method_on_the_planted_circuit(planted):
    rows = pd.DataFrame([vars(row) for row in measure_task(planted, 8, draws=1)])
    assert set(rows["method"]) == set(METHODS)
    assert set(rows["unit"]) == {"head", "edge"}
    columns = "task model method examples draw seed unit auc average_precision precision recall"
    assert " ".join(rows.columns[:14]) == f"{columns} seconds forward_passes peak_mb"
    ours = rows[rows["method"] == "headlight-standard"].set_index("unit")
    assert ours.loc["head", "auc"] == 1.0
    assert ours.loc["edge", "hits_in_ten_best"] == len(planted.true_edges)
    assert (rows["seconds"] > 0).all()
    assert (rows["forward_passes"] == 1).all()


def test_the_full_run_covers_the_sizes_that_the_readme_names():
    assert EXAMPLES["full"] == (3, 5, 8, 10, 25)
    assert math.isnan(Row("t", "m", "x", 8, 0, 0, "head").auc)
