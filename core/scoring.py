"""From codes to head scores and edge scores: pure functions of tensors.

Head score (O'Neill & Bui 2024, section 3.2, taken position by position): the number of distinct codes that a head
shows on anomalous and never on normal examples, at its best slot, as a mean over members.
Edge score: the same for the joint codes of two heads, each at its own best slot, for forward pairs alone.

Both rest on one observation: example i adds a new unique code if and only if its code equals neither that of an
earlier anomalous example nor that of any normal one. `clashes` holds these equalities as bits, so that the joint
codes of two heads clash exactly where both bits are set, and no table over codes is needed.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.autoencoder import SILENT

PAIR_CHUNK = 2**20
"""Numbers that one block of head pairs may hold."""


@dataclass(frozen=True)
class HeadScores:
    """`per_member` (member, head) at `best_slot` (head,); `score` is their mean."""

    score: Tensor
    per_member: Tensor
    best_slot: Tensor


def unique_codes(codes: Tensor, n_anomalous: int) -> Tensor:
    """Distinct codes on anomalous and never on normal examples: (...,) from codes (..., example)."""
    fresh = (clashes(codes, n_anomalous) == 0).all(dim=-1)
    return (fresh & (codes[..., :n_anomalous] != SILENT)).sum(dim=-1)


def clashes(codes: Tensor, n_anomalous: int) -> Tensor:
    """Bits (..., anomalous example, word): examples whose equal code keeps this one from counting.

    Bit j stands for example j: an earlier anomalous or any normal one with the same code.
    """
    anomalous = codes[..., :n_anomalous]
    equal = anomalous[..., :, None] == codes[..., None, :]
    later = torch.arange(codes.shape[-1]) >= torch.arange(n_anomalous)[:, None]
    later &= torch.arange(codes.shape[-1]) < n_anomalous
    equal = equal & ~later
    words = -(-codes.shape[-1] // 62)
    padded = torch.nn.functional.pad(equal, (0, words * 62 - codes.shape[-1]))
    weights = 2 ** torch.arange(62, dtype=torch.int64)
    return (padded.reshape(*equal.shape[:-1], words, 62) * weights).sum(dim=-1)


def head_scores(codes: Tensor, n_anomalous: int) -> HeadScores:
    """Scores from codes (member, example, slot, head), anomalous examples first."""
    counts = unique_codes(codes.permute(0, 2, 3, 1), n_anomalous).double()
    best_slot = counts.mean(dim=0).argmax(dim=0)
    per_member = counts.gather(1, best_slot.expand(counts.shape[0], 1, -1))[:, 0]
    return HeadScores(per_member.mean(dim=0), per_member, best_slot)


def mirror_scores(codes: Tensor, n_anomalous: int) -> HeadScores:
    """The same with the sides exchanged: codes unique to the normal examples."""
    swapped = torch.cat([codes[:, n_anomalous:], codes[:, :n_anomalous]], dim=1)
    return head_scores(swapped, codes.shape[1] - n_anomalous)


def at_best(codes: Tensor, best_slot: Tensor) -> Tensor:
    """Codes (member, head, example) of each head at its best slot."""
    index = best_slot.expand(codes.shape[0], codes.shape[1], 1, -1)
    return codes.gather(2, index)[:, :, 0].transpose(1, 2)


def edge_scores_by_member(codes: Tensor, n_anomalous: int, n_heads: int) -> np.ndarray:
    """Unique joint codes of each pair of heads, from codes (member, head, example), anomalous first.

    Returns (member, source head, target head) over flat heads, float32; 0 where the pair does not run forward.
    """
    bits = clashes(codes, n_anomalous).numpy()
    fired = (codes[..., :n_anomalous] != SILENT).numpy()
    members, heads, anomalous, words = bits.shape
    scores = np.zeros((members, heads, heads), dtype=np.float32)
    block = max(1, PAIR_CHUNK // (heads * anomalous * words))
    for start in range(0, heads - n_heads, block):
        end = min(start + block, heads - n_heads)
        first = (start // n_heads + 1) * n_heads
        for member in range(members):
            clash = (bits[member, start:end, None] & bits[member, None, first:]).any(axis=-1)
            both = fired[member, start:end, None] & fired[member, None, first:]
            scores[member, start:end, first:] = (~clash & both).sum(axis=-1)
    layer = np.arange(heads) // n_heads
    return scores * (layer[:, None] < layer[None, :])
