"""Head scores of texts drawn anew with replacement, pairs together, from the codes of the drawn texts.

Codes stay as they are, so what the autoencoders would learn from other texts is not part of the spread; the true one is
larger.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import NO_CODE, SILENT, Codes
from core.discovery.scoring import Statistic
from core.discovery.selection import HEAD_RULE, select

DRAWS = 200
BLOCK_NUMBERS = 2**22
"""Numbers that one block of heads may hold; larger ones leave the processor's cache."""


def draw_examples(
    count: int, n_anomalous: int, paired: bool, seed: int, draws: int = DRAWS
) -> tuple[np.ndarray, np.ndarray]:
    """How often each text is drawn, (draw, anomalous example) and (draw, normal example)."""
    generator = np.random.default_rng(seed)

    def times(size: int) -> np.ndarray:
        return generator.multinomial(size, np.full(size, 1 / size), size=draws)

    anomalous = times(n_anomalous)
    return anomalous, anomalous if paired else times(count - n_anomalous)


def drawn_scores(
    codes: Codes, anomalous: np.ndarray, normal: np.ndarray, statistic: Statistic = "strength"
) -> np.ndarray:
    """Head scores (draw, head) where each text counts as often as drawn, as
    `core.discovery.scoring.head_scores` of these texts.

    `anomalous` (draw, anomalous example) and `normal` (draw, normal example) say how often; a text drawn zero times is
    not there.
    """
    members, examples, slots, heads = codes.latent.shape
    times = torch.from_numpy(anomalous).float()
    present = torch.from_numpy(normal > 0).float()
    if statistic == "count":
        present = torch.cat([present, (times > 0).float()], dim=1)
        times = (times > 0).float()
    size = max(1, BLOCK_NUMBERS // (members * slots * anomalous.shape[1] * (len(times) + examples)))
    parts = []
    for start in range(0, heads, size):
        index, strength = (field[..., start : start + size].permute(0, 2, 3, 1) for field in codes)
        parts.append(_drawn(index, strength, times, present, statistic))
    return torch.cat(parts, dim=1).double().numpy()


class Combining(Protocol):
    """Further signals on single texts, which scores of codes are combined with."""

    def combined(self, codes: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """Scores (draw, head) from those of the codes, where anomalous texts count `times` (draw, text)."""

    def strong(self, times: np.ndarray | None = None) -> np.ndarray:
        """Which heads (draw, head) are selected whatever their score."""


def redrawn_selections(
    codes: Codes, anomalous: np.ndarray, normal: np.ndarray, statistic: Statistic, signals: Combining | None
) -> np.ndarray:
    """What is selected (draw, head) by `drawn_scores`, combined with the signals on the drawn texts."""
    return selections(drawn_scores(codes, anomalous, normal, statistic), signals, anomalous)


def selections(scores: np.ndarray, signals: Combining | None, times: np.ndarray | None = None) -> np.ndarray:
    """Which heads (draw, head) are selected, from scores of codes (draw, head) and the signals beside them."""
    ranked = scores if signals is None else signals.combined(scores, times)
    selected = np.stack([select(score, HEAD_RULE) for score in ranked])
    return selected if signals is None else selected | signals.strong(times)


def _drawn(index: Tensor, strength: Tensor, times: Tensor, present: Tensor, statistic: Statistic) -> Tensor:
    """Scores (draw, head) of a block; index and strength are (member, slot, head, example)."""
    n_anomalous = times.shape[1]
    own, other = index[..., :n_anomalous], index[..., n_anomalous:]
    equal = own[..., :, None] == other[..., None, :]
    weight = (own > SILENT).float()
    if statistic == "count":
        earlier = torch.ones(n_anomalous, n_anomalous, dtype=torch.bool).tril(-1)
        equal = torch.cat([equal, (own[..., :, None] == own[..., None, :]) & earlier], dim=-1)
    else:
        weight = weight * strength[..., :n_anomalous]
    shown = equal.float() @ present.T > 0
    by_slot = (weight[..., None] * ~shown * times.T).sum(dim=-2)
    if statistic == "strength":
        by_slot = by_slot / ((own != NO_CODE).float() @ times.T).clamp(min=1)
    return by_slot.mean(dim=0).amax(dim=0).T
