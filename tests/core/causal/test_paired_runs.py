"""Pairs behind what both texts begin with: metric, gradients and first-order effects are those of whole texts."""

import numpy as np
import pytest
import torch

from core.causal.edge_attribution import attributed
from core.causal.metric import Row
from core.causal.metric._rows import Read
from core.causal.paired_runs import PairedRuns
from core.examples.example_set import ExampleSet
from core.generators import result_of
from tests.support.pairs import pairs
from tests.support.tiny_models import tiny


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "qwen3"])
def test_first_order_effects_are_those_of_whole_texts(kind):
    loaded = tiny(kind, seed=2)
    examples = ExampleSet(examples=tuple(pairs()))
    whole, behind = (PairedRuns(loaded, examples, seed=0, behind_prefix=behind) for behind in (False, True))
    assert {batch.prefix.width for batch in whole.batches} == {0}
    assert all(batch.prefix.width == 3 for batch in behind.batches)
    for steps in (1, 3):
        expected, measured = (result_of(attributed(runs, steps)) for runs in (whole, behind))
        np.testing.assert_allclose(measured.by_pair, expected.by_pair, atol=1e-4)
        np.testing.assert_allclose(measured.edges, expected.edges, atol=1e-4)
        assert np.abs(expected.edges).max() > 1e-3
    for one, other in zip(behind.batches, whole.batches, strict=True):
        torch.testing.assert_close(behind.logits(one), other.logits, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("other", "first"), [((1, 2, 9, 4, 5), 2), ((9, 2, 3, 4, 5), 0), ((1, 2, 3, 4, 5), 3), ((1, 2, 3), 0)]
)
def test_a_row_is_read_from_its_first_difference_or_its_first_read_position(other, first):
    row = Row(0, (1, 2, 3, 4, 5), 4, (Read(3, 0), Read(4, 1)))
    assert row.first_change(other) == first
