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

from core.causal.interventions import record
from core.causal.metric import Metric, make_metric
from core.errors import ExamplesError
from core.examples.alignment import Alignment, align
from core.examples.example_set import ExampleSet
from core.model.head_outputs import BATCH_TOKENS, batches_of, pad
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits
from core.model.partial_forward import Streams
from core.model.tokenising import tokenise


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
    """The pairs of an example set in `batches`, with the measure of the behaviour, and a count of forward passes.

    `alignment` says which texts are pairs, by default those of `align`; a batch holds at most `tokens` a side. Raises
    ExamplesError where the texts are no pairs of equal length.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        examples: ExampleSet,
        seed: int,
        alignment: Alignment | None = None,
        tokens: int = BATCH_TOKENS,
    ) -> None:
        self.loaded = loaded
        self.forward_passes = 0
        ids = tokenise(loaded, examples)
        alignment = alignment or align(examples, ids)
        self.texts = [ids[i] for i in alignment.kept]
        self.count = alignment.n_anomalous
        lengths = [len(text) for text in self.texts]
        if not alignment.paired or lengths[: self.count] != lengths[self.count :]:
            raise ExamplesError("not_alignable", shortest=min(lengths), longest=max(lengths))
        kept = [examples.examples[i] for i in alignment.kept]
        self._streams = Streams(loaded, lengths)
        log_probabilities: list[Tensor] = [torch.empty(0)] * len(self.texts)
        self.batches = []
        for rows in batches_of(lengths, range(self.count), tokens):
            batch, normal = self._read(rows)
            self.batches.append(batch)
            for side, logits in enumerate((batch.logits, normal)):
                for row, values in zip(rows, logits.float().log_softmax(dim=-1).cpu(), strict=True):
                    log_probabilities[row + side * self.count] = values
        self.metric: Metric = make_metric(
            loaded, kept, torch.stack(log_probabilities), self.count, paired=True, seed=seed
        )

    def logits(self, batch: PairBatch, side: int = 0, repeats: int = 1) -> Tensor:
        """Logits (row, vocabulary) after the texts of one side, the whole batch `repeats` times over.

        Gradients pass where they are enabled.
        """
        self.forward_passes += 1
        ids, mask, last = batch.ids[side].repeat(repeats, 1), batch.mask.repeat(repeats, 1), batch.last
        return _logits(self.loaded, ids, mask, last.repeat(repeats))

    def resumed(self, batch: PairBatch, layer: int, repeats: int = 1) -> AbstractContextManager[None]:
        """Let runs of the anomalous side inside start at a layer, with what is in front of it as in the plain run."""
        return self._streams.resumed(batch.rows * repeats, layer)

    def _read(self, rows: Sequence[int]) -> tuple[PairBatch, Tensor]:
        sides = [[self.texts[row + side * self.count] for row in rows] for side in (0, 1)]
        padded = [pad(texts, self.loaded.device) for texts in sides]
        last = torch.tensor([len(text) - 1 for text in sides[0]], device=self.loaded.device)
        z, logits = [], []
        for side, (ids, mask) in enumerate(padded):
            texts = [row + side * self.count for row in rows]
            with record(self.loaded) as recording, self._streams.recorder(texts), torch.no_grad():
                logits.append(_logits(self.loaded, ids, mask, last))
            z.append(recording.z)
            self.forward_passes += 1
        ids = torch.stack([side[0] for side in padded])
        return PairBatch(list(rows), ids, padded[0][1], last, z[0], z[1], logits[0]), logits[1]


def forward_mask(loaded: LoadedModel) -> np.ndarray:
    """Which pairs of flat heads run forward (source, target)."""
    shape = loaded.shape
    layer = np.arange(shape.n_layers * shape.n_heads) // shape.n_heads
    mask: np.ndarray = layer[:, None] < layer[None, :]
    return mask


def _logits(loaded: LoadedModel, ids: Tensor, mask: Tensor, last: Tensor) -> Tensor:
    hidden = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
    return head_logits(loaded, hidden[torch.arange(len(ids), device=hidden.device), last.to(hidden.device)])
