"""What the MLP block of a layer adds: told apart by the block's own sum, and taken out of it, on many types."""

from contextlib import ExitStack

import pytest
import torch
from torch import Tensor

from core.model.architectures.mlp import first_tensor, mlp_modules_of
from core.model.hooks import before
from core.model.loaded_model import LoadedModel
from core.model.mlp_outputs import KeptMlps, on_mlp, read_mlps
from tests.support.every_type import TOKENS, tiny
from tests.support.tiny_models import random_model, word_tokenizer
from tests.support.tiny_models import tiny as tiny_words

KINDS = [
    "gpt2",
    "gemma2",
    "gpt_neox",
    "opt",
    "bloom",
    "falcon",
    "mixtral",
    "gpt_oss",
    "granite",
    "jamba",
    "nemotron_h",
]
"""Norms in front and behind, parallel blocks, tokens of all rows in one list, the stream inside the MLP, experts,
scales, and layers of other kinds.
"""
MODULES = {
    "gpt2": "mlp",
    "gemma2": "post_feedforward_layernorm",
    "gpt_neox": "post_mlp_dropout",
    "opt": "fc2",
    "bloom": "mlp.dense_4h_to_h",
    "mixtral": "mlp",
    "granite": "mlp",
}


def loaded_of(kind: str) -> LoadedModel:
    return LoadedModel(tiny(kind), word_tokenizer(), kind)


def rows() -> Tensor:
    return torch.randint(TOKENS.start, TOKENS.stop, (2, 7), generator=torch.Generator().manual_seed(0))


def block_in_and_out(loaded: LoadedModel, layer: int) -> dict[str, Tensor]:
    """The block's input and output, and what its attention writes, in a pass of two rows."""
    seen: dict[str, Tensor] = {}

    def enter(_module, args, kwargs):
        seen["in"] = (args[0] if args else kwargs["hidden_states"]).clone()

    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(before(loaded.layers[layer], enter))
        if layer in loaded.layers_with_heads:
            writer = loaded.norm_behind(layer) or loaded.projection(layer)
            stack.enter_context(
                writer.register_forward_hook(
                    lambda _m, _a, out: seen.update(attention=first_tensor(out).clone())
                )
            )
        stack.enter_context(
            loaded.layers[layer].register_forward_hook(
                lambda _m, _a, out: seen.update(out=first_tensor(out).clone())
            )
        )
        loaded.model(input_ids=rows(), use_cache=False)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_mlp_block_a_layer_hands_on_its_input_and_its_attention_alone(kind):
    loaded, taken = loaded_of(kind), []
    assert loaded.stream.plain and loaded.abilities.mlp_modules
    for layer in loaded.abilities.mlp_modules:

        def nothing(output: Tensor) -> Tensor:
            taken.append(float(output.abs().max()))
            return torch.zeros_like(output)

        with on_mlp(loaded, layer, nothing):
            seen = block_in_and_out(loaded, layer)
        expected = loaded.stream.carries[layer] * seen["in"]
        if "attention" in seen:
            expected += loaded.stream.writes[layer] * seen["attention"].reshape(expected.shape)
        torch.testing.assert_close(seen["out"], expected, atol=2e-5, rtol=1e-4)
    assert min(taken) > 1e-3
    assert not loaded.layers[0]._forward_pre_hooks


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_module_is_found_in_every_precision(kind, precision):
    model = tiny(kind).to(precision)
    loaded = LoadedModel(model, word_tokenizer(), kind)
    named = {layer: path.split(f".{layer}.")[1] for layer, path in loaded.abilities.mlp_modules.items()}
    assert named == dict.fromkeys(range(loaded.shape.n_layers), MODULES[kind])


def test_in_half_precision_a_blocks_own_output_put_back_changes_nothing():
    loaded = LoadedModel(tiny("llama").to(torch.bfloat16), word_tokenizer(), "llama")
    texts = rows().tolist()
    kept = dict(_all(read_mlps(loaded, texts, range(loaded.shape.n_layers))))
    with torch.no_grad(), ExitStack() as stack:
        plain = loaded.model(input_ids=rows()).logits
        for layer in range(loaded.shape.n_layers):
            own = torch.stack([kept[text][layer] for text in range(2)])
            stack.enter_context(on_mlp(loaded, layer, lambda _output, own=own: own))
        assert torch.equal(loaded.model(input_ids=rows()).logits, plain)


def test_a_layer_of_attention_alone_has_no_mlp_block():
    loaded = loaded_of("nemotron_h")
    assert set(loaded.layers_with_heads).isdisjoint(loaded.abilities.mlp_modules)


def test_a_block_that_adds_nothing_is_found_by_its_module():
    model = random_model("llama", seed=2)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight.zero_()
    loaded = LoadedModel(model, word_tokenizer(), "llama")
    assert loaded.abilities.mlp_modules[1].endswith("layers.1.mlp")


def test_models_whose_stream_is_no_plain_sum_have_none():
    loaded = tiny_words("opt", do_layer_norm_before=False)
    assert loaded.abilities.mlp_modules == {}
    assert mlp_modules_of(loaded.model, loaded.reading, loaded.stream) == {}
    assert not KeptMlps(loaded, [3]).usable


def _all(running):
    while True:
        try:
            yield next(running)
        except StopIteration:
            return
