"""Plain runs of pairs of texts, read once, for the methods that look inside the running model.

Every pair consists of an anomalous and a normal text with the same number of tokens, so that what a head writes in one
can stand for what it writes in the other, position by position. Where the metric reads answer tokens along, both texts
are read with the same ones behind them (the rows of `core.causal.metric`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric, metric_on
from core.errors import ExamplesError
from core.examples.alignment import Alignment, align
from core.examples.example_set import ExampleSet
from core.model.batching import BATCH_TOKENS, batches_from, pad
from core.model.loaded_model import LoadedModel
from core.model.next_token import at_places, head_logits
from core.model.prefixes.kept_prefix import WHOLE, Prefix, of_ids
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise


@dataclass(frozen=True)
class PairBatch:
    """Some pairs, padded on the right: `rows` are rows of the metric, of the anomalous texts, and `pairs` the numbers
    of their pairs. `ids` (side, row, position), anomalous side first.

    `z` and `other` by layer (row, position, head, d_head) are what the heads write in the anomalous texts and in the
    normal ones; `logits` (read, vocabulary) those at the places `read_at` of every row in the anomalous texts.
    Positions are counted from the end of the `prefix`.
    """

    rows: list[int]
    pairs: list[int]
    ids: Tensor
    mask: Tensor
    read_at: list[list[int]]
    z: list[Tensor]
    other: list[Tensor]
    logits: Tensor
    prefix: Prefix = WHOLE


class PairedRuns:
    """The pairs of an example set in batches, with the metric, and a count of forward passes.

    `row_batches` are the rows of the metric, of the anomalous texts, that are read together; `batch` makes one of them.

    `alignment` says which texts are pairs, by default those of `align`; a batch holds at most `tokens` a side.
    `recording` holds the plain runs of all examples where they are made already, `metric` that of
    the compared ones. With `behind_prefix` batches hold only what lies behind the tokens that both texts of their
    pairs begin with (`core.model.prefixes.kept_prefix`), where the model can go on from there. Raises ExamplesError
    where the texts are no pairs of equal length.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        examples: ExampleSet,
        seed: int,
        alignment: Alignment | None = None,
        tokens: int = BATCH_TOKENS,
        recording: Recording | None = None,
        metric: Metric | None = None,
        behind_prefix: bool = False,
    ) -> None:
        self.loaded = loaded
        recording = recording or Recording(loaded, tokenise(loaded, examples), streams=True)
        alignment = alignment or align(examples, recording.texts)
        compared = recording.of(alignment.kept)
        self._texts, self._passes = recording, 0
        self._passes_before = recording.forward_passes + (metric.plain_passes if metric else 0)
        self.texts, self.count, lengths = compared.texts, alignment.n_anomalous, compared.lengths
        if not alignment.paired or lengths[: self.count] != lengths[self.count :]:
            raise ExamplesError("not_alignable", shortest=min(lengths), longest=max(lengths))
        self.metric = metric or metric_on(recording, examples, alignment, seed)
        self._recording = self.metric.recording or compared
        rows, self._lengths = (
            self.metric.rows_of(range(self.count)),
            [len(row.ids) for row in self.metric.rows],
        )
        self._start_of = self._starts() if behind_prefix else [0] * len(self._lengths)
        self.row_batches = batches_from(self._lengths, self._start_of, rows, tokens)

    @cached_property
    def batches(self) -> list[PairBatch]:
        """All batches at a time, for methods that read them again and again."""
        return [self.batch(rows) for rows in self.row_batches]

    def tokens(self, rows: Sequence[int]) -> int:
        """Tokens of a batch of these rows, with padding."""
        return len(rows) * max(self._lengths[row] - self._start_of[row] for row in rows)

    @property
    def forward_passes(self) -> int:
        """Forward passes made for these pairs, without plain ones that were made before."""
        plain = self._texts.forward_passes + self.metric.plain_passes - self._passes_before
        return self._passes + plain

    def logits(self, batch: PairBatch, side: int = 0, repeats: int = 1) -> Tensor:
        """Logits (read, vocabulary) at the places of the rows of one side, the whole batch `repeats` times over.

        Gradients pass where they are enabled.
        """
        return head_logits(self.loaded, self._hidden(batch, side, repeats))

    def measured(self, batch: PairBatch) -> Tensor:
        """The metric (row,) of the anomalous side; gradients pass where they are enabled."""
        return self.metric.read_hidden(self.loaded, self._hidden(batch), batch.rows)

    def resumed(self, batch: PairBatch, layer: int, repeats: int = 1) -> AbstractContextManager[None]:
        """Let runs of the anomalous side inside start at a layer, with what is in front of it as in the plain run."""
        return self._recording.resumed(batch.rows * repeats, layer, batch.prefix.width)

    def _hidden(self, batch: PairBatch, side: int = 0, repeats: int = 1) -> Tensor:
        """Final hidden states (read, d_model) at the places of the rows of one side."""
        self._passes += 1
        ids, mask = batch.ids[side].repeat(repeats, 1), batch.mask.repeat(repeats, 1)
        return at_places(of_ids(self.loaded, ids, mask, batch.prefix), batch.read_at * repeats)

    def _starts(self) -> list[int]:
        """Where each row first differs from that of its partner; 0 where the model cannot go on from a prefix."""
        rows = self.metric.rows
        starts = [row.first_change(rows[self.metric.partner(number)].ids) for number, row in enumerate(rows)]
        return starts if any(starts) and self._recording.keeps_prefixes(starts) else [0] * len(starts)

    def batch(self, rows: Sequence[int]) -> PairBatch:
        """The pairs of some rows."""
        start = min(self._start_of[row] for row in rows)
        of_rows, both = self.metric.rows, (rows, [self.metric.partner(row) for row in rows])
        prefix = self._recording.prefix(rows, start)
        start = prefix.width
        sides = [pad([of_rows[row].ids[start:] for row in side], self.loaded.device) for side in both]
        z, other = (
            [of_layer.to(self.loaded.device) for of_layer in self._recording.padded_z(side, start)]
            for side in both
        )
        ids = torch.stack([side[0] for side in sides])
        pairs = [of_rows[row].text for row in rows]
        read_at = [[read.position - start for read in of_rows[row].reads] for row in rows]
        logits = self._recording.logits(rows)
        return PairBatch(list(rows), pairs, ids, sides[0][1], read_at, z, other, logits, prefix)


def forward_mask(loaded: LoadedModel) -> np.ndarray:
    """Which pairs of flat heads run forward (source, target)."""
    layer = loaded.layer_of_head
    mask: np.ndarray = layer[:, None] < layer[None, :]
    return mask
