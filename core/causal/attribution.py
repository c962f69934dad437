"""Attribution patching: a first-order guess of every head's effect from two forward passes and one backward pass.

Nanda 2023; Syed 2023 (arXiv 2310.10348). The effect of giving head h another z in the anomalous run is, to first
order, the gradient of the behaviour measure with respect to z_h times the change of z_h, summed over all positions:

    effect_h ≈ ∂m/∂z_h · (z_h - z_h') / gap

with z_h' what the head gets instead (`core.causal.patching`): the partner's z, or the mean over the normal
texts. The sign is
that of the effects: positive works towards the anomalous behaviour. It is a screen, no evidence: where the measure
bends between the two values (saturated attention, heads that stand in for each other) it can be far off.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric
from core.causal.patching import Method
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
    recording: Recording, n_anomalous: int, method: Method, metric: Metric
) -> Generator[int, None, Attribution]:
    """Attribution of every head on every anomalous text; yields how many texts are done after each batch.

    The recording is of texts with the anomalous ones first; with `resample`, text i + n_anomalous is the partner of
    text i and has its length.
    """
    loaded, lengths = recording.loaded, recording.lengths
    shape = loaded.shape
    values = np.empty((shape.n_layers, shape.n_heads, n_anomalous))
    batches = batches_of(lengths, range(n_anomalous), _budget(loaded))
    means = _normal_means(recording.of(range(n_anomalous, len(lengths)))) if method == "mean" else None
    done = 0
    for rows in batches:
        if means is None:
            instead = recording.padded_z([row + n_anomalous for row in rows])
        else:
            instead = _filled(means, [lengths[row] for row in rows])
        z, gradient = _with_gradient(loaded, recording.of(rows).texts, rows, metric)
        share = (gradient * (z - instead.to(z))).sum(dim=-1)
        for place, row in enumerate(rows):
            values[:, :, row] = share[:, place, : lengths[row]].sum(dim=1).cpu().numpy() / metric.gap
        done += len(rows)
        yield done
    return Attribution(values, len(batches), len(batches))


def _budget(loaded: LoadedModel) -> int:
    """Tokens of a batch whose activations fit the memory set aside."""
    per_token = loaded.shape.n_layers * loaded.shape.d_model * 4 * KEPT_A_LAYER
    return max(1, min(BATCH_TOKENS, GRADIENT_BYTES // per_token))


def _with_gradient(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], rows: Sequence[int], metric: Metric
) -> tuple[Tensor, Tensor]:
    """z of every head and the gradient of its text's measure with respect to it.

    Both (layer, row, position, head, d_head), float32 or finer.
    """
    kept: dict[int, Tensor] = {}

    def keeper(layer: int) -> Callable[[Tensor], Tensor]:
        def keep(z: Tensor) -> Tensor:
            # weights ask for no gradient, so in the first layer the graph begins here
            kept[layer] = z if z.requires_grad else z.detach().requires_grad_()
            return kept[layer]

        return keep

    with torch.enable_grad(), ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(on_z(loaded, layer, keeper(layer)))
        total = metric.read(last_logits(loaded, texts), rows).sum()
        layers = sorted(kept)
        gradients = torch.autograd.grad(total, [kept[layer] for layer in layers])
    z = torch.stack([at_least_float(kept[layer].detach()) for layer in layers])
    return z, torch.stack([at_least_float(gradient) for gradient in gradients])


def _normal_means(recording: Recording) -> tuple[Tensor, Tensor]:
    """Mean z (layer, head, d_head) of texts over all their tokens and over their last ones."""
    lengths = recording.lengths
    everywhere = last = torch.zeros(())
    for batch in batches_of(lengths, range(len(lengths)), _budget(recording.loaded)):
        for z in recording.z(batch):
            everywhere, last = everywhere + z.sum(dim=1), last + z[:, -1]
    return everywhere / sum(lengths), last / len(lengths)


def _filled(means: tuple[Tensor, Tensor], lengths: Sequence[int]) -> Tensor:
    """What the heads get in texts of these lengths: (layer, row, position, head, d_head)."""
    everywhere, last = means
    values = everywhere[:, None, None].repeat(1, len(lengths), max(lengths), 1, 1)
    for place, length in enumerate(lengths):
        values[:, place, length - 1] = last
    return values
