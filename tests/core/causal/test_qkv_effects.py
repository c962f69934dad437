"""Which of query, key and value carries an edge."""

from functools import partial

import numpy as np
import pytest
import torch

from core.causal.path_patching import patch_edges
from core.causal.qkv_effects import carried_by, part_effects, run_reading, separable
from core.model.hooks import after, before, on_z, run_again
from core.model.loaded_model import LoadedModel
from tests.support import every_type
from tests.support.pairs import TARGETS, pairs, patched
from tests.support.surgery import recorded
from tests.support.tiny_models import tiny, word_tokenizer


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


def rows_of_projection(kind, attention, part):
    """The projection that makes q, k or v, and those of its outputs that are this part, by the layout of the type."""
    place = "qkv".index(part)
    if kind == "phi3":
        return attention.qkv_proj, torch.arange(96).chunk(3)[place]
    if kind == "falcon":  # group after group: its two queries, its key, its value, of 8 numbers each
        return attention.query_key_value, torch.arange(64).view(2, 4, 8).split((2, 1, 1), 1)[place].flatten()
    if kind == "bloom":  # head after head: query, key, value
        return attention.query_key_value, torch.arange(96).view(4, 3, 8)[:, place].flatten()
    if kind == "deepseek_v3":  # a head's 6 values lie behind its 8 unrotated keys
        return attention.kv_b_proj, torch.arange(4 * 14).view(4, 14)[:, 8:].flatten()
    module = getattr(attention, f"{part}_proj")
    return module, torch.arange(module.out_features)


TYPES = ["falcon", "phi3", "gemma2", "gpt_oss", "qwen3", "granitemoehybrid", "bloom"]


@pytest.mark.parametrize(("kind", "part"), [*((k, p) for k in TYPES for p in "qkv"), ("deepseek_v3", "v")])
def test_one_part_alone_is_what_its_rows_of_the_projection_make_of_the_change(kind, part):
    settings = {"new_decoder_architecture": True, "num_kv_heads": 2} if kind == "falcon" else {}
    loaded = LoadedModel(every_type.tiny(kind, **settings), word_tokenizer(), kind)
    layer = loaded.layers_with_heads[-1]
    attention, calls = loaded.attention(layer), []
    with torch.no_grad(), before(attention, lambda module, args, kwargs: calls.append((args, kwargs))):
        loaded.model(input_ids=torch.arange(4, 17)[None], use_cache=False)
    args, kwargs = calls[0]
    run = partial(run_again, attention, args, kwargs)
    base = args[0] if args else kwargs["hidden_states"]
    shifted = base + torch.randn(base.shape, generator=torch.Generator().manual_seed(0))
    module, rows = rows_of_projection(kind, attention, part)
    projected, plain, expected, mixed = [], [], [], []

    def mix(_module, output):
        output = output.clone()
        output[..., rows] = projected[0][..., rows]
        return output

    with torch.no_grad():
        with after(module, lambda _module, output: projected.append(output.clone()) or output):
            run(shifted)
        with on_z(loaded, layer, plain.append):
            run(base)
        with after(module, mix), on_z(loaded, layer, expected.append):
            run(base)
        run_reading(loaded, layer, part, run, base, shifted, mixed.append)
    torch.testing.assert_close(mixed[0], expected[0], atol=1e-5, rtol=1e-4)
    assert separable(loaded) and (expected[0] - plain[0]).abs().max() > 0.01
