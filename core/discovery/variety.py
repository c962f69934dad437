"""Whether a head's score comes from a more varied anomalous side.

A side that is merely more varied shows more codes, and so more that the other lacks. Each score is scaled as if the
anomalous side showed only as many different codes (silence counts as one) as the normal one: by their ratio where that
is below 1, the expected rest when that many of its codes are kept at random. Sides of unequal size are thinned to the
smaller one first (rarefaction, Hurlbert 1971).
"""

from collections.abc import Sequence
from math import comb

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import NO_CODE, Codes
from core.discovery.scoring import Statistic, head_scores, unique_codes


def equalised_scores(codes: Codes, n_anomalous: int, statistic: Statistic = "strength") -> np.ndarray:
    """Head scores (head,) with as many different codes on the anomalous side as on the normal one, at most."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:])
    ratio = (sides[1] / sides[0].clamp(min=1)).clamp(max=1)
    if statistic == "count":
        index = codes.latent.permute(0, 2, 3, 1)
        return (unique_codes(index, n_anomalous) * ratio).mean(dim=0).amax(dim=0).double().numpy()
    thinned = Codes(codes.latent, codes.strength * ratio[:, None])
    return head_scores(thinned, n_anomalous).score.numpy()


def different_codes(anomalous: Tensor, normal: Tensor) -> Tensor:
    """Different codes of each side, silence counted in, expected where both have the smaller side's number of texts.

    At each slot the texts that have it are counted. Both are (member, example, slot, head); the result is (side,
    member, slot, head).
    """
    totals = [(side != NO_CODE)[0, :, :, 0].sum(dim=0) for side in (anomalous, normal)]
    smaller = torch.minimum(*totals)
    counts = []
    for side, total in zip((anomalous, normal), totals, strict=True):
        same = torch.zeros_like(side)
        # Text by text: all pairs of texts at once would take gigabytes for a large model.
        for text in range(side.shape[1]):
            same += side == side[:, [text]]
        same.masked_fill_(side == NO_CODE, 0)
        share = _rarefied(total.tolist(), smaller.tolist(), side.shape[1])
        slot = torch.arange(side.shape[2])[:, None].expand_as(same)
        counts.append(share[slot, same].sum(dim=1))
    return torch.stack(counts)


def _rarefied(totals: Sequence[int], sizes: Sequence[int], most: int) -> Tensor:
    """Expected share (slot, texts) of a code that 0, 1, … texts show, once the texts of a slot are thinned."""
    shares = torch.zeros(len(totals), most + 1)
    for row, total, size in zip(shares, totals, sizes, strict=True):
        for texts in range(1, total + 1):
            row[texts] = (1 - comb(total - texts, size) / comb(total, size)) / texts
    return shares


def variety(codes: Codes, n_anomalous: int, best_slot: Tensor) -> np.ndarray:
    """Mean over members of the different codes at each head's best slot: (side, head)."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:]).mean(dim=1)
    return sides.gather(1, best_slot.expand(2, 1, -1))[:, 0].numpy()


def diversity_left(scores: np.ndarray, equalised: np.ndarray, selected: np.ndarray) -> float:
    total = scores[selected].sum()
    return float(equalised[selected].sum() / total) if total > 0 else float("nan")
