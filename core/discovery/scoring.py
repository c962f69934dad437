"""From codes to head scores and edge scores: pure functions of tensors.

A code is anomalous-only where it occurs on an anomalous and on no normal example. O'Neill & Bui 2024 (section 3.2)
count a head's distinct anomalous-only codes: `unique_codes`, kept for the preset `paper`. With 5 to 10 examples
that count saturates: a head that hardly responds shows as many codes as one that carries the behaviour. So:

Head score: mean strength (activation of the strongest latent) of anomalous-only codes over the anomalous
examples, at the head's best slot, averaged over members. Strengths are in units of the root mean square head output,
and come here weighted by whether later positions look at that slot (`core.discovery.attention_flow`).
Edge score: the same for the joint codes of two heads, each at its own best slot, for forward pairs alone; the
strength of a joint code is the geometric mean of its two. `core.analysis.candidates` combines it with what
attention links.

The joint code of example i is anomalous-only if no normal example equals it in both codes. `clashes` holds the
equalities of each code with the normal examples as bits, so a pair of heads clashes where a bit is set in both,
and no table over codes is needed.

A text that lacks a slot has no code there. Means are over the anomalous texts that have the slot (of a joint code,
both slots), so that neither side gains or loses by what its texts lack; that fewer normal codes are left to be like is
made up for by `AttentionFlow.weigh`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import NO_CODE, SILENT, Codes

Statistic = Literal["strength", "count"]

WORD = 62
"""Bits used of one 64-bit word."""

PAIR_CHUNK = 2**20
"""Numbers that one block of head pairs may hold."""


@dataclass(frozen=True)
class HeadScores:
    """`per_member` (member, head), with the best slot of each head (head,); `score` is the mean of members."""

    score: Tensor
    per_member: Tensor
    best_slot: Tensor


def head_scores(codes: Codes, n_anomalous: int, statistic: Statistic = "strength") -> HeadScores:
    """Scores from codes (member, example, slot, head), anomalous examples first."""
    index, strength = (field.permute(0, 2, 3, 1) for field in codes)
    if statistic == "count":
        by_slot = unique_codes(index, n_anomalous).double()
    else:
        own = index[..., :n_anomalous]
        total = (strength[..., :n_anomalous].double() * anomalous_only(index, n_anomalous)).mean(dim=-1)
        by_slot = total * of_those_there(own != NO_CODE)
    best_slot = by_slot.mean(dim=0).argmax(dim=0)
    per_member = by_slot.gather(1, best_slot.expand(by_slot.shape[0], 1, -1))[:, 0]
    return HeadScores(per_member.mean(dim=0), per_member, best_slot)


def of_those_there(there: Tensor) -> Tensor:
    """What turns a mean over all texts into one over those that are `there` (..., text): (...,), 1 for all or none."""
    return there.shape[-1] / there.sum(dim=-1).double().masked_fill(~there.any(dim=-1), there.shape[-1])


def mirror_scores(codes: Codes, n_anomalous: int, statistic: Statistic = "strength") -> HeadScores:
    """The same with the sides exchanged: codes that only normal examples show."""
    swapped = Codes(*(torch.cat([field[:, n_anomalous:], field[:, :n_anomalous]], dim=1) for field in codes))
    return head_scores(swapped, codes.latent.shape[1] - n_anomalous, statistic)


def unique_codes(index: Tensor, n_anomalous: int) -> Tensor:
    """Distinct anomalous-only codes: (...,) from codes (..., example)."""
    ordered = torch.cat([index[..., :n_anomalous].sort(dim=-1).values, index[..., n_anomalous:]], dim=-1)
    first = torch.ones_like(ordered[..., :n_anomalous], dtype=torch.bool)
    first[..., 1:] = ordered[..., 1:n_anomalous] != ordered[..., : n_anomalous - 1]
    return (anomalous_only(ordered, n_anomalous) & first).sum(dim=-1)


def anomalous_only(index: Tensor, n_anomalous: int) -> Tensor:
    """Which anomalous examples show a code that no normal one shows: (..., anomalous example)."""
    anomalous, normal = index[..., :n_anomalous].contiguous(), index[..., n_anomalous:]
    # looked up in the sorted normal codes: a table of all pairs of examples would take gigabytes for 1,024 heads
    ordered = normal.contiguous().sort(dim=-1).values
    place = torch.searchsorted(ordered, anomalous).clamp_(max=ordered.shape[-1] - 1)
    return (ordered.gather(-1, place) != anomalous) & (anomalous > SILENT)


def clashes(index: Tensor, n_anomalous: int, distinct: bool = False) -> Tensor:
    """Bits (..., anomalous example, word): bit j is set where the j-th normal example has the same code.

    With `distinct`, earlier anomalous examples take part too, so that a code counts once.
    """
    anomalous, normal = index[..., :n_anomalous], index[..., n_anomalous:]
    others = index.roll(-n_anomalous, dims=-1) if distinct else normal
    place = torch.arange(n_anomalous)
    bits = torch.zeros(*anomalous.shape, -(-others.shape[-1] // WORD), dtype=torch.long)
    for number in range(others.shape[-1]):
        equal = anomalous == others[..., number, None]
        if number >= normal.shape[-1]:
            equal &= place > number - normal.shape[-1]
        bits[..., number // WORD] |= equal.long() << number % WORD
    return bits


def at_best(codes: Codes, best_slot: Tensor) -> Codes:
    """Codes (member, head, example) of each head at its best slot."""
    members, examples = codes.latent.shape[:2]
    slot = best_slot.expand(members, examples, 1, -1)
    return Codes(*(field.gather(2, slot)[:, :, 0].transpose(1, 2) for field in codes))


def edge_scores_by_member(
    codes: Codes, n_anomalous: int, layers: np.ndarray, statistic: Statistic = "strength"
) -> np.ndarray:
    """Strength, or count, of the joint anomalous-only codes of each pair of heads; codes (member, head, example).

    `layers` (head,), rising, are the layers of the heads. Returns (member, source head, target head) over flat heads,
    float32; 0 where the pair does not run forward.
    """
    counted = statistic == "count"
    bits = clashes(codes.latent, n_anomalous, distinct=counted).numpy()
    there = (codes.latent[..., :n_anomalous] != NO_CODE).float().numpy()
    strength = (codes.latent > SILENT).float() if counted else codes.strength
    weight = strength[..., :n_anomalous].sqrt().numpy()
    members, heads, anomalous, words = bits.shape
    scores = np.zeros((members, heads, heads), dtype=np.float32)
    block = max(1, PAIR_CHUNK // (heads * anomalous * words))
    sources = int(np.searchsorted(layers, layers[-1]))
    for start in range(0, sources, block):
        end = min(start + block, sources)
        first = int(np.searchsorted(layers, layers[start], side="right"))
        for member in range(members):
            alone = ~(bits[member, start:end, None] & bits[member, None, first:]).any(axis=-1)
            both = np.where(alone, weight[member, start:end, None], np.float32(0))
            scores[member, start:end, first:] = np.einsum("sta,ta->st", both, weight[member, first:])
            if not counted:
                scores[member, start:end, first:] /= np.maximum(
                    there[member, start:end] @ there[member, first:].T, 1
                )
    return scores * (layers[:, None] < layers[None, :])
