"""Runs of the model with whole sets of heads taken out, many sets in one forward pass.

What a head that is taken out writes instead, at every position:

- `resample`: its z in the partner text. Texts without a partner of the same length take that of a drawn normal text,
  counted from the last token; where the normal text is shorter, its first token stands for what it lacks.
- `mean`: the mean z of the normal texts: at the last position the mean over their last tokens, elsewhere the mean over
  all their tokens.
- `zero`: nothing.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.causal.interventions import choose_heads
from core.causal.metric import Metric
from core.heads import HeadId
from core.model.batching import BATCH_ROWS, BATCH_TOKENS, batches_of
from core.model.hooks import on_z
from core.model.next_token import last_logits
from core.model.recording import Recording

AblationKind = Literal["resample", "mean", "zero"]
KINDS: tuple[AblationKind, ...] = ("resample", "mean", "zero")
HeadSet = frozenset[HeadId]

BATCH_BYTES = 2**27
"""Memory that the z of one layer of a batch may take."""


class Ablator:
    """Recorded texts, anomalous first, and what their heads write in plain runs.

    `paired` says that text i and text i + n_anomalous belong together. `forward_passes` counts the changed runs.
    """

    def __init__(self, recording: Recording, n_anomalous: int, paired: bool, seed: int = 0) -> None:
        self._recording, self.n_anomalous = recording, n_anomalous
        self._loaded, self._ids, self._lengths = recording.loaded, recording.texts, recording.lengths
        self._donor_of = _donors(len(self._ids), n_anomalous, paired, seed)
        self.forward_passes = 0
        self._z: list[Tensor] = []
        self._everywhere = self._last = torch.empty(0)

    def plain(self) -> Tensor:
        """Log-probabilities (text, vocabulary) of the unchanged runs; keeps z of every head."""
        self._z = self._recording.z(range(len(self._ids)))
        normal = self._z[self.n_anomalous :]
        self._everywhere = torch.cat(normal, dim=1).mean(dim=1)
        self._last = torch.stack([z[:, -1] for z in normal]).mean(dim=0)
        return self._recording.log_probabilities()

    def normal_means(self) -> tuple[Tensor, Tensor]:
        """Mean z (layer, head, d_head) of the normal texts: over all their tokens, and over their last ones."""
        return self._everywhere, self._last

    def measures(
        self,
        sets: Sequence[Iterable[HeadId]],
        texts: Sequence[int],
        metric: Metric,
        kind: AblationKind,
    ) -> Generator[int, None, np.ndarray]:
        """The measure (set, text) with each set taken out; yields the rows done after each forward pass."""
        wanted = [list(heads) for heads in sets]
        items = [(index, text) for index in range(len(wanted)) for text in texts]
        place = {text: column for column, text in enumerate(texts)}
        found = np.empty((len(wanted), len(texts)))
        done = 0
        for batch in self._batches([self._lengths[text] for _, text in items]):
            chosen = [items[i] for i in batch]
            rows = [text for _, text in chosen]
            with self.taken_out([wanted[index] for index, _ in chosen], rows, kind):
                values = metric.of(self._logits(rows), rows)
            for (index, text), value in zip(chosen, values.tolist(), strict=True):
                found[index, place[text]] = value
            done += len(batch)
            yield done
        return found

    @contextmanager
    def taken_out(
        self, heads: Sequence[Sequence[HeadId]], texts: Sequence[int], kind: AblationKind
    ) -> Iterator[None]:
        """Row i of a forward pass reads text `texts[i]` without the heads `heads[i]`."""
        chosen = choose_heads(self._loaded, heads)
        with ExitStack() as stack:
            for layer in range(self._loaded.shape.n_layers):
                if bool(chosen[layer].any()):
                    change = partial(self._changed, layer, chosen[layer], texts, kind)
                    stack.enter_context(on_z(self._loaded, layer, change))
            yield

    def _changed(
        self, layer: int, chosen: Tensor, texts: Sequence[int], kind: AblationKind, z: Tensor
    ) -> Tensor:
        mask = chosen.to(z.device)[:, None, :, None]
        if kind == "zero":
            return z.masked_fill(mask, 0.0)
        return torch.where(mask, self._instead(layer, texts, kind, z.shape[1]).to(z), z)

    def _instead(self, layer: int, texts: Sequence[int], kind: AblationKind, width: int) -> Tensor:
        """What the heads of a layer write instead: (row, position, head, d_head)."""
        shape = self._loaded.shape
        values = torch.zeros(len(texts), width, shape.n_heads, shape.d_head)
        for row, text in enumerate(texts):
            length = self._lengths[text]
            if kind == "mean":
                values[row, : length - 1] = self._everywhere[layer]
                values[row, length - 1] = self._last[layer]
            else:
                donor = self._z[self._donor_of[text]][layer]
                values[row, :length] = donor[from_the_end(length, len(donor))]
        return values

    def _batches(self, lengths: Sequence[int]) -> list[list[int]]:
        shape = self._loaded.shape
        tokens = min(BATCH_TOKENS, BATCH_BYTES // (shape.n_heads * shape.d_head * 4))
        return batches_of(lengths, range(len(lengths)), max(1, tokens), BATCH_ROWS)

    @torch.no_grad()
    def _logits(self, texts: Sequence[int]) -> Tensor:
        """Logits (row, vocabulary) at the last token of each text."""
        self.forward_passes += 1
        return last_logits(self._loaded, [self._ids[text] for text in texts])


def from_the_end(length: int, donor: int) -> Tensor:
    """For every position of a text the donor's position that is as far from the end; 0 where there is none."""
    return (torch.arange(length) + donor - length).clamp(min=0)


def _donors(count: int, n_anomalous: int, paired: bool, seed: int) -> list[int]:
    """The text whose z each text gets: its partner, or a drawn text of the other side."""
    if paired:
        return [(text + n_anomalous) % count for text in range(count)]
    generator = np.random.default_rng(seed)
    sides = [np.arange(n_anomalous, count), np.arange(n_anomalous)]
    drawn = [
        generator.choice(other, size=size) for other, size in zip(sides, map(len, sides[::-1]), strict=True)
    ]
    return [int(text) for text in np.concatenate(drawn)]
