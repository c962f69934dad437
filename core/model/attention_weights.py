"""Attention weights of every head between the compared positions: the mean over the texts.

It says how much of a head's attention at one slot goes to another.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.examples.alignment import MEAN
from core.model.recording import AttentionState, Recording

State = AttentionState | Literal["over_text", "not_finite"]


@dataclass(frozen=True)
class Attention:
    """Mean over the texts of attention weights (layer, head, query slot, key slot), float32 on the CPU.

    None where `state` says that there are none; `over_text` where a slot is a mean over the text.
    """

    state: State
    weights: Tensor | None = None


def mean_attention(recording: Recording, positions: np.ndarray) -> Attention:
    """Attention between `positions` (text, slot), with which the recording was made; MEAN is the whole text."""
    shape, slots = recording.loaded.shape, positions.shape[1]
    # In double precision the order of the sum makes no difference, so a cached run equals the first one.
    total = torch.zeros(shape.n_layers, shape.n_heads, slots, slots, dtype=torch.float64)
    for text, places in enumerate(positions.tolist()):
        weights = recording.attention(text, places)
        if weights is None:
            return Attention(recording.attention_state)
        total += weights
    if not bool(torch.isfinite(total).all()):
        return Attention("not_finite")
    over_text = bool((positions == MEAN).any())
    return Attention("over_text" if over_text else "computed", (total / len(positions)).float())
