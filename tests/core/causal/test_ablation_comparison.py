"""Effects under several ablations beside each other."""

import numpy as np
import pytest
import torch

from core.causal.ablation_comparison import disagree, effects_when_out
from core.causal.bounds import HEAD_BOUND
from core.generators import result_of
from core.model.prefixes.kept_prefix import Prefixes
from core.schema import EffectRecord
from tests.support.pairs import TARGETS, pairs, patched
from tests.support.surgery import replace_heads, z_of
from tests.support.tiny_models import tiny


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def test_mean_ablation_side_by_side_is_what_the_verdicts_would_rest_on(loaded):
    examples = pairs()
    patching, metric = patched(loaded, examples, "mean")
    running = effects_when_out(patching, TARGETS[:3], metric, ["mean", "zero"])
    steps = []
    while True:
        try:
            steps.append(next(running))
        except StopIteration as end:
            beside = end.value
            break
    assert steps[-1] == 2 * 3 * 4
    np.testing.assert_allclose(beside["mean"], result_of(patching.effects(TARGETS[:3], metric))[0], atol=2e-4)
    assert not np.allclose(beside["zero"], beside["mean"], atol=1e-3)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("kind", ["mean", "zero"])
def test_between_texts_of_a_pair_other_ablations_act_behind_what_both_begin_with(
    loaded, kind, kept, monkeypatch
):
    """The pairs begin with three tokens alike; by surgery heads are changed from the fourth on."""
    if not kept:
        monkeypatch.setattr(Prefixes, "hold", lambda *_about: False)
    examples = pairs()
    patching, metric = patched(loaded, examples)
    beside = result_of(effects_when_out(patching, TARGETS[:3], metric, [kind]))[kind]
    everywhere, last = patching.replacements.means
    for number, head in enumerate(TARGETS[:3]):
        for text in range(4):
            ids = torch.tensor([loaded.encode(examples[text].text)])
            instead = z_of(loaded, ids)[head.layer]
            instead[:, 3:, head.head] = everywhere[head.layer][head.head] if kind == "mean" else 0
            if kind == "mean":
                instead[:, -1, head.head] = last[head.layer][head.head]
            with torch.no_grad(), replace_heads(loaded, [[head]], lambda _layer, z=instead: z):
                changed = metric.of(loaded.model(ids).logits[:, -1], [text])[0]
            lost = (metric.values[text] - changed) / metric.gap
            assert beside[number, text] == pytest.approx(lost, abs=5e-4)


@pytest.mark.parametrize(
    ("effects", "disagreeing"),
    [
        ([(0.3, 0.2, 0.4), (-0.3, -0.4, -0.2)], True),
        ([(0.3, 0.2, 0.4), (-0.3, -0.4, 0.1)], False),
        ([(0.3, 0.2, 0.4), (-0.02, -0.03, -0.01)], False),
        ([(0.3, 0.2, 0.4), (0.1, 0.05, 0.2)], False),
        ([(0.3, 0.2, 0.4), (None, None, None)], False),
    ],
)
def test_when_ablations_disagree_in_sign(effects, disagreeing):
    records = [
        EffectRecord(**dict(zip(("effect", "low", "high"), numbers, strict=True))) for numbers in effects
    ]
    assert disagree(records, HEAD_BOUND) is disagreeing
