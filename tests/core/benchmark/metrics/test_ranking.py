"""How well scores find a circuit, by hand."""

import math

import numpy as np
import pytest

from core.benchmark.metrics.ranking import edge_selection, hits_among_best, precision_recall, ranking


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
    selected = edge_selection(edges, np.array([True, True, False]), "average")
    assert selected.tolist() == [[False, True, False], [False] * 3, [False] * 3]
