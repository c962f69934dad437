"""The start of the benchmark's rotary models: heads that look one token back, and induction heads that read them.

Set by hand in L0H0, L0H2, L1H0 and L1H2; all weights are trained on from here.

1. One dimension of the residual stream is the same for every word. A previous-token head makes its queries and
   keys from it alone: rotated against each other by one position, they match best one token back.
2. It copies some directions of that token into a place of the stream where no embedding writes.
3. An induction head matches those directions of its own word with that place, in parts of the head that the rotation
   leaves (almost) alone, and copies other directions of the token it finds to the output.
"""

from typing import Any

import torch
from torch import Tensor

from core.model.architectures import ARCHITECTURES, submodule

CONSTANT = 0
"""The dimension of the residual stream that is the same for every word."""

_LEVEL, _BACK, _WRITE, _MATCH, _COPY = 0.3, 1.6, 0.3, 2.0, 0.3
_WRITERS = ("o_proj.weight", "down_proj.weight", "attention.dense.weight", "dense_4h_to_h.weight")
_QUIET = 0.2
"""Heads and MLPs write little at first, so that what the four heads write is not drowned."""

_SHARE = (1.0, 0.6, 0.4)
"""How much each of the fastest rotations counts in looking one token back."""

_SLOW = 0.1
"""Rotations of less than this many radians a token may carry words."""

_HEADS = (0, 2)
"""With two query heads a key and value head, each of these has its own."""


@torch.no_grad()
def rotary_start(model: Any, generator: torch.Generator) -> None:
    """Set the four heads in a freshly made model with rotary positions and tied embeddings."""
    d_model, n_heads = model.config.hidden_size, model.config.num_attention_heads
    embeddings = model.get_input_embeddings().weight
    architecture = ARCHITECTURES[model.config.model_type]
    blocks = submodule(model, architecture.blocks)
    first, second = (getattr(blocks[layer], architecture.attention) for layer in (0, 1))
    d_head = getattr(first, architecture.projection).weight.shape[1] // n_heads
    speeds = model.base_model.rotary_emb.inv_freq.float().cpu()
    for name, weight in model.named_parameters():
        if name.endswith(_WRITERS):
            weight.mul_(_QUIET)
    random = torch.randn(d_model, 6 * d_head, generator=generator)
    random[CONSTANT] = 0.0
    embeddings[:, CONSTANT] = _LEVEL
    for head, slots in zip(_HEADS, torch.linalg.qr(random).Q.chunk(2, 1), strict=True):
        word, before, copied = (slot.T for slot in slots.split(d_head, 1))
        embeddings.sub_(embeddings @ before.T @ before)
        set_head(first, head, (*_one_back(speeds, d_head, d_model), word), _WRITE * before.T)
        kept = _unrotated(speeds, d_head)[:, None]
        set_head(second, head, (_MATCH * kept * word, _MATCH * kept * before, copied), _COPY * copied.T)


def set_head(attention: Any, head: int, reading: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    """Set a head: `reading` is query, key and value, (d_head, d_model) each, `output` (d_model, d_head)."""
    d_head = output.shape[1]
    if hasattr(attention, "query_key_value"):  # [q k v] of one head lie together
        attention.query_key_value.weight.unflatten(0, (-1, 3, d_head))[head] = torch.stack(reading)
        projection = attention.dense
    else:
        group = head // attention.num_key_value_groups
        for name, place, weight in zip("qkv", (head, group, group), reading, strict=True):
            getattr(attention, f"{name}_proj").weight.unflatten(0, (-1, d_head))[place] = weight
        projection = attention.o_proj
    projection.weight.unflatten(1, (-1, d_head))[:, head] = output


def _one_back(speeds: Tensor, d_head: int, d_model: int) -> tuple[Tensor, Tensor]:
    """Query and key weights (d_head, d_model) that match a position with the one before it."""
    query, key = torch.zeros(d_head, d_model), torch.zeros(d_head, d_model)
    for pair, share in enumerate(_SHARE[: len(speeds)]):
        key[pair, CONSTANT] = _BACK * share
        query[pair, CONSTANT] = _BACK * share * speeds[pair].cos()
        query[pair + len(speeds), CONSTANT] = -_BACK * share * speeds[pair].sin()
    return query, key


def _unrotated(speeds: Tensor, d_head: int) -> Tensor:
    """1 for the parts of a head (d_head,) that are rotated slowly or not at all, else 0."""
    slow = (speeds < _SLOW).float()
    return torch.cat([slow, slow, torch.ones(d_head - 2 * len(speeds))])
