"""Attention weights of every head: read beside a plain pass, and their mean between the compared positions.

They say how much of a head's attention at one position goes to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model.head_outputs import Spec

if TYPE_CHECKING:
    from core.model.recording import Recording

MOST_WEIGHTS = 2**28
"""Attention weights of one layer that a forward pass may hold."""

AttentionState = Literal["computed", "one_position", "too_long", "no_weights", "memory"]
State = AttentionState | Literal["over_text", "not_finite"]


@dataclass(frozen=True)
class Attention:
    """Mean of attention weights (flat head, query slot, key slot) over the texts that have both slots, float32 on the
    CPU; 0 where none has both.

    None where `state` says that there are none; `over_text` where a slot is a mean over the text.
    """

    state: State
    weights: Tensor | None = None


def mean_attention(recording: "Recording", positions: np.ndarray) -> Attention:
    """Attention between `positions` (text, slot), with which the recording was made; MEAN and less are many tokens."""
    slots = positions.shape[1]
    present = torch.from_numpy(positions != ABSENT)
    # In double precision the order of the sum makes no difference, so a cached run equals the first one.
    total = torch.zeros(len(recording.loaded.heads), slots, slots, dtype=torch.float64)
    for text, places in enumerate(positions.tolist()):
        weights = recording.attention(text, [place for place in places if place != ABSENT])
        if weights is None:
            return Attention(recording.attention_state)
        both = torch.outer(present[text], present[text])
        total[..., both] += weights.flatten(1)
    if not bool(torch.isfinite(total).all()):
        return Attention("not_finite")
    over_text = bool((positions <= MEAN)[present.numpy()].any())
    texts = (present[:, :, None] & present[:, None, :]).sum(dim=0).clamp(min=1)
    return Attention("over_text" if over_text else "computed", (total / texts).float())


class AttentionRecorder:
    """Attention weights of every head in one padded pass."""

    def __init__(self, lengths: Sequence[int], specs: Sequence[Spec]) -> None:
        self._lengths, self._specs = lengths, specs
        self._layers: list[list[Tensor]] = []

    @property
    def layers(self) -> int:
        """Layers that gave weights."""
        return len(self._layers)

    def keep(self, _layer: int, weights: Tensor) -> None:
        """Take weights (row, head, query, key) of the next layer that has heads."""
        rows = []
        for own, length, spec in zip(weights.detach().cpu(), self._lengths, self._specs, strict=True):
            whole = own[:, :length, :length]
            rows.append((whole if spec is None else between(whole.float(), spec)).half())
        self._layers.append(rows)

    def rows(self) -> list[Tensor]:
        """(flat head, query, key), float16, of each text."""
        return [torch.cat(layers) for layers in zip(*self._layers, strict=True)]


def between(weights: Tensor, positions: Sequence[int]) -> Tensor:
    """Weights (..., slot, slot) from weights between all positions (..., query, key).

    A slot that is the mean over tokens looks as they do on average, and is looked at as much as all of them.
    """
    places = np.array(positions)
    average = places <= MEAN
    index = torch.from_numpy(np.where(average, 0, places))
    queries = weights[..., index, :]
    if not average.any():
        return queries[..., index]
    over_tokens = torch.from_numpy(average)
    first = MEAN - int(places.min())
    queries = torch.where(over_tokens[:, None], weights[..., first:, :].mean(dim=-2, keepdim=True), queries)
    keys = queries[..., first:].sum(dim=-1, keepdim=True)
    return torch.where(over_tokens, keys, queries[..., index])
