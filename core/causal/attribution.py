"""Attribution patching: a first-order guess of every head's effect from two forward passes and one backward pass.

Nanda 2023; Syed 2023 (arXiv 2310.10348). The effect of giving head h another z in the anomalous run is, to first
order, the gradient of the metric with respect to z_h times the change of z_h, summed over all positions:

    effect_h ≈ ∂m/∂z_h · (z_h - z_h') / gap

with z_h' what the head gets instead (`core.causal.replacements`): the partner's z, or the mean over the normal texts.
Where answer tokens are read along, positions are those of the text and of these tokens, of all rows of the text.
The sign is that of the effects: positive works towards the anomalous behaviour. It is a guess, no evidence: where the
metric bends between the two values (saturated attention, heads that stand in for each other) it can be far off.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric, Row, read_rows
from core.causal.patching import Patching
from core.model.batching import BATCH_TOKENS, batches_from
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.model.memory import GRADIENT_BYTES, KEPT_A_LAYER, in_halves
from core.model.next_token import at_least_float
from core.model.prefixes.kept_prefix import Prefix
from core.model.recording import Recording


@dataclass(frozen=True)
class Attribution:
    """`values` (flat head, anomalous example), shares of the gap; and what they cost."""

    values: np.ndarray
    forward_passes: int
    backward_passes: int

    @property
    def mean(self) -> np.ndarray:
        """(flat head,)."""
        return self.values.mean(axis=-1)


def attribution(
    recording: Recording, patching: Patching, metric: Metric
) -> Generator[int, None, Attribution]:
    """Attribution of every head on every anomalous text; yields how many texts are done after each batch.

    `patching` of the recorded texts says what the heads get instead.
    """
    loaded, plain, n_anomalous = recording.loaded, metric.recording or recording, patching.n_anomalous
    shape, lengths = loaded.shape, [len(row.ids) for row in metric.rows]
    values = np.zeros((len(loaded.heads), n_anomalous))
    per_token = shape.n_layers * shape.d_model * loaded.number_bytes * KEPT_A_LAYER
    budget = max(1, min(BATCH_TOKENS, GRADIENT_BYTES // per_token))
    every = metric.rows_of(range(n_anomalous))
    starts = patching.starts(metric, patching.method)

    def run(rows: Sequence[int]) -> np.ndarray:
        """Shares (flat head, row) of the gap."""
        start = min(starts[row] for row in rows)
        prefix = plain.prefix(rows, start)
        start = prefix.width
        if patching.method == "resample":
            instead = plain.padded_z([metric.partner(row) for row in rows])
        else:
            instead = _means(patching, [metric.rows[row] for row in rows], shape.n_layers)
        z, gradient = _with_gradient(loaded, rows, metric, prefix)
        shares = []
        for layer, here, slope in zip(loaded.layers_with_heads, z, gradient, strict=True):
            share = (slope * (here - instead[layer][:, start:].to(here))).sum(dim=-1)
            of_rows = [share[place, : lengths[row] - start].sum(dim=0) for place, row in enumerate(rows)]
            shares.append(torch.stack(of_rows, dim=1).cpu().numpy() / metric.gap)
        return np.concatenate(shares)

    done = passes = 0
    batches = batches_from(lengths, starts, every, budget)
    for rows, shares in in_halves(batches, run, lambda rows: len(rows) * max(lengths[row] for row in rows)):
        for row, of_row in zip(rows, shares.T, strict=True):
            values[:, metric.rows[row].text] += of_row
        done, passes = done + len(rows), passes + 1
        yield done * n_anomalous // len(every)
    return Attribution(values, passes, passes)


def _means(patching: Patching, rows: Sequence[Row], n_layers: int) -> list[Tensor]:
    """What heads get by `mean` in these rows, by layer (row, position, head, d_head)."""
    return [patching.replacements.of_every_head(layer, rows, "mean") for layer in range(n_layers)]


def _with_gradient(
    loaded: LoadedModel, rows: Sequence[int], metric: Metric, prefix: Prefix
) -> tuple[list[Tensor], list[Tensor]]:
    """z of every head and the gradient of its row's metric with respect to it, behind the prefix.

    Both by layer with heads (row, position, head, d_head), float32 or finer.
    """
    with torch.enable_grad(), differentiable_z(loaded) as layers:
        total = read_rows(loaded, metric, rows, prefix).sum()
        gradients = torch.autograd.grad(total, layers)
    z = [at_least_float(of_layer.detach()) for of_layer in layers]
    return z, [at_least_float(gradient) for gradient in gradients]


@contextmanager
def differentiable_z(loaded: LoadedModel) -> Iterator[list[Tensor]]:
    """Collects z of each layer that has heads of one forward pass inside, as tensors that gradients can be taken to."""
    layers: list[Tensor] = []

    def collect(z: Tensor) -> Tensor:
        # weights ask for no gradient, so in the first layer the graph begins here
        layers.append(z if z.requires_grad else z.detach().requires_grad_())
        return layers[-1]

    with ExitStack() as stack:
        for layer in loaded.layers_with_heads:
            stack.enter_context(on_z(loaded, layer, collect))
        yield layers
