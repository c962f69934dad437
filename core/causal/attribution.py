"""Attribution patching: a first-order guess of every head's effect from two forward passes and one backward pass.

Nanda 2023; Syed 2023 (arXiv 2310.10348). The effect of giving head h another z in the anomalous run is, to first
order, the gradient of the metric with respect to z_h times the change of z_h, summed over all positions:

    effect_h ≈ ∂m/∂z_h · (z_h - z_h') / gap

with z_h' what the head gets instead (`core.causal.replacements`): the partner's z, or the mean over the normal texts.
The sign is that of the effects: positive works towards the anomalous behaviour. It is a guess, no evidence: where the
metric bends between the two values (saturated attention, heads that stand in for each other) it can be far off.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric
from core.causal.patching import Patching
from core.model.batching import BATCH_TOKENS, batches_of
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.model.next_token import at_least_float, last_logits
from core.model.recording import Recording

GRADIENT_BYTES = 2**30
"""Memory that the activations kept for one backward pass may take, roughly."""

KEPT_A_LAYER = 20
"""Activations of d_model numbers that a layer keeps for the backward pass, roughly."""


@dataclass(frozen=True)
class Attribution:
    """`values` (layer, head, anomalous example), shares of the gap; and what they cost."""

    values: np.ndarray
    forward_passes: int
    backward_passes: int

    @property
    def mean(self) -> np.ndarray:
        """(layer, head)."""
        return self.values.mean(axis=-1)


def attribution(
    recording: Recording, patching: Patching, metric: Metric
) -> Generator[int, None, Attribution]:
    """Attribution of every head on every anomalous text; yields how many texts are done after each batch.

    `patching` of the recorded texts says what the heads get instead.
    """
    loaded, lengths, n_anomalous = recording.loaded, recording.lengths, patching.n_anomalous
    shape = loaded.shape
    values = np.empty((shape.n_layers, shape.n_heads, n_anomalous))
    per_token = shape.n_layers * shape.d_model * 4 * KEPT_A_LAYER
    budget = max(1, min(BATCH_TOKENS, GRADIENT_BYTES // per_token))
    batches = batches_of(lengths, range(n_anomalous), budget)
    done = 0
    for rows in batches:
        if patching.method == "resample":
            instead = recording.padded_z([row + n_anomalous for row in rows])
        else:
            at = partial(patching.replacements.at, texts=rows, kind="mean")
            instead = torch.stack([at(layer) for layer in range(shape.n_layers)])
        z, gradient = _with_gradient(loaded, recording.of(rows).texts, rows, metric)
        share = (gradient * (z - instead.to(z))).sum(dim=-1)
        for place, row in enumerate(rows):
            values[:, :, row] = share[:, place, : lengths[row]].sum(dim=1).cpu().numpy() / metric.gap
        done += len(rows)
        yield done
    return Attribution(values, len(batches), len(batches))


def _with_gradient(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], rows: Sequence[int], metric: Metric
) -> tuple[Tensor, Tensor]:
    """z of every head and the gradient of its text's metric with respect to it.

    Both (layer, row, position, head, d_head), float32 or finer.
    """
    with torch.enable_grad(), differentiable_z(loaded) as layers:
        total = metric.read(last_logits(loaded, texts), rows).sum()
        gradients = torch.autograd.grad(total, layers)
    z = torch.stack([at_least_float(of_layer.detach()) for of_layer in layers])
    return z, torch.stack([at_least_float(gradient) for gradient in gradients])


@contextmanager
def differentiable_z(loaded: LoadedModel) -> Iterator[list[Tensor]]:
    """Collects z of each layer of one forward pass inside, as tensors that gradients can be taken to."""
    layers: list[Tensor] = []

    def collect(z: Tensor) -> Tensor:
        # weights ask for no gradient, so in the first layer the graph begins here
        layers.append(z if z.requires_grad else z.detach().requires_grad_())
        return layers[-1]

    with ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(on_z(loaded, layer, collect))
        yield layers
