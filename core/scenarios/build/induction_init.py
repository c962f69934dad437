"""The start of `four-tasks`: heads that look one position back and induction heads that read them."""

import math
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from core.scenarios.build.training_texts import BLOCKS


@torch.no_grad()
def head_start(model: GPT2LMHeadModel, generator: torch.Generator) -> None:
    """Begin with two previous-token heads, L0H0 and L0H1, and induction heads that read them, L1H0 and L1H1.

    All weights are trained on from here.
    """
    n_positions, d_model = model.transformer.wpe.weight.shape
    d_head, half = d_model // model.config.n_head, d_model // 2
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.mul_(3.0)
    speeds = math.pi * torch.exp(-math.log(100.0) * torch.arange(half) / half)
    angles = torch.arange(n_positions)[:, None] * speeds
    positions = torch.cat([angles.sin(), angles.cos()], 1)
    model.transformer.wpe.weight.copy_(0.1 * positions)
    query, key = _one_back(speeds, d_head)
    model.transformer.wte.weight[:, key.any(1)] = 0.0
    random = torch.randn(d_model, 6 * d_head, generator=generator)
    free = torch.linalg.qr(torch.cat([positions[:BLOCKS].T, random], 1)).Q[:, -6 * d_head :]
    first, second = (block.attn for block in model.transformer.h[:2])
    for head, slots in enumerate(free.chunk(2, 1)):
        word, before, copied = slots.split(d_head, 1)
        model.transformer.wte.weight.sub_(model.transformer.wte.weight @ before @ before.T)
        _set_head(first, head, (2 * query, 2 * key, word), 0.15 * before.T)
        _set_head(second, head, (2 * word, 2 * before, copied), 0.3 * copied.T)


def _one_back(speeds: Tensor, d_head: int) -> tuple[Tensor, Tensor]:
    """Query and key weights (d_model, d_head) that match position i with position i - 1 of the sinusoids."""
    half = len(speeds)
    query, key = torch.zeros(2 * half, d_head), torch.zeros(2 * half, d_head)
    for pair, index in enumerate(torch.linspace(0, half * 0.55, d_head // 2).long().tolist()):
        sine, cosine = math.sin(speeds[index]), math.cos(speeds[index])
        query[index, 2 * pair], query[half + index, 2 * pair] = cosine, -sine
        query[index, 2 * pair + 1], query[half + index, 2 * pair + 1] = sine, cosine
        key[index, 2 * pair], key[half + index, 2 * pair + 1] = 1.0, 1.0
    return query, key


def _set_head(attention: Any, head: int, reading: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    """Set a head: `reading` is query, key and value, (d_model, d_head) each, `output` (d_head, d_model)."""
    d_head, d_model = output.shape
    for part, weight in enumerate(reading):
        start = part * d_model + head * d_head
        attention.c_attn.weight[:, start : start + d_head] = weight
    attention.c_proj.weight[head * d_head : (head + 1) * d_head] = output
