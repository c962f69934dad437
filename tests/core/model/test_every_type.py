"""Tiny models of every causal type of the installed transformers, and what is read of each."""

import pytest
import torch

from tests.support.every_type import KINDS, TOKENS, CannotBuild, tiny

USUAL = (
    "gpt2 llama mistral ministral3 qwen2 qwen3 qwen3_moe qwen3_5_text gemma gemma2 gemma3_text gemma4_text mixtral"
    " gpt_oss deepseek_v3 phi phi3 gpt_neo gpt_neox opt olmo2 olmo3 granite granitemoehybrid smollm3 glm4 lfm2 llama4"
    " nemotron_h jamba codegen falcon bloom"
)
"""The types that most people have; the others take part in the slow tests."""
EVERY = [pytest.param(kind, marks=[] if kind in USUAL.split() else pytest.mark.slow) for kind in KINDS]


def text() -> torch.Tensor:
    return torch.randint(TOKENS.start, TOKENS.stop, (1, 13), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", EVERY)
def test_a_tiny_model_reads_a_text_or_says_why_there_is_none(kind):
    try:
        model = tiny(kind)
    except CannotBuild as reason:
        assert len(str(reason)) > 20
        return
    with torch.no_grad():
        logits = model(input_ids=text()).logits
        assert torch.isfinite(logits).all()
        assert logits.shape[1] == 13 and logits.std() > 0.01
        assert torch.equal(tiny(kind)(input_ids=text()).logits, logits)
    assert all(parameter.any() for parameter in model.parameters())
