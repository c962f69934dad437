"""Methods that only look, by hand and against definitions."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from core.benchmark.methods import correlational
from core.benchmark.methods.correlational import (
    TIE,
    chance,
    cluster_codes,
    mean_distances,
    paper_ensemble,
    probe_scores,
)
from core.benchmark.methods.method import Outcome
from core.config import PRESETS
from core.discovery.scoring import head_scores
from core.examples.example_set import ExampleSet
from core.model.loading import LoadedModel


def test_k_means_finds_well_separated_clouds():
    noise = torch.randn(9, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 0.01
    clouds = torch.tensor([[10.0, 0.0], [0.0, 10.0], [-10.0, 0.0]])
    own = [0, 1, 0, 1, 2, 2, 2, 2, 2]
    shared = [0, 1, 2, 0, 0, 1, 2, 1, 2]
    values = noise + torch.stack([clouds[own], clouds[shared]], dim=1)[:, None]
    codes = cluster_codes(values, seed=0)
    assert codes.latent.shape == (1, 9, 1, 2)
    for head, cloud in enumerate((own, shared)):
        result = codes.latent[0, :, 0, head].tolist()
        assert len(set(zip(result, cloud, strict=True))) == 3
    assert codes.strength.flatten().tolist() == pytest.approx([10.0] * 18, abs=0.1)
    assert head_scores(codes, 4).score.tolist() == pytest.approx([10.0, 0.0], abs=0.1)


def test_distance_of_means_at_the_best_slot_by_hand():
    outputs = torch.zeros(4, 2, 2, 2)
    outputs[:2, 0, 0] = torch.tensor([[3.0, 0.0], [5.0, 0.0]])
    outputs[:2, 1, 0] = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    outputs[:, :, 1] = 7.0
    assert mean_distances(outputs, 2).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("paired", [True, False])
def test_probe_is_the_regression_of_scikit_learn_with_texts_held_out(paired):
    values = torch.randn(12, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    values[:6, :, 1] += 0.7
    labels = np.array([1] * 6 + [0] * 6)
    result = probe_scores(values, 6, paired)
    held = [[i, i + 6] for i in range(6)] if paired else [[i] for i in range(12)]
    for head in range(3):
        x = values[:, 0, head].numpy()
        decisions = np.empty(12)
        for out in held:
            seen = np.setdiff1d(np.arange(12), out)
            decisions[out] = LogisticRegression(tol=1e-8).fit(x[seen], labels[seen]).decision_function(x[out])
        assert result[head] == pytest.approx(roc_auc_score(labels, decisions), abs=1.01 * TIE)


def test_probes_of_equal_auc_are_told_apart_by_their_margin():
    values = torch.zeros(8, 1, 2, 2)
    values[:, 0, 0, 0] = torch.tensor([1.0] * 4 + [-1.0] * 4)
    values[:, 0, 1, 0] = 3 * values[:, 0, 0, 0]
    small, large = probe_scores(values, 4, paired=True)
    assert 1 < small < large < 1 + TIE


def test_paper_ensemble_is_the_mean_of_seeds_that_no_other_draw_has(planted, monkeypatch):
    seeds = []

    def one(_loaded: LoadedModel, _examples: ExampleSet, seed: int) -> Outcome:
        seeds.append(seed)
        return Outcome(np.array([seed, 1.0]), np.full((2, 2), seed), 1)

    monkeypatch.setattr(correlational, "paper", lambda settings: one)
    method = paper_ensemble(PRESETS["paper"])
    result = [method(planted.loaded, planted.draw(3, 0), draw) for draw in (0, 1)]
    assert result[0].heads.tolist() == [3.5, 1.0]
    assert result[0].edges.tolist() == [[3.5, 3.5], [3.5, 3.5]]
    assert result[0].forward_passes == 8
    assert len(set(seeds)) == 16


def test_chance_differs_between_draws_and_seeds_and_repeats(planted):
    first, second = planted.draw(3, 0), planted.draw(3, 1)
    heads = [
        chance(planted.loaded, drawn, seed).heads for drawn, seed in ((first, 0), (second, 0), (first, 1))
    ]
    assert not any(np.array_equal(heads[0], other) for other in heads[1:])
    assert np.array_equal(heads[0], chance(planted.loaded, first, 0).heads)
