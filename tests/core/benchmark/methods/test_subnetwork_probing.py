"""Learned gates on heads."""

import numpy as np
import pytest
import torch

from core.benchmark.methods.subnetwork_probing import gates, learned_gates, not_shut
from core.causal.paired_runs import PairedRuns


def test_hard_concrete_gates():
    noise = torch.linspace(1e-6, 1 - 1e-6, 100_001)
    for location in (-2.0, 0.0, 1.5):
        result = gates(torch.tensor(location), noise)
        assert float(result.min()) >= 0
        assert float(result.max()) <= 1
        share = float((result > 0).float().mean())
        assert share == pytest.approx(float(torch.sigmoid(not_shut(torch.tensor(location)))), abs=1e-3)


def test_learned_gates_find_the_planted_heads_and_repeat_by_seed(planted):
    runs = PairedRuns(planted.loaded, planted.draw(3, 0), 0)
    result = learned_gates(runs, seed=0, steps=60)
    assert set(np.argsort(result)[-4:]) == set(np.flatnonzero(planted.head_truth()))
    assert ((result >= 0) & (result <= 1)).all()
    assert (result == learned_gates(runs, seed=0, steps=60)).all()
    assert (result != learned_gates(runs, seed=1, steps=60)).any()
