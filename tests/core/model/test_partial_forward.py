"""Passes that start at a later layer give what whole passes give, for every architecture, and do run less."""

import numpy as np
import pytest
import torch

from core.generators import result_of
from core.heads import EdgeId, HeadId, all_heads
from core.model import partial_forward as resume
from core.model.batching import pad
from core.model.loading import LoadedModel
from core.model.next_token import head_logits
from core.model.partial_forward import Streams
from core.model.prefixes.kept_prefix import Prefixes
from tests.support.pairs import pairs, patched
from tests.support.tiny_models import CONFIGS, tiny

TEXTS = [[5, 6, 7, 8, 9], [10, 11, 12], [13, 14, 15, 16]]
EDGES = [EdgeId(HeadId(0, 1), HeadId(1, 3)), EdgeId(HeadId(1, 0), HeadId(2, 2))]


@torch.no_grad()
def logits_of(loaded: LoadedModel, texts: list[list[int]]) -> torch.Tensor:
    ids, mask = pad(texts, loaded.device)
    hidden = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
    last = torch.tensor([len(text) - 1 for text in texts])
    return head_logits(loaded, hidden[torch.arange(len(texts)), last])


def recorded(loaded: LoadedModel) -> Streams:
    streams = Streams(loaded, [len(text) for text in TEXTS])
    with streams.recorder([0, 1, 2]):
        logits_of(loaded, TEXTS)
    return streams


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_resumed_pass_gives_the_logits_of_a_whole_one_and_passes_layers_over(kind):
    loaded = tiny(kind, seed=2)
    plain, streams = logits_of(loaded, TEXTS), recorded(loaded)
    runs = []
    handles = [
        loaded.projection(layer).register_forward_hook(lambda *_call, layer=layer: runs.append(layer))
        for layer in range(3)
    ]
    for first in range(3):
        runs.clear()
        with streams.resumed([2, 0, 2], first):
            logits = logits_of(loaded, [TEXTS[2], TEXTS[0], TEXTS[2]])
        torch.testing.assert_close(logits, plain[[2, 0, 2]], atol=1e-4, rtol=1e-4)
        assert runs == list(range(first, 3))
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(logits_of(loaded, TEXTS), plain)


def test_everything_is_put_back_after_an_exception():
    loaded = tiny("gpt2", seed=2)
    streams = recorded(loaded)
    with pytest.raises(RuntimeError), streams.resumed([0], 2):
        raise RuntimeError
    with pytest.raises(RuntimeError), streams.recorder([0]):
        raise RuntimeError
    for layer in loaded.layers:
        assert "forward" not in layer.__dict__
        assert not layer._forward_pre_hooks
        assert not layer._forward_hooks


@pytest.mark.parametrize("method", ["resample", "mean"])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "gemma2", "phi3"])
def test_effects_are_those_of_whole_passes(kind, method, monkeypatch):
    loaded = tiny(kind, seed=2)
    targets = ((all_heads(3, 4), "all"), *((EDGES, reads) for reads in ("all", "q", "k", "v")))
    patching, metric = patched(loaded, pairs(), method)
    monkeypatch.setattr("core.causal.patching.BATCH_ROWS", 9)
    shortened = [result_of(patching.effects(part, metric, reads)) for part, reads in targets]
    monkeypatch.setattr(resume, "MOST_BYTES", 0)
    monkeypatch.setattr(Prefixes, "hold", lambda *_about: False)
    patching, metric = patched(loaded, pairs(), method)
    for (part, reads), effects in zip(targets, shortened, strict=True):
        np.testing.assert_allclose(result_of(patching.effects(part, metric, reads)), effects, atol=5e-4)
