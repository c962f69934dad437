"""What is read of every causal type of the installed transformers, held against surgery on tiny random models.

Surgery knows nothing of the product's hooks: it sets the columns of a head in the weight of the output projection to
zero, or what the model's own attention function gives for that head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from core.errors import ModelError
from core.heads import HeadId
from core.model.attention_calls import on_weights
from core.model.hooks import after, on_z
from core.model.loaded_model import LoadedModel
from tests.support.attention import attention_by
from tests.support.every_type import KINDS, TOKENS, CannotBuild, tiny
from tests.support.tiny_models import word_tokenizer

USUAL = (
    "gpt2 llama mistral ministral3 qwen2 qwen3 qwen3_moe qwen3_5_text gemma gemma2 gemma3_text gemma4_text mixtral"
    " gpt_oss deepseek_v3 phi phi3 gpt_neo gpt_neox opt olmo2 olmo3 granite granitemoehybrid smollm3 glm4 lfm2 llama4"
    " nemotron_h jamba codegen falcon bloom"
)
"""The types that most people have; the others take part in the slow tests."""
EVERY = [pytest.param(kind, marks=[] if kind in USUAL.split() else pytest.mark.slow) for kind in KINDS]

REFUSED = {
    **dict.fromkeys(("falcon_mamba", "mamba", "mamba2", "reformer", "rwkv", "xlstm"), "no_heads"),
    **dict.fromkeys(("deepseek_v4", "jetmoe", "xlnet"), "no_projection"),
    **dict.fromkeys(("diffllama", "longcat_flash"), "several_attentions"),
    **dict.fromkeys(("blt", "hrm_text"), "several_stacks"),
    "dory": "layers_run_again",
    "cpmant": "positions_added",
    "prophetnet": "several_attentions",
}
"""Why the types are refused that can be built."""
NO_HEADS = ("linear_attention", "conv", "moe", "mlp", "recurrent")
"""Kinds of layers, in the words of the configs, that have no attention heads."""
HEADS_BY_LAYER = {"laguna": [4, 2, 4], "dots3_note": [4, 2, 4, 2], "dots3_note_text": [4, 2, 4, 2]}
NORM_IN_FRONT = ("bitnet", "inkling2_text", "inkling2_loop_text")
"""Types with more than the attention function in front of the projection, so that a zero there is not the head's alone:
a norm, or attention over the blocks before by the same function."""


def text() -> Tensor:
    return torch.randint(TOKENS.start, TOKENS.stop, (1, 13), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def logits_of(model: nn.Module) -> Tensor:
    return model(input_ids=text(), use_cache=False).logits


@contextmanager
def without_columns(loaded: LoadedModel, head: HeadId) -> Iterator[None]:
    """The layer's projection with a weight of its own, without what it makes of this head."""
    projection, size = loaded.projection(head.layer), loaded.d_head(head.layer)
    usual = projection.weight
    weight = usual.detach().clone()
    columns = weight.T if isinstance(projection, nn.Linear) else weight
    columns[head.head * size : (head.head + 1) * size] = 0
    projection.weight = nn.Parameter(weight)
    yield
    projection.weight = usual


@contextmanager
def attention_without(loaded: LoadedModel, head: HeadId, monkeypatch) -> Iterator[None]:
    """The model's own attention function gives zero for this head."""
    usual = AttentionInterface.get_interface
    inside = {id(module) for module in loaded.layers[head.layer].modules()}

    def lookup(self, *args, **kwargs):
        compute = usual(self, *args, **kwargs)

        def computed(module, *given, **options):
            output, *rest = compute(module, *given, **options)
            if id(module) in inside:
                output = output.clone()
                output[:, :, head.head] = 0
            return output, *rest

        return computed

    with monkeypatch.context() as patch:
        patch.setattr(AttentionInterface, "get_interface", lookup)
        yield


@contextmanager
def hook_at_zero(loaded: LoadedModel, head: HeadId) -> Iterator[None]:
    """The product's own way to switch a head off."""

    def change(z: Tensor) -> Tensor:
        z = z.clone()
        z[:, :, head.head] = 0
        return z

    with on_z(loaded, head.layer, change):
        yield


