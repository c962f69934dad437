"""Plain runs of pairs of texts, read once, for the methods that look inside the running model.

Every pair consists of an anomalous and a normal text with the same number of tokens, so that what a head writes in one
can stand for what it writes in the other, position by position. Where the metric reads answer tokens along, both texts
are read with the same ones behind them (the rows of `core.causal.metric`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric, metric_on
from core.errors import ExamplesError
from core.examples.alignment import Alignment, align
from core.examples.example_set import ExampleSet
from core.model.batching import BATCH_TOKENS, batches_of, pad
from core.model.loaded_model import LoadedModel
from core.model.next_token import at_places, head_logits
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise


@dataclass(frozen=True)
class PairBatch:
    """Some pairs, padded on the right: `rows` are rows of the metric, of the anomalous texts, and `pairs` the numbers
    of their pairs. `ids` (side, row, position), anomalous side first.

    `z` and `other` by layer (row, position, head, d_head) are what the heads write in the anomalous texts and in the
    normal ones; `logits` (read, vocabulary) those at the places `read_at` of every row in the anomalous texts.
    """

    rows: list[int]
    pairs: list[int]
    ids: Tensor
    mask: Tensor
    read_at: list[list[int]]
    z: list[Tensor]
    other: list[Tensor]
    logits: Tensor


class PairedRuns:
    """The pairs of an example set in `batches`, with the metric, and a count of forward passes.

    `alignment` says which texts are pairs, by default those of `align`; a batch holds at most `tokens` a side.
    `recording` holds the plain runs of all examples where they are made already, `metric` that of
    the compared ones. Raises ExamplesError where the texts
    are no pairs of equal length.
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
        rows, of_rows = self.metric.rows_of(range(self.count)), [len(row.ids) for row in self.metric.rows]
        self.batches = [self._batch(batch) for batch in batches_of(of_rows, rows, tokens)]

    @property
    def forward_passes(self) -> int:
        """Forward passes made for these pairs, without plain ones that were made before."""
        plain = self._texts.forward_passes + self.metric.plain_passes - self._passes_before
        return self._passes + plain

    def logits(self, batch: PairBatch, side: int = 0, repeats: int = 1) -> Tensor:
        """Logits (read, vocabulary) at the places of the rows of one side, the whole batch `repeats` times over.

        Gradients pass where they are enabled.
        """
        self._passes += 1
        ids, mask = batch.ids[side].repeat(repeats, 1), batch.mask.repeat(repeats, 1)
        hidden = self.loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        return head_logits(self.loaded, at_places(hidden, batch.read_at * repeats))

    def resumed(self, batch: PairBatch, layer: int, repeats: int = 1) -> AbstractContextManager[None]:
        """Let runs of the anomalous side inside start at a layer, with what is in front of it as in the plain run."""
        return self._recording.resumed(batch.rows * repeats, layer)

    def _batch(self, rows: Sequence[int]) -> PairBatch:
        of_rows, both = self.metric.rows, (rows, [self.metric.partner(row) for row in rows])
        sides = [pad([of_rows[row].ids for row in side], self.loaded.device) for side in both]
        z, other = (
            [of_layer.to(self.loaded.device) for of_layer in self._recording.padded_z(side)] for side in both
        )
        ids = torch.stack([side[0] for side in sides])
        pairs = [of_rows[row].text for row in rows]
        read_at = [[read.position for read in of_rows[row].reads] for row in rows]
        logits = self._recording.logits(rows)
        return PairBatch(list(rows), pairs, ids, sides[0][1], read_at, z, other, logits)


def forward_mask(loaded: LoadedModel) -> np.ndarray:
    """Which pairs of flat heads run forward (source, target)."""
    shape = loaded.shape
    layer = np.arange(shape.n_layers * shape.n_heads) // shape.n_heads
    mask: np.ndarray = layer[:, None] < layer[None, :]
    return mask
