"""First-order effects of every head and every edge: a few forward and backward passes for all of them.

1. An edge s→r: the change of what s writes into the residual stream, from the normal text's to the anomalous one's,
   times the gradient of the metric with respect to the input of r alone: its queries, keys and values
   together, through the norm in front (edge attribution patching, Syed 2023, arXiv 2310.10348). It is path patching to
   first order. A head: the same with the gradient with respect to what the head writes.
2. With more than one step gradients are averaged over runs on the way from the normal text's word embeddings to the
   anomalous one's (EAP-IG, Hanna 2024, arXiv 2403.17806).

Not for models with a norm behind the attention (Gemma 2 and 3), where what a layer writes is no sum over heads.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.causal.attribution import differentiable_z
from core.causal.paired_runs import PairBatch, PairedRuns, forward_mask
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.model.batching import BATCH_TOKENS
from core.model.hooks import after, before
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.model.memory import GRADIENT_BYTES, KEPT_A_LAYER, in_halves
from core.model.next_token import at_least_float

STEPS = 5
RECEIVERS_AT_ONCE = 64
"""Heads whose gradients are held together."""

WRITTEN_BYTES = 2**26
"""Memory that what heads write into the stream may take at a time."""


@dataclass(frozen=True)
class Attributed:
    """First-order effects as shares of the gap: of heads by pair (pair, flat head), of edges (source, target).

    The sign is that of `core.causal.patching`: positive works towards the anomalous behaviour.
    `backward_passes` counts ways back through the whole model.
    """

    by_pair: np.ndarray
    edges: np.ndarray
    forward_passes: int
    backward_passes: int

    @property
    def heads(self) -> np.ndarray:
        """Means over pairs (flat head,)."""
        means: np.ndarray = self.by_pair.mean(axis=0)
        return means


def attributions(
    loaded: LoadedModel, examples: ExampleSet, seed: int, steps: int = 1
) -> tuple[np.ndarray, np.ndarray, int]:
    """First-order effects of heads (head,) and edges (source, target), as shares of the gap; and the forward passes.

    Raises ValueError where a norm stands behind the attention, ExamplesError where there are no pairs of equal length.
    """
    if not adds_up_by_head(loaded):
        raise ValueError("what a layer's attention adds is no sum over heads in this architecture")
    runs = PairedRuns(loaded, examples, seed, tokens=tokens_at_once(loaded))
    effects = result_of(attributed(runs, steps))
    return effects.heads, effects.edges, effects.forward_passes


def adds_up_by_head(loaded: LoadedModel) -> bool:
    """Whether what the heads write reaches later heads as a plain sum, with no norm on the way."""
    return has_plain_stream(loaded) and not any(map(loaded.norm_behind, loaded.layers_with_heads))


def attributed(
    runs: PairedRuns, steps: int, receivers: Sequence[int] | None = None
) -> Generator[int, None, Attributed]:
    """The same of runs that are there, for a model without a norm behind the attention.

    Yields how many gradients of single texts are done, of pairs times steps. Edges are looked at into these
    `receivers` (flat heads), by default all; each costs a way back through its layer's attention. Without any, the
    model may be one with a norm behind the attention.
    """
    loaded = runs.loaded
    count = len(loaded.heads)
    by_pair, edges = np.zeros((runs.count, count)), np.zeros((count, count))
    read = list(range(count) if receivers is None else receivers)
    done = backward_passes = 0

    def run(part: _Part) -> tuple[list[int], np.ndarray, np.ndarray]:
        """Pairs of some rows, effects (row, head) and (source, receiver) at one step."""
        batch, of_edges = runs.batch(part.rows), np.zeros((count, len(read)))
        change = [
            at_least_float(z) - at_least_float(other) for z, other in zip(batch.z, batch.other, strict=True)
        ]
        with _inputs(runs, batch, part.step, steps):
            of_z = gradients(runs, batch, read, partial(_add_along, loaded, change, of_edges))
        along = [
            over_positions(one.to(slope.device) * slope) for one, slope in zip(change, of_z, strict=True)
        ]
        return batch.pairs, torch.cat(along).T.numpy(), of_edges

    parts = [_Part(rows, step) for rows in runs.row_batches for step in range(1, steps + 1)]
    for part, (pairs, of_heads, of_edges) in in_halves(parts, run, lambda part: runs.tokens(part.rows)):
        np.add.at(by_pair, pairs, of_heads / steps)
        edges[:, read] += of_edges / steps
        done, backward_passes = done + len(part), backward_passes + 1
        yield done
    gap = runs.metric.gap
    edges = edges * forward_mask(loaded) * _scales(loaded) / (runs.count * gap)
    return Attributed(by_pair / gap, edges, runs.forward_passes, backward_passes)


@dataclass(frozen=True)
class _Part:
    """Rows that are read together at one step of the way between the texts."""

    rows: Sequence[int]
    step: int

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> "_Part":
        return _Part(self.rows[part], self.step)


def _add_along(
    loaded: LoadedModel, change: Sequence[Tensor], edges: np.ndarray, columns: slice, to_input: Tensor
) -> None:
    """Add to `edges` (flat head, receiver) what changes of z do along gradients of these receivers.

    `change` is by layer (row, position, head, d_head), `to_input` (receiver, row, position, d_model). Some heads at a
    time, since what they write is wider than z by the number of heads.
    """
    towards = at_least_float(to_input).flatten(1).T
    at_once = max(1, WRITTEN_BYTES // max(1, towards.shape[0] * towards.element_size()))
    first = 0
    for layer in loaded.layers_with_heads:
        weights = loaded.output_weights(layer).to(towards)
        for some, own in zip(change[layer].split(at_once, dim=2), weights.split(at_once), strict=True):
            written = torch.einsum("rphd,hdm->hrpm", some.to(towards), own)
            edges[first : first + len(own), columns] += (written.flatten(1) @ towards).double().cpu().numpy()
            first += len(own)


def _scales(loaded: LoadedModel) -> np.ndarray:
    """What a change by a source is multiplied by in front of a target's layer (source, target); 1 in most models."""
    layers = loaded.layers_with_heads
    of_layers = np.array([[loaded.stream.scale(source, target) for target in layers] for source in layers])
    place = np.searchsorted(layers, loaded.layer_of_head)
    scales: np.ndarray = of_layers[np.ix_(place, place)]
    return scales


