"""Where the training of the bundled models starts: heads that look one token back, and induction heads that read them.

Two pairs of them are set by hand in the first two layers; all weights are trained on from here. Such pairs form by
themselves too, but much more slowly than all the rest.

1. A previous-token head finds the position before. In a GPT-2 its queries and keys match position i with i - 1 of
   sinusoids in the position embeddings. With rotary positions they are made of one dimension of the residual stream
   that is the same for every word: rotated against each other by one position, they match best one token back.
2. It copies some directions of that token into a place of the stream where no embedding writes.
3. An induction head matches those directions of its own word with that place and copies other directions of the token
   it finds to the output. With rotary positions it matches in parts of the head that the rotation leaves alone.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from core.model.architectures import read_heads
from core.scenarios.build.training_texts import BLOCKS

CONSTANT = 0
"""The dimension of the residual stream that is the same for every word, in rotary models."""

_LEVEL, _BACK, _WRITE, _MATCH, _COPY = 0.3, 1.6, 0.3, 2.0, 0.3
_WRITERS = ("o_proj.weight", "down_proj.weight", "attention.dense.weight", "dense_4h_to_h.weight")
_QUIET = 0.2
"""Heads and MLPs write little at first, so that what the four heads write is not drowned."""

_SHARE = (1.0, 0.6, 0.4)
"""How much each of the fastest rotations counts in looking one token back."""

_SLOW = 0.1
"""Rotations of less than this many radians a token may carry words."""

_ROTARY_HEADS = (0, 2)
"""With two query heads a key and value head, each of these has its own."""


@torch.no_grad()
def start_gpt2(model: GPT2LMHeadModel, generator: torch.Generator) -> None:
    """Set L0H0, L0H1, L1H0 and L1H1 of a freshly made GPT-2."""
    n_positions, d_model = model.transformer.wpe.weight.shape
    d_head, half = d_model // model.config.n_head, d_model // 2
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.mul_(3.0)
    speeds = math.pi * torch.exp(-math.log(100.0) * torch.arange(half) / half)
    angles = torch.arange(n_positions)[:, None] * speeds
    positions = torch.cat([angles.sin(), angles.cos()], 1)
    model.transformer.wpe.weight.copy_(0.1 * positions)
    query, key = _one_back_by_sinusoids(speeds, d_head)
    model.transformer.wte.weight[:, key.any(0)] = 0.0
    random = torch.randn(d_model, 6 * d_head, generator=generator)
    free = torch.linalg.qr(torch.cat([positions[:BLOCKS].T, random], 1)).Q[:, -6 * d_head :]
    first, second = (block.attn for block in model.transformer.h[:2])
    for head, slots in enumerate(free.chunk(2, 1)):
        word, before, copied = (slot.T for slot in slots.split(d_head, 1))
        model.transformer.wte.weight.sub_(model.transformer.wte.weight @ before.T @ before)
        set_head(first, head, (2 * query, 2 * key, word), 0.15 * before.T)
        set_head(second, head, (2 * word, 2 * before, copied), 0.3 * copied.T)


@torch.no_grad()
def start_rotary(model: Any, generator: torch.Generator) -> None:
    """Set L0H0, L0H2, L1H0 and L1H2 of a freshly made model with rotary positions and tied embeddings."""
    d_model = model.config.hidden_size
    embeddings = model.get_input_embeddings().weight
    of_layers = read_heads(model, model.config.model_type).layers
    first, second = (model.get_submodule(of_layer.attention) for of_layer in of_layers[:2])
    d_head = of_layers[0].d_head
    speeds = model.base_model.rotary_emb.inv_freq.float().cpu()
    for name, weight in model.named_parameters():
        if name.endswith(_WRITERS):
            weight.mul_(_QUIET)
    random = torch.randn(d_model, 6 * d_head, generator=generator)
    random[CONSTANT] = 0.0
    embeddings[:, CONSTANT] = _LEVEL
    # 1 for the parts of a head that are rotated slowly or not at all
    slow = (speeds < _SLOW).float()
    still = torch.cat([slow, slow, torch.ones(d_head - 2 * len(speeds))])[:, None]
    for head, slots in zip(_ROTARY_HEADS, torch.linalg.qr(random).Q.chunk(2, 1), strict=True):
        word, before, copied = (slot.T for slot in slots.split(d_head, 1))
        embeddings.sub_(embeddings @ before.T @ before)
        set_head(first, head, (*_one_back_by_rotation(speeds, d_head, d_model), word), _WRITE * before.T)
        set_head(second, head, (_MATCH * still * word, _MATCH * still * before, copied), _COPY * copied.T)


def set_head(attention: Any, head: int, reading: Sequence[Tensor], output: Tensor) -> None:
    """Set a head: `reading` is query, key and value, (d_head, d_model) each, `output` (d_model, d_head)."""
    d_head = output.shape[1]
    if hasattr(attention, "c_attn"):  # [q | k | v], transposed
        attention.c_attn.weight.unflatten(1, (3, -1, d_head))[:, :, head] = torch.stack(
            list(reading)
        ).permute(2, 0, 1)
        attention.c_proj.weight.unflatten(0, (-1, d_head))[head] = output.T
        return
    if hasattr(attention, "query_key_value"):  # [q k v] of one head lie together
        attention.query_key_value.weight.unflatten(0, (-1, 3, d_head))[head] = torch.stack(list(reading))
        projection = attention.dense
    else:
        group = head // attention.num_key_value_groups
        for name, place, weight in zip("qkv", (head, group, group), reading, strict=True):
            getattr(attention, f"{name}_proj").weight.unflatten(0, (-1, d_head))[place] = weight
        projection = attention.o_proj
    projection.weight.unflatten(1, (-1, d_head))[:, head] = output


def _one_back_by_sinusoids(speeds: Tensor, d_head: int) -> tuple[Tensor, Tensor]:
    """Query and key weights (d_head, d_model) that match position i with position i - 1 of the sinusoids."""
    half = len(speeds)
    query, key = torch.zeros(d_head, 2 * half), torch.zeros(d_head, 2 * half)
    for pair, index in enumerate(torch.linspace(0, half * 0.55, d_head // 2).long().tolist()):
        sine, cosine = math.sin(speeds[index]), math.cos(speeds[index])
        query[2 * pair, index], query[2 * pair, half + index] = cosine, -sine
        query[2 * pair + 1, index], query[2 * pair + 1, half + index] = sine, cosine
        key[2 * pair, index], key[2 * pair + 1, half + index] = 1.0, 1.0
    return query, key


def _one_back_by_rotation(speeds: Tensor, d_head: int, d_model: int) -> tuple[Tensor, Tensor]:
    """Query and key weights (d_head, d_model) that match a position with the one before it."""
    query, key = torch.zeros(d_head, d_model), torch.zeros(d_head, d_model)
    for pair, share in enumerate(_SHARE[: len(speeds)]):
        key[pair, CONSTANT] = _BACK * share
        query[pair, CONSTANT] = _BACK * share * speeds[pair].cos()
        query[pair + len(speeds), CONSTANT] = -_BACK * share * speeds[pair].sin()
    return query, key
