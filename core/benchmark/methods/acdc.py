"""ACDC (Conmy 2023, arXiv 2304.14997) between heads: edges are pruned one by one, the rest stays a working model.

1. Edges run from every head to every head of a later layer and to the output. An edge that is cut lets its receiver
   see what the sender writes in the normal text instead. MLPs see everything.
2. Receivers are gone through from the output to the first layers, senders from the last layers to the first. An edge
   is cut for good where that makes the loss grow by less than the threshold.
3. This is done with every one of THRESHOLDS, side by side in one batch. The score of an edge is the largest threshold
   at which it is still there at the end, 0 where it never is; that of a head is the largest of its edges.

Losses: `kl`, the divergence of the next word from that of the uncut model at each place that is read, in nats;
`logit_difference`, what is missing of the metric, as a share of the gap.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from core.benchmark.methods.method import Method, Outcome
from core.causal.paired_runs import PairedRuns, forward_mask
from core.examples.example_set import ExampleSet
from core.model.hooks import before, on_z, run_again
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import final_norm

Loss = Literal["kl", "logit_difference"]
THRESHOLDS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)


def acdc(loss: Loss) -> Method:
    """The method with one of the two losses."""

    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        runs = PairedRuns(loaded, examples, seed)
        scores = surviving(runs, loss)
        count = scores.shape[1]
        edges = scores[:-1].T * forward_mask(loaded)
        heads = np.maximum(scores.max(axis=0), scores[:count].max(axis=1))
        return Outcome(heads, edges, runs.forward_passes)

    return method


def surviving(runs: PairedRuns, loss: Loss, thresholds: Sequence[float] = THRESHOLDS) -> np.ndarray:
    """The largest threshold (receiver, sender) at which each edge survives; the last receiver is the output."""
    loaded, count = runs.loaded, len(runs.loaded.heads)
    cut = torch.zeros(len(thresholds), count + 1, count)
    limits = torch.tensor(thresholds, dtype=torch.float64)
    now = losses(runs, cut[:1], loss).expand(len(thresholds))
    for receiver in range(count, loaded.slice_of(loaded.layers_with_heads[0]).stop - 1, -1):
        earlier = count if receiver == count else loaded.slice_of(loaded.heads[receiver].layer).start
        for sender in range(earlier - 1, -1, -1):
            tried = cut.clone()
            tried[:, receiver, sender] = 1
            then = losses(runs, tried, loss)
            gone = then - now < limits
            cut[gone, receiver, sender] = 1
            now = torch.where(gone, then, now)
    left: np.ndarray = ((1 - cut.double()) * limits[:, None, None]).amax(dim=0).numpy()
    never_there = np.ones_like(left, dtype=bool)
    never_there[:-1] = ~forward_mask(runs.loaded).T
    never_there[-1] = False
    return np.where(never_there, 0.0, left)


def losses(runs: PairedRuns, cut: Tensor, loss: Loss) -> Tensor:
    """Mean loss (version,) over the anomalous texts, each version with its edges (version, receiver, sender) cut."""
    cut, of_version = torch.unique(cut, dim=0, return_inverse=True)
    total = torch.zeros(len(cut), dtype=torch.float64)
    first = _first_changed(cut, runs.loaded)
    for batch in runs.batches:
        rows, repeats = len(batch.rows), (len(cut), 1, 1, 1)
        plain_z, other = ([of_layer.repeat(repeats) for of_layer in z] for z in (batch.z, batch.other))
        versions = cut.repeat_interleave(rows, dim=0)
        with (
            torch.no_grad(),
            runs.resumed(batch, first, len(cut)),
            cut_edges(runs.loaded, versions, other, plain_z, first),
        ):
            logits = runs.logits(batch, repeats=len(cut))
        if loss == "kl":
            plain = batch.logits.float().log_softmax(dim=-1).repeat(len(cut), 1)
            each = (plain.exp() * (plain - logits.float().log_softmax(dim=-1))).sum(dim=-1)
        else:
            missing = runs.metric.read(batch.logits, batch.rows).repeat(len(cut))
            each = (missing - runs.metric.read(logits, batch.rows * len(cut))) / runs.metric.gap
        total += each.double().cpu().unflatten(0, (len(cut), -1)).sum(dim=1)
    return total[of_version] / runs.count


def _first_changed(cut: Tensor, loaded: LoadedModel) -> int:
    """The first layer that has to run anew, 0 where nothing is cut."""
    receivers = cut[:, :-1].any(dim=2).any(dim=0)
    if receivers.any():
        return loaded.heads[int(receivers.nonzero()[0])].layer
    return loaded.layers_with_heads[-1] * int(cut.any())


@contextmanager
def cut_edges(
    loaded: LoadedModel,
    cut: Tensor,
    other: Sequence[Tensor],
    plain: Sequence[Tensor] | None = None,
    first: int = 0,
) -> Iterator[None]:
    """Let each receiver of a row see `other` in place of what a sender writes where the edge is cut.

    `cut` is (row, receiver, sender) over flat heads, 1 where cut, the last receiver the output; `other` is by layer
    (row, position, head, d_head). A sender's own value is that of its row, after the cuts in front of it. Where a run
    starts at layer `first`, in front of which nothing is cut, `plain` is what the heads write in front of it. Raises
    ValueError for models with a norm behind the attention.
    """
    if any(map(loaded.norm_behind, loaded.layers_with_heads)):
        raise ValueError("what a layer's attention adds is no sum over heads in this architecture")
    cuts = _Cuts(loaded, cut, other)
    if plain is not None:
        cuts.known(plain[:first])
    with ExitStack() as stack:
        for layer in (layer for layer in loaded.layers_with_heads if layer >= first):
            for context in cuts.contexts(layer):
                stack.enter_context(context)
        if bool(cut[:, -1].any()):
            handle = final_norm(loaded)[1].register_forward_pre_hook(cuts.shift_output, with_kwargs=True)
            stack.callback(handle.remove)
        yield


class _Cuts:
    """What `cut_edges` does at every layer, and the changes it holds while the model runs."""

    def __init__(self, loaded: LoadedModel, cut: Tensor, other: Sequence[Tensor]) -> None:
        self._loaded, self._cut, self._other = loaded, cut, other
        self._changes = torch.empty(0)
        self._stream = torch.empty(0)
        self._call: tuple[Any, tuple[Any, ...], dict[str, Any]] | None = None
        self._caught: list[Tensor] = []
        self._inside = False
        sends = cut.any(dim=1).any(dim=0)
        self._sends = [bool(sends[loaded.slice_of(layer)].any()) for layer in range(loaded.shape.n_layers)]

    def known(self, plain: Sequence[Tensor]) -> None:
        """Take what the heads of the first layers write, by layer (row, position, head, d_head), as given."""
        for layer, z in enumerate(plain):
            if self._sends[layer]:
                self._keep_changes(layer, z)

    def contexts(self, layer: int) -> list[Any]:
        """The hooks that this layer needs."""
        loaded, first = self._loaded, self._loaded.slice_of(layer).start
        read = [head for head in range(loaded.n_heads(layer)) if bool(self._cut[:, first + head].any())]
        contexts: list[Any] = []
        if read:
            contexts.append(before(loaded.reader(layer), self._keep_stream))
            contexts.append(before(loaded.attention(layer), self._keep_call))
        if read or self._sends[layer]:
            contexts.append(on_z(loaded, layer, lambda z: self._at_z(layer, read, z)))
        return contexts

    def shift_output(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The final stream without the edges into the output that are cut."""
        stream = args[0] if args else kwargs["hidden_states"]
        shifted = stream + self._shifts([self._cut.shape[2]], self._cut.shape[2])[:, 0].to(stream)
        return ((shifted, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": shifted})

    def _keep_stream(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._inside:
            self._stream = args[0] if args else kwargs["hidden_states"]

    def _keep_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._inside:
            self._call = module, args, kwargs

    def _at_z(self, layer: int, read: Sequence[int], z: Tensor) -> Tensor | None:
        if self._inside:
            self._caught.append(z)
            return None
        if read:
            first = self._loaded.slice_of(layer).start
            shifts = self._shifts([first + head for head in read], first)
            z = z.clone()
            for place, head in enumerate(read):
                z[:, :, head] = self._read_anew(layer, shifts[:, place])[:, :, head]
        if self._sends[layer]:
            self._keep_changes(layer, z)
        return z if read else None

    def _keep_changes(self, layer: int, z: Tensor) -> None:
        """What the residual stream gains (row, flat head, position, d_model) where an edge of a head is cut."""
        rows, positions = z.shape[:2]
        if not len(self._changes):
            self._changes = z.new_zeros(rows, self._cut.shape[2], positions, self._loaded.shape.d_model)
        weights = self._loaded.output_weights(layer).to(z)
        change = (self._other[layer].to(z) - z).transpose(1, 2)
        self._changes[:, self._loaded.slice_of(layer)] = change @ weights

    def _shifts(self, receivers: Sequence[int], senders: int) -> Tensor:
        """The shift of the stream (row, receiver, position, d_model) that receivers see by the first `senders`."""
        changes = self._changes[:, :senders]
        weights = self._cut[:, list(receivers), :senders].to(changes)
        return torch.bmm(weights, changes.flatten(2)).unflatten(2, changes.shape[2:])

    def _read_anew(self, layer: int, shift: Tensor) -> Tensor:
        """z (row, position, head, d_head) of a layer that reads the stream with a shift."""
        assert self._call is not None
        self._inside, self._caught = True, []
        try:
            shifted, norm = self._stream + shift.to(self._stream), self._loaded.norm(layer)
            shifted = shifted if norm is None else norm(shifted)
            run_again(*self._call, shifted)
        finally:
            self._inside = False
        return self._caught[-1]