def tokens_at_once(loaded: LoadedModel, receivers: int | None = None) -> int:
    """Tokens of a batch whose gradients, of so many receivers at a time, fit the memory set aside."""
    shape = loaded.shape
    read = min(RECEIVERS_AT_ONCE, len(loaded.heads) if receivers is None else receivers)
    vectors = shape.n_layers * KEPT_A_LAYER + 2 * read
    return max(1, min(BATCH_TOKENS, GRADIENT_BYTES // (vectors * shape.d_model * loaded.number_bytes)))


def _inputs(runs: PairedRuns, batch: PairBatch, step: int, steps: int) -> AbstractContextManager[object]:
    """The model reads word embeddings at a step of the way to the anomalous text's, the last its own."""
    if steps == 1:
        return nullcontext()
    embed = runs.loaded.model.get_input_embeddings()
    with torch.no_grad():
        first, second = (embed(ids) for ids in batch.ids)
    return after(embed, partial(_instead, second + step / steps * (first - second)))


Take = Callable[[slice, Tensor], None]
"""Takes the places of some receivers among all, and their gradients (receiver, row, position, d_model)."""


def gradients(
    runs: PairedRuns, batch: PairBatch, receivers: Sequence[int] = (), take: Take | None = None
) -> list[Tensor]:
    """Gradients of the anomalous texts' metric with respect to z, by layer (row, position, head, d_head).

    `take` gets, for some of these flat heads at a time, the gradient with respect to the residual stream in front of
    the head's norm on the way through this head alone: what it reads. It is 0 in the first layer with heads, which
    reads no head.
    """
    loaded = runs.loaded
    streams: dict[int, Tensor] = {}
    with torch.enable_grad(), ExitStack() as stack:
        for layer in loaded.layers_with_heads:
            stack.enter_context(before(loaded.reader(layer), partial(_keep_stream, streams, layer)))
        z = stack.enter_context(differentiable_z(loaded))
        total = runs.measured(batch).sum()
        to_z = torch.autograd.grad(total, z, retain_graph=len(receivers) > 0)
        place = {layer: number for number, layer in enumerate(loaded.layers_with_heads)}
        for first in range(0, len(receivers) if take else 0, RECEIVERS_AT_ONCE):
            to_input = []
            for layer, head in (loaded.heads[one] for one in receivers[first : first + RECEIVERS_AT_ONCE]):
                if place[layer] == 0:
                    to_input.append(torch.zeros_like(streams[layer]))
                    continue
                through = z[place[layer]][:, :, head], streams[layer], to_z[place[layer]][:, :, head]
                to_input.append(torch.autograd.grad(*through, retain_graph=True)[0])
            assert take is not None
            to_input = [one.detach().to(runs.loaded.device) for one in to_input]  # layers may lie elsewhere
            take(slice(first, first + len(to_input)), torch.stack(to_input))
    return by_block(loaded, to_z)


def by_block(loaded: LoadedModel, values: Sequence[Tensor]) -> list[Tensor]:
    """Values (row, position, head, d_head) of the layers with heads as a list of all blocks, others without heads."""
    none = values[0][:, :, :0, :0]
    of_layer = dict(zip(loaded.layers_with_heads, values, strict=True))
    return [of_layer.get(layer, none) for layer in range(loaded.shape.n_layers)]


def _instead(values: Tensor, module: nn.Module, output: Tensor) -> Tensor:
    return values


def _keep_stream(
    streams: dict[int, Tensor], layer: int, module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]
) -> None:
    streams[layer] = args[0] if args else kwargs["hidden_states"]


def over_positions(values: Tensor) -> Tensor:
    """Sums (head, row) of values (row, position, head, d_head)."""
    return values.double().sum(dim=(1, 3)).T.cpu()
