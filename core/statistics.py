"""What the scores can be trusted with: intervals, permutations, false discovery control."""

import numpy as np
import torch
from scipy.stats import false_discovery_control
from torch import Tensor

from core.autoencoder import SILENT, Codes

BLOCK_NUMBERS = 2**24
"""Numbers that one block of permutations may hold."""


def member_interval(per_member: np.ndarray, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Central interval (low, high) over members of values (member, ...)."""
    tail = (1 - coverage) / 2
    return np.quantile(per_member, tail, axis=0), np.quantile(per_member, 1 - tail, axis=0)


def label_permutation_p(codes: Codes, n_anomalous: int, permutations: int, seed: int) -> np.ndarray:
    """p-value of each head's score under shuffled labels, for unpaired data alone: (head,).

    `codes` (member, example, slot, head), anomalous first. The statistic is the head score: strength of the
    anomalous-only codes, mean over members, at the best and the last slot;
    p = (1 + shuffles at least as high) / (1 + shuffles). For paired data the labels are not exchangeable across
    examples and the number means nothing.
    """
    members, examples, slots, heads = codes.latent.shape
    generator = torch.Generator().manual_seed(seed)
    shuffles = torch.stack([torch.randperm(examples, generator=generator) for _ in range(permutations)])
    sides = torch.zeros(permutations + 1, examples)
    sides[0, :n_anomalous] = 1
    sides[1:].scatter_(1, shuffles[:, :n_anomalous], 1.0)
    statistics = torch.empty(permutations + 1, heads)
    latents = int(codes.latent.max()) + 1
    block = max(1, BLOCK_NUMBERS // (members * slots * max(latents, 1) * (permutations + 1)))
    for start in range(0, heads, block):
        part = Codes(*(field[..., start : start + block] for field in codes))
        statistics[:, start : start + block] = _permuted_scores(part, sides, max(latents, 1))
    reached = (statistics[1:] >= statistics[0] - 1e-9).sum(dim=0)
    return ((1 + reached) / (1 + permutations)).numpy()


def q_values(p_values: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values; NaN stays NaN and is not counted as a test."""
    q = np.full(p_values.shape, np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        q[tested] = false_discovery_control(p_values[tested])
    return q


def _permuted_scores(codes: Codes, sides: Tensor, latents: int) -> Tensor:
    """Head scores (labelling, head) for labellings (labelling, example) with 1 on the anomalous side."""
    members, _, slots, heads = codes.latent.shape
    total = torch.zeros(sides.shape[0], slots, heads)
    for index, strength in zip(*codes, strict=True):
        shown = torch.nn.functional.one_hot(index.clamp_min(0), latents).float()
        shown *= (index != SILENT)[..., None]
        normal = torch.einsum("pe,eshl->pshl", 1 - sides, shown)
        anomalous = torch.einsum("pe,eshl->pshl", sides, shown * strength[..., None])
        total += (anomalous * (normal == 0)).sum(dim=-1)
    by_slot = total / members / sides[0].sum()
    return (by_slot.amax(dim=1) + by_slot[:, -1]) / 2