def heads_by_config(kind: str, model: nn.Module) -> dict[int, int]:
    """Heads of every layer that has some, by the config alone."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
    kinds = kinds or ["full_attention"] * config.num_hidden_layers
    heads = HEADS_BY_LAYER.get(kind) or [config.num_attention_heads] * len(kinds)
    return {layer: heads[layer] for layer, of_layer in enumerate(kinds) if of_layer not in NO_HEADS}


@cache
def read(kind: str) -> LoadedModel:
    """The tiny model of a type, built once for all tests, which leave it as it was."""
    try:
        return LoadedModel(tiny(kind), word_tokenizer(), kind)
    except CannotBuild as reason:
        pytest.skip(str(reason))


def close(left: Tensor, right: Tensor, what: str) -> None:
    torch.testing.assert_close(left, right, atol=2e-5, rtol=1e-4, msg=what)


@pytest.mark.parametrize("kind", [case for case in EVERY if case.values[0] in REFUSED])
def test_a_type_whose_heads_cannot_be_told_apart_is_refused_with_the_reason(kind):
    with pytest.raises(ModelError) as refusal:
        read(kind)
    assert refusal.value.key == REFUSED[kind]


@pytest.mark.parametrize("kind", [case for case in EVERY if case.values[0] not in REFUSED])
def test_a_head_is_what_surgery_on_the_modules_takes_out(kind, monkeypatch):
    loaded = read(kind)
    model, plain = loaded.model, logits_of(loaded.model)
    assert torch.isfinite(plain).all() and plain.std() > 0.01
    assert {layer: loaded.n_heads(layer) for layer in loaded.layers_with_heads} == heads_by_config(
        kind, model
    )
    changes = []
    for head in (loaded.heads[0], loaded.heads[-1]):
        with hook_at_zero(loaded, head):
            hooked = logits_of(model)
        changes.append(float((hooked - plain).abs().max()))
        with without_columns(loaded, head):
            close(hooked, logits_of(model), f"columns of {head}")
        by_lookup = next(of.by_interface for of in loaded.reading.layers if of.layer == head.layer)
        if by_lookup and kind not in NORM_IN_FRONT:
            with attention_without(loaded, head, monkeypatch):
                close(hooked, logits_of(model), f"output of the attention function for {head}")
    assert max(changes) > 1e-3
    assert torch.equal(logits_of(model), plain)


@pytest.mark.parametrize("kind", [case for case in EVERY if case.values[0] not in REFUSED])
def test_what_the_heads_of_a_layer_write_adds_up_to_what_its_projection_writes(kind):
    loaded = read(kind)
    for layer in loaded.layers_with_heads:
        z, written = [], []

        def keep(_module: nn.Module, output: Tensor, written: list[Tensor] = written) -> Tensor:
            written.append(output)
            return output

        with on_z(loaded, layer, z.append), after(loaded.projection(layer), keep):
            logits_of(loaded.model)
        by_head = torch.einsum("...hd,hdm->...hm", z[0], loaded.output_weights(layer))
        bias = getattr(loaded.projection(layer), "bias", None)
        total = by_head.sum(-2) if bias is None else by_head.sum(-2) + bias
        assert by_head.shape[-2:] == (loaded.n_heads(layer), loaded.shape.d_model)
        close(total, written[0], f"layer {layer}")


@pytest.mark.parametrize("kind", [case for case in EVERY if case.values[0] not in REFUSED])
def test_attention_weights_are_those_that_the_type_gives_out_itself_and_the_pass_stays_what_it_is(kind):
    loaded = read(kind)
    plain, read_off = logits_of(loaded.model), {}
    with on_weights(loaded, loaded.layers_with_heads, read_off.__setitem__):
        assert torch.equal(logits_of(loaded.model), plain)
    with torch.no_grad(), attention_by(loaded, "eager"):
        given = loaded.model(input_ids=text(), use_cache=False, output_attentions=True).attentions
    # hybrids give out what their other layers hand on, too
    own = [weights for weights in given if weights is not None and weights.shape[-2:] == (13, 13)]
    assert sorted(read_off) == list(loaded.layers_with_heads)
    for layer, weights in zip(sorted(read_off), own, strict=True):
        assert weights.shape[1] == loaded.n_heads(layer)
        close(read_off[layer], weights, f"layer {layer}")


@pytest.mark.slow
def test_types_that_cannot_be_built_say_why():
    reasons = {}
    for kind in KINDS:
        try:
            tiny(kind)
        except CannotBuild as reason:
            reasons[kind] = str(reason)
    assert len(reasons) <= 6 and all(len(reason) > 20 for reason in reasons.values())
