"""Path patching of single pairs of heads, exact, and batched: each row of the batch has its own edges.

1. The sender s writes z_s' instead of z_s, and only the receiver r sees it: the residual stream before the norm and
   attention of r's layer is shifted by delta, the change of what the attention of s's layer adds to the stream.
   That is (z_s' - z_s) W_O,s. Where a norm stands behind the attention (Gemma 2 and 3) it is norm(o') - norm(o),
   with o the attention's output and o' the same with z_s'; senders of one layer that r reads are then changed
   together, since the norm does not split into their shares.
2. That attention runs once under the shift, and z_r of this run replaces z_r; nothing else of it is kept.
3. All that follows is computed anew from what r now writes.

This is path patching (Wang 2022, appendix B; Goldowsky-Dill 2023) at all positions: the run with z_s' in which all
other heads and all MLPs are held, but for r, gives z_r; a plain run with that z_r gives the logits. It holds for
grouped key and value heads too.

Not in it: what s writes reaches no MLP, no other head and not the logits by itself. So the edges from s to all later
heads together are less than putting z_s' into the run: missing are the direct way to the logits and the ways by
MLPs. In a model whose MLPs write nothing, all later heads end up as if z_s' were put in, and the direct way is all
that is missing.

Several edges in one row act together, from the first layer to the last:
- Receivers of different layers: a later one also sees what an earlier one now writes, by its ordinary stream.
- Senders of one receiver: it sees all their changes at once.
- A chain a→b→c: b writes anew under a; c sees z_b' = values[b] and not what b made of a, whatever a→b did. A change
  that is to run on through a chain needs the edge a→b alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from core.causal.qkv_effects import Reads, run_reading
from core.errors import ModelError
from core.heads import EdgeId, HeadId
from core.model.hooks import before, on_z, run_again
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


@contextmanager
def patch_edges(
    loaded: LoadedModel,
    edges: Sequence[Sequence[EdgeId]],
    values: Sequence[Tensor] | Mapping[int, Tensor],
    reads: Reads = "all",
    changes: Tensor | None = None,
) -> Iterator[None]:
    """Patch the edges of every row: `edges[row]` lists them, and each sender s has z_s' = values[s].

    `values` is by layer (row, position, head, d_head); only its senders are read. What a
    sender would write by itself is that of its row, after the edges that end at it. `reads` limits the receiver's
    sight of the change to its queries, keys or values. Raises ModelError where these cannot be told apart, and for a
    model that normalises the residual stream itself, where the change would pass more norms than the receiver's own;
    ValueError for an edge that does not go forward.

    Where each row has one edge, what its sender writes by itself is as in the plain run. `changes`
    (row, position, d_model), made by `written_change`, are then the deltas, so that a run may begin at the first
    receiver's layer; `values` are not read.
    """
    if not has_plain_stream(loaded):
        raise ModelError("no_path_patching", architecture=loaded.shape.architecture)
    plan = _Plan(loaded, edges, values, reads, changes)
    with ExitStack() as stack:
        for layer in loaded.layers_with_heads:
            for context in plan.contexts(layer):
                stack.enter_context(context)
        yield


def written_change(
    loaded: LoadedModel, senders: Sequence[HeadId], other: Mapping[int, Tensor], plain: Mapping[int, Tensor]
) -> Tensor:
    """What each row's sender adds to the stream with z_s' less what it adds by itself: (row, position, d_model).

    `other` and `plain` are by layer (entry, position, d_head), an entry for each row whose sender lies there, in the
    order of the rows. For a model without a norm behind the attention.
    """
    parts: list[Tensor] = [torch.zeros(())] * len(senders)
    for layer, values in other.items():
        rows = [row for row, sender in enumerate(senders) if sender.layer == layer]
        heads = [senders[row].head for row in rows]
        weights = loaded.output_weights(layer)
        change = (values - plain[layer]).to(weights) @ weights[heads]
        for row, of_row in zip(rows, change, strict=True):
            parts[row] = of_row
    return torch.stack(parts)


@dataclass(frozen=True)
class _Round:
    """Receivers of a layer that read one set of senders a row: `receivers` is bool (row, head)."""

    senders: list[tuple[HeadId, ...]]
    receivers: Tensor


class _Plan:
    """What `patch_edges` does at every layer, and the deltas and inputs it holds while the model runs."""

    def __init__(
        self,
        loaded: LoadedModel,
        edges: Sequence[Sequence[EdgeId]],
        values: Sequence[Tensor] | Mapping[int, Tensor],
        reads: Reads,
        changes: Tensor | None = None,
    ) -> None:
        self._loaded, self._values, self._reads, self._known = loaded, values, reads, changes
        self._senders = {edge.source for row in edges for edge in row if changes is None}
        shape = loaded.shape
        self._rounds = [_rounds(edges, layer, loaded.n_heads(layer)) for layer in range(shape.n_layers)]
        self._changes: dict[HeadId, Tensor] = {}
        self._written: dict[int, Tensor] = {}
        self._before_norm: Tensor | None = None
        self._shifted: list[Tensor] = []
        self._inside = False

    def contexts(self, layer: int) -> list[Any]:
        """The hooks that this layer needs, in the order of their registration."""
        loaded = self._loaded
        contexts: list[Any] = []
        if self._rounds[layer]:
            contexts.append(before(loaded.reader(layer), self._keep_residual))
            contexts.append(before(loaded.attention(layer), partial(self._run_shifted, layer)))
            contexts.append(on_z(loaded, layer, partial(self._put_receivers, layer)))
        if any(sender.layer == layer for sender in self._senders):
            contexts.append(on_z(loaded, layer, partial(self._keep_changes, layer)))
            if norm := self._norm_behind(layer):
                contexts.append(before(norm, partial(self._keep_written, layer)))
        return contexts

    def _norm_behind(self, layer: int) -> Any:
        """The norm between a layer's attention and the residual stream, None where there is none."""
        return self._loaded.norm_behind(layer)

    def _keep_changes(self, layer: int, z: Tensor) -> None:
        if self._inside:
            return
        weights = self._loaded.output_weights(layer).to(z.device)
        for sender in self._senders:
            if sender.layer == layer:
                other = self._values[layer][:, :, sender.head].to(z.device)
                change = other.float() - z[:, :, sender.head].float()
                self._changes[sender] = (change @ weights[sender.head]).to(z.dtype)

    def _keep_written(self, layer: int, module: nn.Module, args: Args, kwargs: Kwargs) -> None:
        self._written[layer] = args[0] if args else kwargs["hidden_states"]

    def _keep_residual(self, module: nn.Module, args: Args, kwargs: Kwargs) -> None:
        if not self._inside:
            self._before_norm = args[0] if args else kwargs["hidden_states"]

    def _run_shifted(self, layer: int, attention: nn.Module, args: Args, kwargs: Kwargs) -> None:
        """Run norm and attention once a round with the senders' deltas, keeping z."""
        if self._inside:
            return
        assert self._before_norm is not None
        base = args[0] if args else kwargs["hidden_states"]
        self._inside, self._shifted = True, []
        try:
            for round_ in self._rounds[layer]:
                norm, shifted = self._loaded.norm(layer), self._before_norm + self._delta(layer, round_)
                shifted = shifted if norm is None else norm(shifted)
                run = partial(run_again, attention, args, kwargs)
                run_reading(self._loaded, layer, self._reads, run, base, shifted, self._shifted.append)
        finally:
            self._inside = False

    def _delta(self, target: int, round_: _Round) -> Tensor:
        """The shift of the residual stream (row, position, d_model) that the receivers of a round see."""
        assert self._before_norm is not None
        delta = torch.zeros_like(self._before_norm)
        if self._known is not None:
            rows = [row for row, senders in enumerate(round_.senders) if senders]
            scales = [self._loaded.stream.scale(round_.senders[row][0].layer, target) for row in rows]
            delta[rows] = self._known[rows].to(delta) * delta.new_tensor(scales)[:, None, None]
            return delta
        for layer in sorted({sender.layer for senders in round_.senders for sender in senders}):
            delta += self._loaded.stream.scale(layer, target) * self._added(layer, round_).to(delta)
        return delta

    def _added(self, layer: int, round_: _Round) -> Tensor:
        """Change of what a layer's attention adds to the stream, by the senders that each row reads."""
        of_layer = {sender: change for sender, change in self._changes.items() if sender.layer == layer}
        change = torch.zeros_like(next(iter(of_layer.values())))
        for row, senders in enumerate(round_.senders):
            for sender in senders:
                if sender.layer == layer:
                    change[row] += of_layer[sender][row]
        if (norm := self._norm_behind(layer)) is None:
            return change
        # forward, so that no hook of the norm takes these for runs of the model
        written = self._written[layer]
        added: Tensor = norm.forward(written + change) - norm.forward(written)
        return added

    def _put_receivers(self, layer: int, z: Tensor) -> Tensor | None:
        if self._inside:
            return None
        for round_, shifted in zip(self._rounds[layer], self._shifted, strict=True):
            z = torch.where(round_.receivers.to(z.device)[:, None, :, None], shifted, z)
        return z


def _rounds(edges: Sequence[Sequence[EdgeId]], layer: int, n_heads: int) -> list[_Round]:
    """One round for each different set of senders that a row's receivers of this layer read."""
    groups: list[dict[tuple[HeadId, ...], list[int]]] = []
    for row in edges:
        senders: dict[int, set[HeadId]] = {}
        for edge in row:
            if edge.source.layer >= edge.target.layer:
                raise ValueError(f"{edge} does not go from an earlier to a later layer")
            if edge.target.layer == layer:
                senders.setdefault(edge.target.head, set()).add(edge.source)
        group: dict[tuple[HeadId, ...], list[int]] = {}
        for head, read in senders.items():
            group.setdefault(tuple(sorted(read)), []).append(head)
        groups.append(group)
    rounds = []
    for of_rows in zip_longest(*(group.items() for group in groups), fillvalue=((), [])):
        receivers = torch.zeros(len(groups), n_heads, dtype=torch.bool)
        for place, (_, heads) in enumerate(of_rows):
            receivers[place, heads] = True
        rounds.append(_Round([senders for senders, _ in of_rows], receivers))
    return rounds
