"""What heads write in place of their own z, and putting it there.

- `resample`: their z in the partner text. Texts without a partner get that of a drawn text of the other side, counted
  from the last token; where that text is shorter, its first token stands for what it lacks. Where answer tokens are
  read along, the other text is read with the same ones behind it.
- `mean`: the mean z of the normal texts: from the last token of a text on the mean over their last tokens, before it
  the mean over all their tokens.
- `zero`: nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.causal.metric import Metric, Row
from core.heads import HeadId, all_heads
from core.model.batching import batches_of
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording

AblationKind = Literal["resample", "mean", "zero"]
KINDS: tuple[AblationKind, ...] = ("resample", "mean", "zero")
Means = tuple[list[Tensor], list[Tensor]]
"""Mean z by layer (head, d_head): over all tokens, and over the last ones of the texts."""


class Replacements:
    """z of some heads (all by default) in recorded texts, anomalous first.

    `paired` says that text i and text i + n_anomalous are partners. `means` by layer (head, d_head) of all heads are
    those over the tokens of the normal texts, and over their last ones.
    """

    def __init__(
        self,
        recording: Recording,
        n_anomalous: int,
        paired: bool,
        seed: int = 0,
        heads: Collection[HeadId] | None = None,
    ) -> None:
        shape = recording.loaded.shape
        self._loaded, self._shape = recording.loaded, shape
        self._texts, self._lengths = recording.texts, recording.lengths
        self._donor_of = _donors(len(self._lengths), n_anomalous, paired, seed)
        every = all_heads(shape.n_layers, shape.n_heads)
        known = [head for head in every if heads is None or head in heads]
        self._heads = [
            [head.head for head in known if head.layer == layer] for layer in range(shape.n_layers)
        ]
        self._z: dict[int, list[Tensor]] = {}
        self._with_answers: dict[tuple[int, ...], list[Tensor]] = {}
        everywhere, last = ([torch.zeros(()) for _ in range(shape.n_layers)] for _ in range(2))
        for batch in batches_of(self._lengths, range(len(self._lengths))):
            for text, z in zip(batch, recording.z(batch), strict=True):
                self._z[text] = self._of_known(z)
                if text >= n_anomalous:
                    everywhere = [
                        total + of_layer.sum(dim=0) for total, of_layer in zip(everywhere, z, strict=True)
                    ]
                    last = [total + of_layer[-1] for total, of_layer in zip(last, z, strict=True)]
        normal = self._lengths[n_anomalous:]
        self.means: Means = (
            [total / sum(normal) for total in everywhere],
            [total / len(normal) for total in last],
        )

    def prepare(self, metric: Metric) -> int:
        """Get z of the other text of every row that reads answer tokens along; returns the forward passes it took."""
        if metric.recording is None:
            return 0
        known = {row.ids: number for number, row in enumerate(metric.rows)}
        others = dict.fromkeys(self._other(row) for row in metric.rows if row.answer)
        wanted = [ids for ids in others if ids not in self._with_answers]
        recorded = [ids for ids in wanted if ids in known]
        self._keep(recorded, metric.recording.of([known[ids] for ids in recorded]))
        unknown = [ids for ids in wanted if ids not in known]
        extra = Recording(self._loaded, unknown)
        self._keep(unknown, extra)
        return extra.forward_passes

    def at(self, layer: int, rows: Sequence[Row], kind: AblationKind) -> Tensor:
        """What the heads of a layer get in these rows: (row, position, head, d_head), 0 for unknown heads.

        For `resample`, rows of a metric that reads answer tokens along are those that `prepare` has seen.
        """
        width = max(len(row.ids) for row in rows)
        everywhere, last = (mean[layer] for mean in self.means)
        values = torch.zeros(len(rows), width, *last.shape)
        for of_row, row in zip(values, rows, strict=True):
            length = len(row.ids)
            if kind == "mean":
                of_row[: row.start - 1], of_row[row.start - 1 : length] = everywhere, last
            elif kind == "resample":
                z = self._with_answers[self._other(row)] if row.answer else self._z[self._donor_of[row.text]]
                of_row[:length, self._heads[layer]] = z[layer][from_the_end(length, len(z[layer]))]
        return values

    def _other(self, row: Row) -> tuple[int, ...]:
        """The tokens of the text whose z a row gets, with the row's answer tokens behind it."""
        return (*self._texts[self._donor_of[row.text]], *row.answer)

    def _keep(self, rows: Sequence[tuple[int, ...]], recording: Recording) -> None:
        for batch in batches_of(recording.lengths, range(len(rows))):
            for number, z in zip(batch, recording.z(batch), strict=True):
                self._with_answers[rows[number]] = self._of_known(z)

    def _of_known(self, z: Sequence[Tensor]) -> list[Tensor]:
        """z of the known heads by layer."""
        return [self._known(layer, of_layer) for layer, of_layer in enumerate(z)]

    def _known(self, layer: int, z: Tensor) -> Tensor:
        """z (position, head, d_head) of the known heads; a view where these are all."""
        heads = self._heads[layer]
        return z if len(heads) == z.shape[1] else z[:, heads]


@contextmanager
def replace_heads(
    loaded: LoadedModel, heads: Sequence[Iterable[HeadId]], values: Callable[[int], Tensor]
) -> Iterator[None]:
    """Put other values in place of z of the heads of each row of the batch.

    `values` gives for a layer what broadcasts to (row, position, head, d_head); it is asked when the layer runs. Other
    heads keep what they write. Contexts can be nested; one entered later sees what earlier ones changed.
    """
    shape = loaded.shape
    marked = torch.zeros(shape.n_layers, len(heads), shape.n_heads, dtype=torch.bool)
    for row, of_row in enumerate(heads):
        for head in of_row:
            marked[head.layer, row, head.head] = True
    with ExitStack() as stack:
        for layer in range(shape.n_layers):
            if bool(marked[layer].any()):
                mask = marked[layer, :, None, :, None]
                stack.enter_context(on_z(loaded, layer, partial(_replaced, mask, partial(values, layer))))
        yield


def _replaced(mask: Tensor, values: Callable[[], Tensor], z: Tensor) -> Tensor:
    return torch.where(mask.to(z.device), values().to(z), z)


def from_the_end(length: int, donor: int) -> Tensor:
    """For every position of a text the donor's position that is as far from the end; 0 where there is none."""
    return (torch.arange(length) + donor - length).clamp(min=0)


def _donors(count: int, n_anomalous: int, paired: bool, seed: int) -> list[int]:
    """The text whose z each text gets: its partner, or a drawn text of the other side."""
    if paired:
        return [(text + n_anomalous) % count for text in range(count)]
    generator = np.random.default_rng(seed)
    of_anomalous = generator.choice(np.arange(n_anomalous, count), size=n_anomalous)
    of_normal = generator.choice(np.arange(n_anomalous), size=count - n_anomalous)
    return [*of_anomalous.tolist(), *of_normal.tolist()]
