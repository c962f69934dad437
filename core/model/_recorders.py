"""What hooks keep of a plain pass, layer by layer, cut to the length of each text and moved to the CPU."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.errors import ModelError
from core.examples.alignment import MEAN

Spec = tuple[int, ...] | None
"""Positions of a text that are kept, MEAN for the mean over all; None for every position."""


class ZRecorder:
    """z of every head in one padded pass; `texts` are the numbers by which an error names the rows."""

    def __init__(self, lengths: Sequence[int], specs: Sequence[Spec], texts: Sequence[int]) -> None:
        self._lengths, self._specs, self._texts = lengths, specs, texts
        self._layers: list[list[Tensor]] = []

    def keep(self, layer: int, z: Tensor) -> None:
        """Take z (row, position, head, d_head) of the next layer; raises ModelError where it is not finite."""
        rows = []
        for text, own, length, spec in zip(
            self._texts, z.detach().float().cpu(), self._lengths, self._specs, strict=True
        ):
            if not bool(torch.isfinite(own[:length]).all()):
                raise ModelError("bad_activations", layer=layer, line=text + 1)
            rows.append(own[:length].clone() if spec is None else at(own[:length], spec))
        self._layers.append(rows)

    def rows(self) -> list[Tensor]:
        """(layer, position, head, d_head) of each text."""
        return [torch.stack(layers) for layers in zip(*self._layers, strict=True)]


class AttentionRecorder:
    """Attention weights of every head in one padded pass."""

    def __init__(self, lengths: Sequence[int], specs: Sequence[Spec]) -> None:
        self._lengths, self._specs = lengths, specs
        self._layers: list[list[Tensor]] = []

    @property
    def layers(self) -> int:
        """Layers that gave weights."""
        return len(self._layers)

    def keep(self, weights: Tensor) -> None:
        """Take weights (row, head, query, key) of the next layer."""
        rows = []
        for own, length, spec in zip(weights.detach().cpu(), self._lengths, self._specs, strict=True):
            whole = own[:, :length, :length]
            rows.append((whole if spec is None else between(whole.float(), spec)).half())
        self._layers.append(rows)

    def rows(self) -> list[Tensor]:
        """(layer, head, query, key), float16, of each text."""
        return [torch.stack(layers) for layers in zip(*self._layers, strict=True)]


def at(values: Tensor, spec: Sequence[int]) -> Tensor:
    """The positions of a spec, MEAN as the mean over all, of (position, ...)."""
    if MEAN not in spec:
        return values[list(spec)]
    mean = values.mean(0)
    return torch.stack([mean if position == MEAN else values[position] for position in spec])


def between(weights: Tensor, positions: Sequence[int]) -> Tensor:
    """Weights (..., slot, slot) from weights between all positions (..., query, key).

    A slot that is the mean over a text looks as its tokens do on average, and is looked at as much as all of them.
    """
    places = np.array(positions)
    average = places == MEAN
    index = torch.from_numpy(np.where(average, 0, places))
    queries = weights[..., index, :]
    if not average.any():
        return queries[..., index]
    over_text = torch.from_numpy(average)
    queries = torch.where(over_text[:, None], weights.mean(dim=-2, keepdim=True), queries)
    return torch.where(over_text, queries.sum(dim=-1, keepdim=True), queries[..., index])
