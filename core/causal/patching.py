"""Runs of the model with heads or edges changed, many of them in one forward pass.

The rows of a batch are (target, text), padded on the right, up to a budget of tokens. What a
target gets in place of its own z:

- `resample`: the z of the same head at the same positions in the partner text. Both texts of a pair take part:
  the normal value in the anomalous run (noising) and the anomalous value in the normal run (denoising).
- `mean`: where texts have no partner of the same length, the mean z of the normal texts: at the last position the
  mean over their last tokens, elsewhere the mean over all their tokens. Only the anomalous texts take part.

Layers in front of the first changed one are not run again (`core.model.partial_forward`), so targets go in the
order of their layers.
"""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.causal.interventions import Reads, choose_heads, patch_edges, replace_heads
from core.causal.metric import Metric
from core.heads import EdgeId, HeadId
from core.model.batching import BATCH_ROWS, batches_of, tokens_for
from core.model.next_token import last_logits
from core.model.recording import Recording

Method = Literal["resample", "mean"]
Target = HeadId | EdgeId

BATCH_BYTES = 2**28
"""Memory that the changed z of one batch may take."""


class Patching:
    """Recorded texts, anomalous first, with the z of the heads that will be changed.

    `forward_passes` counts the changed runs.
    """

    def __init__(self, recording: Recording, n_anomalous: int, method: Method) -> None:
        self._recording, self._n_anomalous = recording, n_anomalous
        self._loaded, self._ids = recording.loaded, recording.texts
        self.method = method
        self.forward_passes = 0
        self._lengths = recording.lengths
        shape = self._loaded.shape
        per_token = shape.n_layers * shape.n_heads * shape.d_head * 4
        self._tokens = max(1, min(tokens_for(self._loaded.device), BATCH_BYTES // per_token))
        self._z: dict[HeadId, list[Tensor]] = {}
        self._means: dict[HeadId, tuple[Tensor, Tensor]] = {}

    @property
    def texts(self) -> list[list[int]]:
        """Texts that are changed, by direction: noising, and denoising where there is a partner to take from."""
        count, everything = self._n_anomalous, len(self._ids)
        sides = [list(range(count))]
        return [*sides, list(range(count, everything))] if self.method == "resample" else sides

    def plain(self, heads: Sequence[HeadId]) -> Tensor:
        """Log-probabilities (text, vocabulary) of the unchanged runs; keeps z of these heads."""
        self._z = {head: [torch.empty(0)] * len(self._ids) for head in heads}
        for batch in batches_of(self._lengths, range(len(self._ids)), self._tokens):
            for text, z in zip(batch, self._recording.z(batch), strict=True):
                for head in heads:
                    self._z[head][text] = z[head.layer, :, head.head].clone()
        self._means = {head: self._mean(z[self._n_anomalous :]) for head, z in self._z.items()}
        return self._recording.log_probabilities()

    def batches(self, targets: Sequence[Target]) -> list[list[tuple[int, int]]]:
        """The items (target index, text) of each forward pass that `measures` makes, by layer, then by length."""
        items = [(index, text) for side in self.texts for index in range(len(targets)) for text in side]
        items.sort(key=lambda item: (_source(targets[item[0]]).layer, self._lengths[item[1]]))
        batches: list[list[tuple[int, int]]] = []
        longest = 0
        for item in items:
            longest = max(longest, self._lengths[item[1]])
            rows = len(batches[-1]) + 1 if batches else 0
            if batches and rows <= BATCH_ROWS and longest * rows <= self._tokens:
                batches[-1].append(item)
            else:
                batches.append([item])
                longest = self._lengths[item[1]]
        return batches

    def measures(
        self, targets: Sequence[Target], metric: Metric, reads: Reads = "all"
    ) -> Generator[int, None, dict[tuple[int, int], float]]:
        """The measure of every changed run, by (target index, text). Yields the runs done after each forward pass."""
        found: dict[tuple[int, int], float] = {}
        for batch in self.batches(targets):
            rows = [text for _, text in batch]
            changed = [targets[index] for index, _ in batch]
            first = min(_source(target).layer for target in changed)
            with self._recording.resumed(rows, first), self._patch(changed, rows, reads):
                logits = self._logits(rows)
            found |= dict(zip(batch, metric.of(logits, rows).tolist(), strict=True))
            yield len(found)
        return found

    def effects(
        self, targets: Sequence[Target], metric: Metric, reads: Reads = "all"
    ) -> Generator[int, None, np.ndarray]:
        """Effects (direction, target, example) as shares of the gap; yields the runs done after each forward pass.

        noising: what the anomalous run loses; denoising: what the normal run gains. Positive where the target works
        towards the anomalous behaviour. `reads` limits what the receiver of an edge sees of the change.
        """
        found = yield from self.measures(targets, metric, reads)
        shares = [
            [
                [(metric.values[text] - found[index, text]) / metric.gap for text in side]
                for index in range(len(targets))
            ]
            for side in self.texts
        ]
        signs = np.array([1.0, -1.0])[: len(shares), None, None]
        return np.array(shares).reshape(len(shares), len(targets), self._n_anomalous) * signs

    def runs(self, targets: Sequence[Target]) -> int:
        """How many changed runs `effects` makes."""
        return len(targets) * sum(len(side) for side in self.texts)

    @torch.no_grad()
    def _logits(self, texts: Sequence[int]) -> Tensor:
        """Logits (row, vocabulary) at the last token of each text."""
        self.forward_passes += 1
        return last_logits(self._loaded, [self._ids[text] for text in texts])

    def _patch(
        self, targets: Sequence[Target], texts: Sequence[int], reads: Reads
    ) -> AbstractContextManager[None]:
        sources = [_source(target) for target in targets]
        values = self._values(sources, texts)
        edges = [[target] for target in targets if isinstance(target, EdgeId)]
        if edges:
            return patch_edges(self._loaded, edges, values, reads)
        return replace_heads(self._loaded, choose_heads(self._loaded, [[head] for head in sources]), values)

    def _values(self, heads: Sequence[HeadId], texts: Sequence[int]) -> Tensor:
        """z (layer, row, position, head, d_head) in which only the head of each row is filled."""
        shape, width = self._loaded.shape, max(self._lengths[text] for text in texts)
        values = torch.zeros(shape.n_layers, len(texts), width, shape.n_heads, shape.d_head)
        for row, (head, text) in enumerate(zip(heads, texts, strict=True)):
            values[head.layer, row, : self._lengths[text], head.head] = self._donor(head, text)
        return values.to(self._loaded.device)

    def _donor(self, head: HeadId, text: int) -> Tensor:
        """What the head gets in this text (position, d_head)."""
        if self.method == "resample":
            return self._z[head][(text + self._n_anomalous) % len(self._ids)]
        everywhere, last = self._means[head]
        return torch.cat([everywhere.expand(self._lengths[text] - 1, -1), last[None]])

    @staticmethod
    def _mean(z: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean z (d_head,) over all tokens, and over the last tokens."""
        return torch.cat(list(z)).mean(dim=0), torch.stack([text[-1] for text in z]).mean(dim=0)


def _source(target: Target) -> HeadId:
    """The head whose z is changed."""
    return target.source if isinstance(target, EdgeId) else target
