"""Methods that need a gradient of the behaviour measure m: a few forward and backward passes for all heads or edges.

1. `hisp`, head importance (Michel 2019, arXiv 1905.10650): |∂m/∂ξ_h| for a gate ξ_h = 1 on what head h writes, its mean
   over the anomalous texts, divided by the length of its layer's vector. Edges: an edge is worth what its weaker head
   is worth, since the published circuits are made of whole heads (Conmy 2023).
2. `eap`, edge attribution patching (Syed 2023, arXiv 2310.10348): for an edge s→r the change of what s writes into the
   residual stream, from the normal text's to the anomalous one's, times the gradient of m with respect to the input of
   r alone: its queries, keys and values together, through the norm in front. It is path patching to first order. Heads:
   attribution patching, the same with the gradient with respect to what the head writes.
3. `eap_ig` (Hanna 2024, arXiv 2403.17806): the same with gradients averaged over STEPS runs on the way from the normal
   text's word embeddings to the anomalous one's.

Scores are sizes of the mean over texts, in the direction of taking the anomalous value out. Not for models with a norm
behind the attention (Gemma 2 and 3), where what a layer writes is no sum over heads.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.benchmark.methods import Outcome
from core.benchmark.pair_runs import PairBatch, PairRuns, forward_mask
from core.examples import ExampleSet
from core.hooks import after, before, on_z
from core.loaded_model import LoadedModel

STEPS = 5


def hisp(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Head importance by gates."""
    start = time.perf_counter()
    runs = PairRuns(loaded, examples, seed)
    sizes = np.zeros((loaded.shape.n_layers, loaded.shape.n_heads))
    for batch in runs.batches:
        sizes += gate_gradients(runs, batch).abs().sum(dim=-1).numpy()
    length = np.sqrt((sizes**2).sum(axis=1, keepdims=True))
    heads = (sizes / np.where(length > 0, length, 1)).ravel()
    edges = np.minimum.outer(heads, heads) * forward_mask(loaded)
    return Outcome(heads, edges, time.perf_counter() - start, runs.forward_passes)


def gate_gradients(runs: PairRuns, batch: PairBatch) -> Tensor:
    """Gradient (layer, head, row) of each anomalous text's measure with respect to a gate on each head."""
    _, gradient, _ = gradients(runs, batch)
    return _over_positions(batch.z.to(gradient) * gradient)


def eap(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Edge attribution patching, heads by attribution patching."""
    return _attributed(loaded, examples, seed, steps=1)


def eap_ig(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """The same with integrated gradients."""
    return _attributed(loaded, examples, seed, STEPS)


def _attributed(loaded: LoadedModel, examples: ExampleSet, seed: int, steps: int) -> Outcome:
    start = time.perf_counter()
    heads, edges, passes = attributions(loaded, examples, seed, steps)
    return Outcome(np.abs(heads), np.abs(edges), time.perf_counter() - start, passes)


def attributions(
    loaded: LoadedModel, examples: ExampleSet, seed: int, steps: int = 1
) -> tuple[np.ndarray, np.ndarray, int]:
    """First-order effects of heads (head,) and edges (source, target), as shares of the gap; and the forward passes.

    The sign is that of `core.effects`: positive works towards the anomalous behaviour. Raises ValueError where a norm
    stands behind the attention.
    """
    if loaded.architecture.post_norm:
        raise ValueError("what a layer's attention adds is no sum over heads in this architecture")
    runs = PairRuns(loaded, examples, seed)
    count = loaded.shape.n_layers * loaded.shape.n_heads
    heads, edges = np.zeros(count), np.zeros((count, count))
    for batch in runs.batches:
        to_z, to_input = _averaged(runs, batch, steps)
        change = batch.z.to(to_z) - batch.other.to(to_z)
        heads += _over_positions(change * to_z).sum(dim=-1).numpy().ravel()
        written = torch.cat(
            [
                torch.einsum("rphd,hdm->hrpm", change[layer], loaded.output_weights(layer).to(to_z))
                for layer in range(loaded.shape.n_layers)
            ]
        )
        edges += (written.flatten(1) @ to_input.flatten(1).T).double().numpy()
    share = runs.count * runs.behaviour.gap
    return heads / share, edges * forward_mask(loaded) / share, runs.forward_passes


def _averaged(runs: PairRuns, batch: PairBatch, steps: int) -> tuple[Tensor, Tensor]:
    """Gradients with respect to z and to the inputs of every head, the mean over the way between the texts."""
    if steps == 1:
        _, to_z, to_input = gradients(runs, batch)
        return to_z, to_input
    embed = runs.loaded.model.get_input_embeddings()
    with torch.no_grad():
        first, second = (embed(ids) for ids in batch.ids)
    found = []
    for step in range(1, steps + 1):
        between = second + step / steps * (first - second)
        with after(embed, partial(_instead, between)):
            found.append(gradients(runs, batch)[1:])
    to_z, to_input = (torch.stack(parts).mean(dim=0) for parts in zip(*found, strict=True))
    return to_z, to_input


def gradients(runs: PairRuns, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
    """z, and the gradients of the anomalous texts' measures with respect to z and to what each head alone reads.

    z and its gradient are (layer, row, position, head, d_head); the last is (flat head, row, position, d_model): the
    gradient with respect to the residual stream in front of the head's norm, on the way through this head. It is 0 in
    the first layer, which reads no head.
    """
    loaded = runs.loaded
    kept: dict[int, Tensor] = {}
    streams: dict[int, Tensor] = {}
    with torch.enable_grad(), ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(before(loaded.norm(layer), _stream_keeper(streams, layer)))
            stack.enter_context(on_z(loaded, layer, _z_keeper(kept, layer)))
        total = runs.behaviour.read(runs.logits(batch), batch.rows).sum()
        z = [kept[layer] for layer in sorted(kept)]
        to_z = torch.autograd.grad(total, z, retain_graph=True)
        to_input = [torch.zeros_like(streams[0]).expand(loaded.shape.n_heads, *streams[0].shape)]
        for layer in range(1, loaded.shape.n_layers):
            to_input.append(_through_heads(streams[layer], kept[layer], to_z[layer]))
    return torch.stack([one.detach() for one in z]), torch.stack(to_z), torch.cat(to_input)


def _through_heads(stream: Tensor, z: Tensor, to_z: Tensor) -> Tensor:
    """Gradient (head, row, position, d_model) through each head of a layer alone."""
    return torch.stack(
        [
            torch.autograd.grad(z[:, :, head], stream, to_z[:, :, head], retain_graph=True)[0]
            for head in range(z.shape[2])
        ]
    )


def _instead(values: Tensor, module: nn.Module, output: Tensor) -> Tensor:
    return values


def _z_keeper(kept: dict[int, Tensor], layer: int) -> Callable[[Tensor], Tensor]:
    def keep(z: Tensor) -> Tensor:
        # weights ask for no gradient, so in the first layer the graph begins here
        kept[layer] = z if z.requires_grad else z.detach().requires_grad_()
        return kept[layer]

    return keep


def _stream_keeper(streams: dict[int, Tensor], layer: int) -> Callable[..., None]:
    def keep(module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        streams[layer] = args[0] if args else kwargs["hidden_states"]

    return keep


def _over_positions(values: Tensor) -> Tensor:
    """Sums (layer, head, row) of values (layer, row, position, head, d_head)."""
    return values.double().sum(dim=(2, 4)).transpose(1, 2).cpu()
