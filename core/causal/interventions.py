"""Changing what single heads write, or what single heads read, inside a running model.

Everything is a context manager around ordinary forward passes, and batched: each row of the batch may carry
its own intervention. z is the input of a layer's attention output projection, so that head h writes z_h
W_O,h.

1. `record`: keep z of every head.
2. `replace_heads`: put other values in place of z of chosen heads: zeros, means, values of other rows or
   runs.
3. `patch_edges` (core.causal.path_patching): change what one head reads of another one.

All positions take part. Contexts can be nested; one entered later sees what earlier ones changed. Hooks are
removed when the context is left, also by an exception.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.causal.path_patching import Reads, patch_edges
from core.heads import HeadId
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel

__all__ = [
    "Reads",
    "Recording",
    "choose_heads",
    "mean_values",
    "patch_edges",
    "record",
    "replace_heads",
    "resample_values",
    "zero_values",
]


@dataclass
class Recording:
    """z of the last forward pass inside `record`."""

    layers: dict[int, Tensor] = field(default_factory=dict)

    @property
    def z(self) -> Tensor:
        """(layer, row, position, head, d_head), float32."""
        return torch.stack([self.layers[layer] for layer in sorted(self.layers)])


@contextmanager
def record(loaded: LoadedModel) -> Iterator[Recording]:
    """Keep z of every head in the forward passes inside the context."""
    recording = Recording()

    def keeper(layer: int) -> Callable[[Tensor], None]:
        def keep(z: Tensor) -> None:
            recording.layers[layer] = z.detach().float()

        return keep

    with ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(on_z(loaded, layer, keeper(layer)))
        yield recording


@contextmanager
def replace_heads(loaded: LoadedModel, chosen: Tensor, values: Tensor) -> Iterator[None]:
    """Put `values` in place of z of the chosen heads.

    `chosen` is bool (layer, row, head); `values` is (layer, row, position, head, d_head), where any axis but
    the last may have length 1. `chosen` may have one row for all rows. Heads not chosen keep what they write.
    """
    with ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            if bool(chosen[layer].any()):
                value = values[layer if len(values) > 1 else 0]
                stack.enter_context(on_z(loaded, layer, _replacer(chosen[layer], value)))
        yield


def choose_heads(loaded: LoadedModel, rows: Sequence[Sequence[HeadId]]) -> Tensor:
    """The bool tensor (layer, row, head) that `replace_heads` takes, from the heads of every row."""
    chosen = torch.zeros(loaded.shape.n_layers, len(rows), loaded.shape.n_heads, dtype=torch.bool)
    for row, heads in enumerate(rows):
        for head in heads:
            chosen[head.layer, row, head.head] = True
    return chosen


def zero_values(loaded: LoadedModel) -> Tensor:
    """Values for zero ablation: heads write nothing."""
    return torch.zeros(1, 1, 1, 1, loaded.shape.d_head)


def mean_values(z: Tensor, mask: Tensor | None = None) -> Tensor:
    """Values for mean ablation: the mean over rows at every position.

    `z` is (layer, row, position, head, d_head), `mask` (row, position) is 1 where there is a token; a
    position without any token gets 0.
    """
    if mask is None:
        return z.mean(1, keepdim=True)
    weight = mask.to(z)[None, :, :, None, None]
    return (z * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)


def resample_values(z: Tensor, rows: Sequence[int]) -> Tensor:
    """Values for resample ablation: row i gets the z of row `rows[i]`."""
    return z[:, list(rows)]


def _replacer(chosen: Tensor, values: Tensor) -> Callable[[Tensor], Tensor]:
    def change(z: Tensor) -> Tensor:
        return torch.where(chosen.to(z.device)[:, None, :, None], values.to(z), z)

    return change
