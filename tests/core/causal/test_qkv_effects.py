"""Which of query, key and value carries an edge."""

from functools import partial

import numpy as np
import pytest
import torch

from core.causal.path_patching import patch_edges
from core.causal.qkv_effects import carried_by, part_effects
from tests.support.pairs import TARGETS, pairs, patched
from tests.support.surgery import recorded
from tests.support.tiny_models import tiny


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


@pytest.mark.parametrize(
    ("effect", "parts", "expected"),
    [
        (0.4, (0.0, 0.4, 0.0), "k"),
        (0.4, (0.2, 0.0, 0.1), "q+v"),
        (0.4, (0.2, 0.0, 0.09), "q"),
        (0.4, (0.1, 0.1, 0.1), "q+k+v"),
        (-0.4, (-0.3, 0.3, -0.2), "q+v"),
        (0.4, (0.001, 0.002, -0.3), ""),
        (0.4, (0.4, np.nan, 0.0), ""),
    ],
)
def test_the_parts_that_carry_an_edge_worked_by_hand(effect, parts, expected):
    assert carried_by(effect, parts, bound=0.02) == expected


@pytest.mark.parametrize("part", ["q", "k", "v"])
def test_the_effect_through_one_part_is_that_of_path_patching_with_it_alone(loaded, part):
    examples = pairs(longer=False)
    patching, metric = patched(loaded, examples, "resample")
    edges = TARGETS[3:]
    measure = partial(patching.effects, metric=metric)
    running = part_effects(measure, edges, [0, 1, 0], 4)
    while True:
        try:
            next(running)
        except StopIteration as end:
            effects = end.value
            break
    assert effects.shape == (3, 3)
    ids = torch.tensor([loaded.encode(e.text) for e in examples])
    for row, (edge, direction) in enumerate(zip(edges, [0, 1, 0], strict=True)):
        with torch.no_grad():
            with recorded(loaded) as recording:
                loaded.model(ids)
            donors = recording.z[:, [4, 5, 6, 7, 0, 1, 2, 3]]
            with patch_edges(loaded, [[edge]] * 8, donors, reads=part):
                logits = loaded.model(ids).logits[:, -1]
        changed = metric.of(logits, range(8))
        side = slice(4 * direction, 4 * direction + 4)
        share = (metric.values[side] - changed[side]).mean() / metric.gap * (1 - 2 * direction)
        assert effects[row, "qkv".index(part)] == pytest.approx(share, abs=2e-4)
