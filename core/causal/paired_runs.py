"""Plain runs of pairs of texts, read once, for the methods that look inside the running model.

Every pair consists of an anomalous and a normal text with the same number of tokens, so that what a head writes in one
can stand for what it writes in the other, position by position.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import metric_on
from core.errors import ExamplesError
from core.examples.alignment import Alignment, align
from core.examples.example_set import ExampleSet
from core.model.batching import BATCH_TOKENS, batches_of, pad
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise


@dataclass(frozen=True)
class PairBatch:
    """Some pairs, padded on the right: `rows` are numbers of pairs, `ids` (side, row, position), anomalous side first.

    `z` and `other` (layer, row, position, head, d_head) are what the heads write in the anomalous texts and in the
    normal ones; `logits` (row, vocabulary) those after the anomalous texts.
    """

    rows: list[int]
    ids: Tensor
    mask: Tensor
    last: Tensor
    z: Tensor
    other: Tensor
    logits: Tensor


class PairedRuns:
    """The pairs of an example set in `batches`, with the metric, and a count of forward passes.

    `alignment` says which texts are pairs, by default those of `align`; a batch holds at most `tokens` a side.
    `recording` holds the plain runs of all examples where they are made already. Raises ExamplesError where the texts
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
    ) -> None:
        self.loaded = loaded
        recording = recording or Recording(loaded, tokenise(loaded, examples), streams=True)
        alignment = alignment or align(examples, recording.texts)
        self._recording = recording.of(alignment.kept)
        self._passes_before, self._passes = recording.forward_passes, 0
        self.texts, self.count = self._recording.texts, alignment.n_anomalous
        lengths = self._recording.lengths
        if not alignment.paired or lengths[: self.count] != lengths[self.count :]:
            raise ExamplesError("not_alignable", shortest=min(lengths), longest=max(lengths))
        self.batches = [self._batch(rows) for rows in batches_of(lengths, range(self.count), tokens)]
        self.metric = metric_on(self._recording, examples, alignment, seed)

    @property
    def forward_passes(self) -> int:
        """Forward passes made for these pairs, without plain ones that were made before."""
        return self._passes + self._recording.forward_passes - self._passes_before

    def logits(self, batch: PairBatch, side: int = 0, repeats: int = 1) -> Tensor:
        """Logits (row, vocabulary) after the texts of one side, the whole batch `repeats` times over.

        Gradients pass where they are enabled.
        """
        self._passes += 1
        ids, mask = batch.ids[side].repeat(repeats, 1), batch.mask.repeat(repeats, 1)
        hidden = self.loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        last = batch.last.repeat(repeats).to(hidden.device)
        return head_logits(self.loaded, hidden[torch.arange(len(ids), device=hidden.device), last])

    def resumed(self, batch: PairBatch, layer: int, repeats: int = 1) -> AbstractContextManager[None]:
        """Let runs of the anomalous side inside start at a layer, with what is in front of it as in the plain run."""
        return self._recording.resumed(batch.rows * repeats, layer)

    def _batch(self, rows: Sequence[int]) -> PairBatch:
        partners = [row + self.count for row in rows]
        sides = [pad([self.texts[text] for text in texts], self.loaded.device) for texts in (rows, partners)]
        z, other = (self._recording.padded_z(texts).to(self.loaded.device) for texts in (rows, partners))
        last = torch.tensor([len(self.texts[row]) - 1 for row in rows], device=self.loaded.device)
        ids = torch.stack([side[0] for side in sides])
        return PairBatch(list(rows), ids, sides[0][1], last, z, other, self._recording.logits(rows))


def forward_mask(loaded: LoadedModel) -> np.ndarray:
    """Which pairs of flat heads run forward (source, target)."""
    shape = loaded.shape
    layer = np.arange(shape.n_layers * shape.n_heads) // shape.n_heads
    mask: np.ndarray = layer[:, None] < layer[None, :]
    return mask
