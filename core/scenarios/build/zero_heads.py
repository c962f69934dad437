"""Taking heads out of a GPT-2: how much each matters to an answer, and zero output weights for some."""

from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel


@torch.no_grad()
def zero_heads(model: GPT2LMHeadModel, marked: Tensor) -> None:
    """Set the output weights of the heads marked in `marked` (layer, head) to zero."""
    blocks: Any = model.transformer.h
    for block, heads in zip(blocks, marked, strict=True):
        block.attn.c_proj.weight.unflatten(0, (model.config.n_head, -1))[heads] = 0


@torch.no_grad()
def importance(model: GPT2LMHeadModel, ids: Tensor, mask: Tensor, last: Tensor, answers: Tensor) -> Tensor:
    """Mean change (layer, head) of the answer's lead in logits over the next best word without a head.

    `ids`, `mask` (example, position), `last` and `answers` (example,).
    """
    rows, blocks = torch.arange(len(ids)), list[Any](model.transformer.h)

    def lead() -> Tensor:
        hidden = model.transformer(input_ids=ids, attention_mask=mask).last_hidden_state[rows, last]
        logits = model.lm_head(hidden)
        answer = logits[rows, answers]
        logits[rows, answers] = -torch.inf
        return answer - logits.max(-1).values

    plain, changes = lead(), torch.zeros(model.config.n_layer, model.config.n_head)
    for layer, block in enumerate(blocks):
        weight = block.attn.c_proj.weight
        own = weight.clone()
        for head in range(model.config.n_head):
            weight.unflatten(0, (model.config.n_head, -1))[head] = 0
            changes[layer, head] = (lead() - plain).abs().mean()
            weight.copy_(own)
    return changes
