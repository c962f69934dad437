"""First-order effects of every head and every edge: a few forward and backward passes for all of them.

1. An edge s→r: the change of what s writes into the residual stream, from the normal text's to the anomalous one's,
   times the gradient of the metric with respect to the input of r alone: its queries, keys and values
   together, through the norm in front (edge attribution patching, Syed 2023, arXiv 2310.10348). It is path patching to
   first order. A head: the same with the gradient with respect to what the head writes.
2. With more than one step gradients are averaged over runs on the way from the normal text's word embeddings to the
   anomalous one's (EAP-IG, Hanna 2024, arXiv 2403.17806).

Not for models with a norm behind the attention (Gemma 2 and 3), where what a layer writes is no sum over heads.
"""

from collections.abc import Generator, Iterator, Sequence
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

STEPS = 5
GRADIENT_BYTES = 2**30
"""Memory that the gradients of one batch may take, roughly."""

KEPT_A_HEAD = 4
"""Vectors of d_model numbers that a head needs for a token at once: gradients of two steps, and what is written."""


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
    for batch in runs.batches:
        to_z, to_input = [torch.zeros(()) for _ in batch.z], torch.zeros(())
        for inputs in _way(runs, batch, steps):
            with inputs:
                _, of_z, of_input = gradients(runs, batch, read)
            to_z = [total.to(of_layer) + of_layer for total, of_layer in zip(to_z, of_z, strict=True)]
            to_input = to_input.to(of_input) + of_input
            done, backward_passes = done + len(batch.rows), backward_passes + 1
            yield done
        to_z, to_input = [total / steps for total in to_z], to_input / steps
        sides = zip(batch.z, batch.other, to_z, strict=True)
        change = [here.to(slope) - other.to(slope) for here, other, slope in sides]
        along_z = [over_positions(of_layer * slope) for of_layer, slope in zip(change, to_z, strict=True)]
        np.add.at(by_pair, batch.pairs, torch.cat(along_z).T.numpy())
        if read:
            edges[:, read] += _along(loaded, change, to_input)
    gap = runs.metric.gap
    edges = edges * forward_mask(loaded) / (runs.count * gap)
    return Attributed(by_pair / gap, edges, runs.forward_passes, backward_passes)


def _along(loaded: LoadedModel, change: Sequence[Tensor], to_input: Tensor) -> np.ndarray:
    """What changes of z by layer (row, position, head, d_head) do along gradients (receiver, row, position, d_model).

    Returns (flat head, receiver).
    """
    slopes = to_input.flatten(1).T
    along = []
    for layer in loaded.layers_with_heads:
        weights = loaded.output_weights(layer).to(to_input)
        written = torch.einsum("rphd,hdm->hrpm", change[layer], weights)
        along.append((written.flatten(1) @ slopes).double().cpu())
    together: np.ndarray = torch.cat(along).numpy()
    return together


def tokens_at_once(loaded: LoadedModel) -> int:
    """Tokens of a batch whose gradients fit the memory set aside."""
    shape = loaded.shape
    per_token = len(loaded.heads) * shape.d_model * 4 * KEPT_A_HEAD
    return max(1, min(BATCH_TOKENS, GRADIENT_BYTES // per_token))


def _way(runs: PairedRuns, batch: PairBatch, steps: int) -> Iterator[AbstractContextManager[object]]:
    """Contexts in which the model reads word embeddings on the way to the anomalous text's, the last its own."""
    if steps == 1:
        yield nullcontext()
        return
    embed = runs.loaded.model.get_input_embeddings()
    with torch.no_grad():
        first, second = (embed(ids) for ids in batch.ids)
    for step in range(1, steps + 1):
        yield after(embed, partial(_instead, second + step / steps * (first - second)))


def gradients(
    runs: PairedRuns, batch: PairBatch, receivers: Sequence[int] | None = None
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """z, and the gradients of the anomalous texts' metric with respect to z and to what each head alone reads.

    z and its gradient are by layer (row, position, head, d_head); the last is (receiver, row, position, d_model): the
    gradient with respect to the residual stream in front of the head's norm, on the way through this head, for these
    flat heads, by default all. It is 0 in the first layer with heads, which reads no head.
    """
    loaded = runs.loaded
    read = range(len(loaded.heads)) if receivers is None else receivers
    streams: dict[int, Tensor] = {}
    with torch.enable_grad(), ExitStack() as stack:
        for layer in loaded.layers_with_heads:
            stack.enter_context(before(loaded.reader(layer), partial(_keep_stream, streams, layer)))
        z = stack.enter_context(differentiable_z(loaded))
        total = runs.measured(batch).sum()
        to_z = torch.autograd.grad(total, z, retain_graph=len(read) > 0)
        first = loaded.layers_with_heads[0]
        place = {layer: number for number, layer in enumerate(loaded.layers_with_heads)}
        to_input = [torch.zeros_like(streams[first])[None][:0]]
        for layer, head in (loaded.heads[receiver] for receiver in read):
            if layer == first:
                to_input.append(torch.zeros_like(streams[first])[None])
                continue
            through = z[place[layer]][:, :, head], streams[layer], to_z[place[layer]][:, :, head]
            to_input.append(torch.autograd.grad(*through, retain_graph=True)[0][None])
    return (
        by_block(loaded, [of_layer.detach() for of_layer in z]),
        by_block(loaded, to_z),
        torch.cat(to_input),
    )


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
