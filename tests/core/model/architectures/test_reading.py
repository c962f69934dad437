"""Where heads are found in decoders of every form, and why some have none to find."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from core.errors import ModelError
from core.heads import HeadId
from core.model.architectures import read_heads, text_part_notes
from core.model.loaded_model import LoadedModel
from tests.support import every_type
from tests.support.tiny_models import CONFIGS, random_model, word_tokenizer


def names(kind: str) -> tuple[str, ...]:
    first = read_heads(random_model(kind), kind).layers[0]
    return tuple(
        path.rpartition(".")[2] for path in (first.attention, first.projection, first.norm, first.norm_behind)
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("gpt2", ("attn", "c_proj", "ln_1", "")),
        ("llama", ("self_attn", "o_proj", "input_layernorm", "")),
        ("gemma2", ("self_attn", "o_proj", "input_layernorm", "post_attention_layernorm")),
        ("gpt_neox", ("attention", "dense", "input_layernorm", "")),
        ("opt", ("self_attn", "out_proj", "self_attn_layer_norm", "")),
        ("bloom", ("self_attention", "dense", "input_layernorm", "")),
        ("falcon", ("self_attention", "dense", "ln_attn", "")),
    ],
)
def test_modules_of_known_types(kind, expected):
    assert names(kind) == expected


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_without_weights_the_same_is_found(kind):
    model = random_model(kind)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(model.config)
    assert read_heads(empty, kind) == read_heads(model, kind)


@pytest.mark.parametrize(
    "kind", ["jamba", "qwen3_next", "gemma4_text", "gpt_oss", "deepseek_v3", "nemotron_h", "mixtral"]
)
def test_without_weights_the_same_is_found_in_hybrids_and_mixtures(kind):
    model = every_type.tiny(kind)
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(model.config)
    assert read_heads(empty, kind) == read_heads(model, kind)


def test_a_hybrid_has_heads_in_some_layers():
    loaded = LoadedModel(every_type.tiny("jamba"), word_tokenizer(), "jamba")
    assert loaded.shape.n_layers == 4
    assert loaded.layers_with_heads == (1, 3)
    assert loaded.heads == tuple(HeadId(layer, head) for layer in (1, 3) for head in range(4))
    assert [loaded.flat(head) for head in loaded.heads] == list(range(8))
    assert (loaded.slice_of(1), loaded.slice_of(2), loaded.slice_of(3)) == (
        slice(0, 4),
        slice(4, 4),
        slice(4, 8),
    )
    assert (loaded.n_heads(0), loaded.d_head(0)) == (0, 0)
    assert loaded.shape.heads_by_layer == (0, 4, 0, 4)


def test_layers_may_have_heads_of_other_sizes():
    loaded = LoadedModel(every_type.tiny("gemma4_text"), word_tokenizer(), "gemma4")
    sizes = [loaded.d_head(layer) for layer in loaded.layers_with_heads]
    assert len(set(sizes)) == 2 and loaded.shape.d_head == max(sizes)
    for layer, size in zip(loaded.layers_with_heads, sizes, strict=True):
        assert loaded.output_weights(layer).shape == (loaded.n_heads(layer), size, loaded.shape.d_model)
    z = torch.randn(len(loaded.heads), max(sizes))
    smallest = loaded.layers_with_heads[sizes.index(min(sizes))]
    head = loaded.flat(HeadId(smallest, 1))
    z[head, min(sizes) :] = 0
    held = (loaded.head_frames() @ z[..., None])[..., 0]
    written = z[head, : min(sizes)] @ loaded.output_weights(smallest)[1]
    torch.testing.assert_close(held[head].norm(), written.norm())
    torch.testing.assert_close(loaded.to_d_model(held[None])[0, head], written, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("mamba", "no_heads"),
        ("rwkv", "no_heads"),
        ("jetmoe", "no_projection"),
        ("longcat_flash", "several_attentions"),
        ("dory", "layers_run_again"),
        ("blt", "several_stacks"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(kind, key):
    with pytest.raises(ModelError, match=kind) as caught:
        read_heads(every_type.tiny(kind), "tiny")
    assert caught.value.key == key and "\n" not in str(caught.value)


def test_a_model_that_fails_on_a_short_text_is_refused_with_what_it_says():
    model = random_model("llama")
    model.model.layers[1].mlp.forward = lambda _stream: 1 / 0
    with pytest.raises(ZeroDivisionError):
        read_heads(model, "tiny")
    del model.model.layers[1].mlp.forward
    model.model.layers[1].mlp.up_proj = torch.nn.Linear(3, 3)
    with pytest.raises(ModelError, match="failed on a short text .*shapes") as caught:
        read_heads(model, "tiny")
    assert caught.value.key == "no_short_pass"


def test_of_a_model_that_reads_pictures_too_the_language_model_is_named():
    (note,) = text_part_notes(every_type.tiny_config("gemma3"))
    assert (note.key, note.values) == ("text_part", {"architecture": "gemma3", "text": "gemma3_text"})
    assert text_part_notes(every_type.tiny_config("llama")) == []


def test_a_stream_of_several_lanes_is_wider_than_what_a_head_writes():
    reading = read_heads(every_type.tiny("qwen4_exp_text"), "qwen4_exp_text")
    assert reading.d_model == 32 and [of_layer.layer for of_layer in reading.layers] == [1, 3]
