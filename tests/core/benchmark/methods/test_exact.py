"""The ceiling: every head and every edge patched."""

import numpy as np

from core.benchmark.methods.exact import exact_patching
from core.causal.paired_runs import forward_mask


def test_exact_patching_finds_the_planted_circuit_and_counts_its_passes(planted):
    result = exact_patching(planted.loaded, planted.draw(3, 0), 0)
    assert set(np.argsort(result.heads)[-4:]) == set(np.flatnonzero(planted.head_truth()))
    best = np.argsort(result.edges, axis=None)[-4:]
    assert set(best) == set(np.flatnonzero(planted.edge_truth()))
    assert result.forward_passes > 4
    assert not result.edges[~forward_mask(planted.loaded)].any()
