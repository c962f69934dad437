"""Taking heads out of a GPT-2: how much each matters to an answer, and zero output weights for some."""

from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel


def silence(model: GPT2LMHeadModel, silent: Tensor) -> None:
    """Set the output weights of the heads marked in `silent` (layer, head) to zero."""
    n_heads = model.config.n_head
    with torch.no_grad():
        for block, chosen in zip(_blocks(model), silent, strict=True):
            block.attn.c_proj.weight.view(n_heads, -1, model.config.n_embd)[chosen] = 0


@torch.no_grad()
def importance(model: GPT2LMHeadModel, ids: Tensor, mask: Tensor, last: Tensor, answers: Tensor) -> Tensor:
    """Mean change (layer, head) of the answer's lead in logits over the next best word when a head is silent.

    `ids`, `mask` (example, position), `last` and `answers` (example,).
    """
    shape = (model.config.n_layer, model.config.n_head)
    rows, blocks = torch.arange(len(ids)), _blocks(model)

    def lead() -> Tensor:
        hidden = model.transformer(input_ids=ids, attention_mask=mask).last_hidden_state[rows, last]
        logits = model.lm_head(hidden)
        answer = logits[rows, answers]
        logits[rows, answers] = -torch.inf
        return answer - logits.max(-1).values

    plain, found = lead(), torch.zeros(shape)
    kept = [block.attn.c_proj.weight.clone() for block in blocks]
    for layer, head in torch.cartesian_prod(*map(torch.arange, shape)).tolist():
        chosen = torch.zeros(shape, dtype=torch.bool)
        chosen[layer, head] = True
        silence(model, chosen)
        found[layer, head] = (lead() - plain).abs().mean()
        blocks[layer].attn.c_proj.weight.copy_(kept[layer])
    return found


def _blocks(model: GPT2LMHeadModel) -> list[Any]:
    return list(model.transformer.h)
