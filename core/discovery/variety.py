"""Whether a head's score comes from a more varied anomalous side.

A side that is merely more varied shows more codes, and so more that the other lacks. Each score is scaled as if the
anomalous side showed only as many different codes (silence counts as one) as the normal one: by their ratio where that
is below 1, the expected rest when that many of its codes are kept at random. Sides of unequal size are thinned to the
smaller one first (rarefaction, Hurlbert 1971).
"""

from math import comb

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import Codes
from core.discovery.scoring import Statistic, head_scores, unique_codes


def equalised_scores(codes: Codes, n_anomalous: int, statistic: Statistic = "strength") -> np.ndarray:
    """Head scores (head,) with as many different codes on the anomalous side as on the normal one, at most."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:])
    ratio = (sides[1] / sides[0]).clamp(max=1)
    if statistic == "count":
        index = codes.latent.permute(0, 2, 3, 1)
        return (unique_codes(index, n_anomalous) * ratio).mean(dim=0).amax(dim=0).double().numpy()
    thinned = Codes(codes.latent, codes.strength * ratio[:, None])
    return head_scores(thinned, n_anomalous).score.numpy()


def different_codes(anomalous: Tensor, normal: Tensor) -> Tensor:
    """Different codes of each side, silence counted in, expected where both have the smaller side's number of texts.

    Both are (member, example, slot, head); the result is (side, member, slot, head).
    """
    size = min(anomalous.shape[1], normal.shape[1])
    counts = []
    for side in (anomalous, normal):
        total = side.shape[1]
        same = torch.zeros_like(side)
        # Text by text: all pairs of texts at once would take gigabytes for a large model.
        for text in range(total):
            same += side == side[:, [text]]
        # Expected share of a code that c texts show, once the side is thinned to `size` texts.
        rarefied = [0.0] + [(1 - comb(total - c, size) / comb(total, size)) / c for c in range(1, total + 1)]
        counts.append(torch.tensor(rarefied)[same].sum(dim=1))
    return torch.stack(counts)


def variety(codes: Codes, n_anomalous: int, best_slot: Tensor) -> np.ndarray:
    """Mean over members of the different codes at each head's best slot: (side, head)."""
    sides = different_codes(codes.latent[:, :n_anomalous], codes.latent[:, n_anomalous:]).mean(dim=1)
    return sides.gather(1, best_slot.expand(2, 1, -1))[:, 0].numpy()


def diversity_left(scores: np.ndarray, equalised: np.ndarray, selected: np.ndarray) -> float:
    total = scores[selected].sum()
    return float(equalised[selected].sum() / total) if total > 0 else float("nan")
