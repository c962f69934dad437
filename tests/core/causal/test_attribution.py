"""Attribution patching against plain autograd on one head, and against exact patching of a small change."""

import numpy as np
import pytest
import torch

from core.causal import attribution as attribution_module
from core.causal.attribution import attribution
from core.causal.metric import Metric
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.model.loading import LoadedModel
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import recording_of, tiny

HEADS = [HeadId(0, 1), HeadId(1, 3), HeadId(2, 0)]


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def with_added(
    loaded: LoadedModel, ids: list[int], head: HeadId, added: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits after the text with something added to z of a head, and its z (position, d_head)."""
    seen = []
    part = slice(head.head * loaded.shape.d_head, (head.head + 1) * loaded.shape.d_head)

    def hook(_module, args):
        seen.append(args[0][0, :, part].detach())
        return (
            torch.cat(
                [args[0][..., : part.start], args[0][..., part] + added, args[0][..., part.stop :]], -1
            ),
        )

    handle = loaded.projection(head.layer).register_forward_pre_hook(hook)
    try:
        logits = loaded.model(torch.tensor([ids])).logits[0, -1]
    finally:
        handle.remove()
    return logits, seen[0]


def nothing(loaded: LoadedModel, ids: list[int]) -> torch.Tensor:
    return torch.zeros(1, len(ids), loaded.shape.d_head)


def measured(metric: Metric, logits: torch.Tensor, text: int) -> torch.Tensor:
    return metric.read(logits.double()[None], [text])[0]


def by_autograd(
    loaded: LoadedModel, metric: Metric, text: int, ids: list[int], head: HeadId, instead: torch.Tensor
) -> float:
    """The definition, for one head and one text."""
    added = nothing(loaded, ids).requires_grad_()
    logits, z = with_added(loaded, ids, head, added)
    (gradient,) = torch.autograd.grad(measured(metric, logits, text), added)
    return float((gradient[0] * (z - instead)).sum()) / metric.gap


@torch.no_grad()
def own_z(loaded: LoadedModel, ids: list[int], head: HeadId) -> torch.Tensor:
    return with_added(loaded, ids, head, nothing(loaded, ids))[1]


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_attribution_equals_plain_autograd_with_the_partner_s_values(loaded, head):
    examples = pairs()
    texts = [loaded.encode(e.text) for e in examples]
    patching, metric = patched(loaded, examples)
    result = result_of(attribution(recording_of(loaded, examples), patching, metric))
    assert result.values.shape == (12, 4)
    assert (result.forward_passes, result.backward_passes) == (1, 1)
    for text in range(4):
        instead = own_z(loaded, texts[text + 4], head)
        expected = by_autograd(loaded, metric, text, texts[text], head, instead)
        assert result.values[loaded.flat(head), text] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert np.abs(result.values).max() > 0.01


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_attribution_equals_plain_autograd_with_the_normal_mean(loaded, head):
    examples = pairs()
    texts = [loaded.encode(e.text) for e in examples]
    patching, metric = patched(loaded, examples, "mean")
    result = result_of(attribution(recording_of(loaded, examples), patching, metric))
    normal = [own_z(loaded, ids, head) for ids in texts[4:]]
    everywhere, last = torch.cat(normal).mean(0), torch.stack([z[-1] for z in normal]).mean(0)
    for text in range(4):
        instead = torch.cat([everywhere.repeat(len(texts[text]) - 1, 1), last[None]])
        expected = by_autograd(loaded, metric, text, texts[text], head, instead)
        assert result.values[loaded.flat(head), text] == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox"])
def test_a_small_change_has_the_effect_that_the_attribution_foretells(kind):
    loaded = tiny(kind, seed=2)
    loaded.model.double()
    examples, small = pairs(), 1e-3
    texts = [loaded.encode(e.text) for e in examples]
    patching, metric = patched(loaded, examples)
    values = result_of(attribution(recording_of(loaded, examples), patching, metric)).values
    for head in all_heads(3, 4):
        change = small * (own_z(loaded, texts[4], head) - own_z(loaded, texts[0], head))
        with torch.no_grad():
            before = measured(metric, with_added(loaded, texts[0], head, 0 * change[None])[0], 0)
            after = measured(metric, with_added(loaded, texts[0], head, change[None])[0], 0)
        effect = float(before - after) / metric.gap / small
        # some norms reckon in single precision whatever the model's, so the difference is noisy
        noise = 0.01 * np.abs(values[:, 0]).max()
        assert effect == pytest.approx(values[loaded.flat(head), 0], rel=0.02, abs=noise)


@pytest.mark.parametrize("method", ["resample", "mean"])
def test_the_size_of_batches_changes_nothing(loaded, method, monkeypatch):
    examples = pairs()
    patching, metric = patched(loaded, examples, method)
    together = result_of(attribution(recording_of(loaded, examples), patching, metric))
    monkeypatch.setattr(attribution_module, "GRADIENT_BYTES", 1)
    single = result_of(attribution(recording_of(loaded, examples), patching, metric))
    np.testing.assert_allclose(single.values, together.values, atol=1e-5)
    assert single.backward_passes == 4
    assert single.forward_passes == 4


def test_no_hook_and_no_gradient_is_left_behind(loaded):
    examples = pairs()
    patching, metric = patched(loaded, examples)
    result_of(attribution(recording_of(loaded, examples), patching, metric))
    assert not any(loaded.projection(layer)._forward_pre_hooks for layer in range(3))
    assert all(p.grad is None and not p.requires_grad for p in loaded.model.parameters())
    assert torch.is_grad_enabled()
