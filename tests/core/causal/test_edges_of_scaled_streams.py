"""Edges of models that multiply what attention adds or what a layer hands on, against runs with everything else held.

The brute force needs no rule of the stream: the sender writes another z, every other attention and every MLP is held at
what it gave in the plain run, and the receiver's z is read.
"""

from contextlib import ExitStack

import pytest
import torch

from core.causal.path_patching import patch_edges
from core.heads import EdgeId, HeadId
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from tests.support import every_type
from tests.support.tiny_models import word_tokenizer

IDS = torch.tensor([[5, 9, 7, 30]])
EDGE = EdgeId(HeadId(0, 1), HeadId(2, 3))


def scaled(kind: str) -> LoadedModel:
    settings = {"granite": {"residual_multiplier": 0.25}}.get(kind, {})
    model = every_type.tiny(kind, **settings)
    if kind == "gemma4_text":
        for layer, factor in enumerate((0.5, 2.0, 1.0, 0.25)):
            model.model.layers[layer].layer_scalar.fill_(factor)
    return LoadedModel(model, word_tokenizer(), kind)


def read_z(loaded: LoadedModel, layer: int, contexts) -> torch.Tensor:
    """z (position, d_head) of the receiver in a run inside the contexts."""
    kept = []
    with torch.no_grad(), ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        stack.enter_context(on_z(loaded, layer, lambda z: kept.append(z.clone())))
        loaded.model(IDS)
    return kept[-1][0, :, 3]


@pytest.mark.parametrize("kind", ["llama", "granite", "gemma4_text", "jamba"])
def test_an_edge_is_the_run_with_all_else_held(kind):
    loaded = scaled(kind)
    edge = EDGE if 0 in loaded.layers_with_heads else EdgeId(HeadId(1, 1), HeadId(3, 3))
    source, target = edge
    plain: dict[object, torch.Tensor] = {}
    blocks = loaded.layers[source.layer + 1 : target.layer]
    held = [
        module
        for block in [loaded.layers[source.layer], *blocks]
        for name, module in block.named_modules()
        if not [*module.children()]
        and module not in (loaded.projection(source.layer), loaded.norm_behind(source.layer))
    ]
    shape = (1, IDS.shape[1], loaded.n_heads(source.layer), loaded.d_head(source.layer))
    other = torch.randn(shape, generator=torch.Generator().manual_seed(1))

    def keep(module, _args, output):
        plain.setdefault(module, output)

    with torch.no_grad(), ExitStack() as stack:
        for module in held:
            stack.enter_context(module.register_forward_hook(keep))
        loaded.model(IDS)

    def change(z):
        z = z.clone()
        z[:, :, source.head] = other[:, :, source.head]
        return z

    holding = [m.register_forward_hook(lambda m, _a, _o: plain[m]) for m in held if m in plain]
    by_hand = read_z(loaded, target.layer, [*holding, on_z(loaded, source.layer, change)])
    patched = read_z(loaded, target.layer, [patch_edges(loaded, [[edge]], {source.layer: other})])
    untouched = read_z(loaded, target.layer, [])
    torch.testing.assert_close(patched, by_hand, atol=1e-4, rtol=1e-3)
    assert (patched - untouched).abs().max() > 1e-3, "the edge carries something"
