"""Runs of the model with heads, MLP blocks, sets of them, or edges changed, many of them in one forward pass.

The rows of a batch are (target, row of the metric), padded on the right, up to a budget of tokens: a row is a text, or
a text with answer tokens behind it, and an intervention acts on all of it. What changed heads write is told
by `core.causal.replacements`, what MLP blocks add by `core.causal.mlp_blocks`; an edge is changed by
`core.causal.path_patching`. Layers in front of the first changed
one are not run again (`core.model.partial_forward`), nor are tokens in front of the first changed position
(`core.model.prefixes.kept_prefix`); `core.causal._batches` says what goes together.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.causal._batches import Batch, Item, batches_of_runs
from core.causal.metric import Metric, Row, read_rows
from core.causal.mlp_blocks import MlpOutputs, replace_mlps
from core.causal.path_patching import Reads, patch_edges, written_change
from core.causal.replacements import AblationKind, Replacements, replace_heads
from core.heads import EdgeId, HeadId, MlpId, UnitId
from core.model.batching import BATCH_ROWS, tokens_for
from core.model.memory import in_halves
from core.model.recording import Recording

Method = Literal["resample", "mean"]
Target = UnitId | EdgeId
HeadSet = frozenset[HeadId]
UnitSet = frozenset[UnitId]
AnyTarget = UnitId | EdgeId | Collection[UnitId]
"""A head, an MLP block, an edge, or heads and MLP blocks that are changed together."""

BATCH_BYTES = 2**27
"""Memory that the z of one layer of a batch may take."""


class Patching:
    """Recorded texts, anomalous first, and changed runs of them.

    `paired` says that text i and text i + n_anomalous are partners. Effects are taken by `method`: by default
    resampling where all partners have the same length, else the mean. z is kept of `heads`, by default of all.
    `forward_passes` counts the changed runs, and those that read other texts with a row's answer tokens.
    """

    def __init__(
        self,
        recording: Recording,
        n_anomalous: int,
        paired: bool,
        seed: int = 0,
        heads: Collection[HeadId] | None = None,
        method: Method | None = None,
    ) -> None:
        self._recording, self.n_anomalous = recording, n_anomalous
        self._loaded, lengths = recording.loaded, recording.lengths
        self._count = len(lengths)
        alike = paired and lengths[:n_anomalous] == lengths[n_anomalous:]
        self.method: Method = method or ("resample" if alike else "mean")
        self.replacements = Replacements(recording, n_anomalous, paired, seed, heads)
        self.mlp_outputs = MlpOutputs(recording, n_anomalous, self.replacements.other)
        self._runs = 0
        shape = self._loaded.shape
        most = BATCH_BYTES // (shape.n_heads * shape.d_head * 4)
        self._tokens = max(1, min(tokens_for(self._loaded.device), most))

    @property
    def forward_passes(self) -> int:
        """Changed runs, and passes that read other texts, so far."""
        return self._runs + self.mlp_outputs.forward_passes

    @property
    def texts(self) -> list[range]:
        """Texts that effects are taken on, by direction: noising changes the anomalous ones; denoising, where there is
        a partner to take from, the normal ones.
        """
        sides = [range(self.n_anomalous), range(self.n_anomalous, self._count)]
        return sides if self.method == "resample" else sides[:1]

    def effects(
        self,
        targets: Sequence[AnyTarget],
        metric: Metric,
        reads: Reads = "all",
        directions: Sequence[int] | None = None,
    ) -> Generator[int, None, np.ndarray]:
        """Effects (direction, target, example) as shares of the gap; yields the runs done after each forward pass.

        noising: what the anomalous run loses; denoising: what the normal run gains. Positive where the target works
        towards the anomalous behaviour. `reads` limits what the receiver of an edge sees of the change; `directions`
        are numbers in `texts`, by default all.
        """
        chosen = range(len(self.texts)) if directions is None else directions
        texts = [text for direction in chosen for text in self.texts[direction]]
        changed = yield from self.measure(targets, texts, metric, self.method, reads)
        shares = (metric.values[texts] - changed) / metric.gap
        effects = shares.reshape(len(targets), len(chosen), self.n_anomalous).swapaxes(0, 1)
        return effects * np.array([1.0, -1.0])[list(chosen), None, None]

    def runs(self, targets: Sequence[AnyTarget]) -> int:
        """How many changed runs `effects` makes."""
        return len(targets) * sum(len(side) for side in self.texts)

    def measure(
        self,
        targets: Sequence[AnyTarget],
        texts: Sequence[int],
        metric: Metric,
        kind: AblationKind,
        reads: Reads = "all",
        behind_prefix: bool = False,
    ) -> Generator[int, None, np.ndarray]:
        """The metric (target, text) with each target changed; yields the runs done after each forward pass.

        With `behind_prefix` heads and MLP blocks keep what they write where the texts of a pair begin alike. That is so
        by `resample` anyway.
        """
        values = np.zeros((len(targets), len(texts)))
        place_of = {text: place for place, text in enumerate(texts)}
        plain, rows = metric.recording or self._recording, metric.rows_of(texts)
        edges = any(isinstance(target, EdgeId) for target in targets)
        begins = self._begins(metric) if behind_prefix and kind != "resample" else None
        if kind == "resample" or edges or begins:
            self._runs += self.replacements.prepare(metric, own=edges or begins is not None)
        own = begins is not None
        if metric.recording is not None:
            self.mlp_outputs.add(metric.recording)
        self.mlp_outputs.prepare([metric.rows[row] for row in rows], _mlp_layers(targets), kind, own)
        items = self._items(targets, rows, metric, self.starts(metric, kind) if begins is None else begins)
        done = 0

        def run(batch: Batch) -> np.ndarray:
            changed, read = [targets[item.target] for item in batch.items], [item.row for item in batch.items]
            of_batch = [metric.rows[row] for row in read]
            self.mlp_outputs.hold(of_batch, _mlp_layers(changed), kind, own)
            prefix = plain.prefix(read, batch.start)
            own_until = begins and [begins[row] for row in read]
            changing = self._changed(changed, of_batch, kind, reads, prefix.width, own_until)
            with plain.resumed(read, batch.layer, prefix.width), changing, torch.no_grad():
                of_rows: np.ndarray = read_rows(self._loaded, metric, read, prefix).double().cpu().numpy()
            return of_rows

        batches = batches_of_runs(items, self._tokens, self._loaded.shape.n_layers, BATCH_ROWS)
        for batch, of_rows in in_halves(batches, run, lambda batch: batch.tokens):
            self._runs += 1
            places = [place_of[metric.rows[item.row].text] for item in batch.items]
            np.add.at(values, ([item.target for item in batch.items], places), of_rows)
            done += len(batch.items)
            yield done * len(texts) // len(rows)
        return values

    def _items(
        self, targets: Sequence[AnyTarget], rows: Sequence[int], metric: Metric, starts: Sequence[int]
    ) -> list[Item]:
        """Every target on every row, with where it changes something first."""
        starts = self._possible(metric, starts)
        layers = [self._first_layer(target) for target in targets]
        return [
            Item(number, row, layer, starts[row], len(metric.rows[row].ids))
            for number, layer in enumerate(layers)
            for row in rows
        ]

    def starts(self, metric: Metric, kind: AblationKind) -> list[int]:
        """The first position (row,) that is read anew; 0 where the model cannot go on from kept keys and values."""
        if kind != "resample":
            return [0] * len(metric.rows)
        return self._possible(metric, [self.replacements.first_difference(row) for row in metric.rows])

    def _begins(self, metric: Metric) -> list[int] | None:
        """Where the texts of each row's pair first differ; None where texts are no pairs of equal length."""
        if self.method != "resample":
            return None
        return [self.replacements.first_difference(row) for row in metric.rows]

    def _possible(self, metric: Metric, starts: Sequence[int]) -> list[int]:
        """These starts, or 0 where the model cannot go on from kept keys and values."""
        plain = metric.recording or self._recording
        return list(starts) if any(starts) and plain.keeps_prefixes(starts) else [0] * len(starts)

    def _first_layer(self, target: AnyTarget) -> int:
        """The first layer that a changed run does not share with the plain one."""
        if isinstance(target, EdgeId):
            return target.target.layer if self._knows_changes else target.source.layer
        return min((unit.layer for unit in _units(target)), default=0)

    @property
    def _knows_changes(self) -> bool:
        """Whether what a sender adds to the stream follows from its own z alone."""
        return not any(map(self._loaded.norm_behind, self._loaded.layers_with_heads))

    def _changed(
        self,
        targets: Sequence[AnyTarget],
        rows: Sequence[Row],
        kind: AblationKind,
        reads: Reads,
        start: int,
        begins: Sequence[int] | None,
    ) -> AbstractContextManager[None]:
        """Row i of a forward pass reads `rows[i]` with `targets[i]` changed; all edges, or none."""
        edges = [target for target in targets if isinstance(target, EdgeId)]
        if not edges:
            return self._units_changed(targets, rows, kind, start, begins)
        senders = [edge.source for edge in edges]
        if self._knows_changes:
            other, plain = {}, {}
            for layer in {sender.layer for sender in senders}:
                of_rows = [[sender.head] if sender.layer == layer else [] for sender in senders]
                other[layer] = self.replacements.at(layer, rows, of_rows, kind, start)
                plain[layer] = self.replacements.own(layer, rows, of_rows, start)
            changes = written_change(self._loaded, senders, other, plain)
            return patch_edges(self._loaded, [[edge] for edge in edges], {}, reads, changes)
        of_layers = {
            layer: self.replacements.of_every_head(layer, rows, kind, start).to(self._loaded.device)
            for layer in {sender.layer for sender in senders}
        }
        return patch_edges(self._loaded, [[edge] for edge in edges], of_layers, reads)

    @contextmanager
    def _units_changed(
        self,
        targets: Sequence[AnyTarget],
        rows: Sequence[Row],
        kind: AblationKind,
        start: int,
        begins: Sequence[int] | None,
    ) -> Iterator[None]:
        """The same of heads and MLP blocks."""

        def of_heads(layer: int, heads: Sequence[Sequence[int]]) -> Tensor:
            return self.replacements.at(layer, rows, heads, kind, start, begins)

        def of_mlps(layer: int, numbers: Sequence[int]) -> Tensor:
            return self.mlp_outputs.at(layer, rows, numbers, kind, start, begins)

        heads, mlps = [_heads(target) for target in targets], [_mlps(target) for target in targets]
        with replace_heads(self._loaded, heads, of_heads), replace_mlps(self._loaded, mlps, of_mlps):
            yield


def _heads(target: AnyTarget) -> list[HeadId]:
    """The heads whose z is changed."""
    if isinstance(target, EdgeId):
        return [target.source]
    return [unit for unit in _units(target) if isinstance(unit, HeadId)]


def _mlps(target: AnyTarget) -> list[MlpId]:
    """The MLP blocks whose output is changed."""
    return [] if isinstance(target, EdgeId) else [unit for unit in _units(target) if isinstance(unit, MlpId)]


def _mlp_layers(targets: Sequence[AnyTarget]) -> set[int]:
    return {mlp.layer for target in targets for mlp in _mlps(target)}


def _units(target: UnitId | Collection[UnitId]) -> Collection[UnitId]:
    return [target] if isinstance(target, HeadId | MlpId) else target
