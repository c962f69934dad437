"""Logits are read in float32, scaled and capped as the model does."""

import pytest
import torch
from torch import nn

from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import logit_changes
from core.model.next_token import head_logits, last_logits, most_likely
from tests.support.tiny_models import CONFIGS, random_model, tiny, word_tokenizer

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15]]


def in_half(kind: str):
    loaded = tiny(kind)
    loaded.model.bfloat16()
    return loaded


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_logits_after_texts_are_those_of_the_whole_model_on_each_alone(kind):
    loaded = tiny(kind)
    with torch.no_grad():
        logits = last_logits(loaded, TEXTS)
        alone = torch.stack([loaded.model(torch.tensor([text])).logits[0, -1] for text in TEXTS])
    torch.testing.assert_close(logits, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gptj", "gemma2"])
def test_a_model_in_half_precision_is_read_in_float32(kind):
    loaded = in_half(kind)
    hidden = 3 * torch.randn(2, loaded.shape.d_model, generator=torch.Generator().manual_seed(0)).bfloat16()
    unembedding = loaded.model.get_output_embeddings()
    bias = None if unembedding.bias is None else unembedding.bias.float()
    exact = nn.functional.linear(hidden.float(), unembedding.weight.float(), bias)
    if cap := getattr(loaded.model.config, "final_logit_softcapping", None):
        exact = torch.tanh(exact / cap) * cap
    logits = head_logits(loaded, hidden)
    assert logits.dtype == torch.float32
    assert (logits - exact).abs().max() < 1e-5
    assert (unembedding(hidden).float() - exact).abs().max() > 1e-3, "half precision would do"


def test_direct_effects_on_logits_are_read_in_float32_too():
    loaded = in_half("llama")
    part, stream = torch.randn(2, 2, 24, generator=torch.Generator().manual_seed(0))
    exact = tiny("llama")
    exact.model.load_state_dict({name: value.float() for name, value in loaded.model.state_dict().items()})
    changes = logit_changes(loaded, part, stream)
    torch.testing.assert_close(changes, logit_changes(exact, part, stream), atol=1e-5, rtol=1e-5)


def test_blocks_of_the_unembedding_give_what_all_of_it_gives(monkeypatch):
    loaded = in_half("gptj")
    hidden = torch.randn(2, loaded.shape.d_model, generator=torch.Generator().manual_seed(0))
    whole = head_logits(loaded, hidden)
    monkeypatch.setattr("core.model.next_token.UNEMBEDDING_BYTES", 7 * loaded.shape.d_model * 4)
    torch.testing.assert_close(head_logits(loaded, hidden), whole, atol=1e-6, rtol=1e-6)


def test_gradients_pass_through_blocks_of_the_unembedding(monkeypatch):
    loaded = in_half("llama")
    monkeypatch.setattr("core.model.next_token.UNEMBEDDING_BYTES", 7 * loaded.shape.d_model * 4)
    hidden = torch.randn(
        2, loaded.shape.d_model, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    towards = torch.randn(2, loaded.shape.vocabulary, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((head_logits(loaded, hidden) * towards).sum(), hidden)
    torch.testing.assert_close(gradient, towards @ loaded.model.lm_head.weight.float(), atol=1e-5, rtol=1e-5)


def test_logits_are_scaled_as_the_model_itself_does_whatever_its_config_says():
    model = random_model("llama")
    model.config.logit_scale = 5.0  # nothing in this type reads it
    model.lm_head.register_forward_hook(lambda _module, _args, output: output / 4)
    loaded = LoadedModel(model, word_tokenizer(), "scaled")
    hidden = torch.randn(2, loaded.shape.d_model, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(head_logits(loaded, hidden), head_logits(tiny("llama"), hidden) / 4)


def test_the_likeliest_words_come_first_with_their_probability():
    loaded = tiny()
    probabilities = torch.full((64,), 0.1 / 62)
    probabilities[[10, 20]] = torch.tensor([0.6, 0.3])
    words = most_likely(loaded, probabilities.log(), 2)
    assert [(word["token"], word["piece"]) for word in words] == [(10, "w6"), (20, "w16")]
    assert [word["probability"] for word in words] == pytest.approx([0.6, 0.3], abs=1e-6)
