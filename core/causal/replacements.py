"""What heads write in place of their own z, and putting it there.

- `resample`: their z in the partner text. Texts without a partner get that of a drawn text of the other side, counted
  from the last token; where that text is shorter, its first token stands for what it lacks. Where answer tokens are
  read along, the other text is read with the same ones behind it.
- `mean`: the mean z of the normal texts: at the last token of a text, where the answer begins, the mean over their last
  tokens; everywhere else, before it and at answer tokens behind it, the mean over all their tokens.
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
from core.heads import HeadId
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
        known = [head for head in recording.loaded.heads if heads is None or head in heads]
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
                        total + of_layer.float().sum(dim=0)
                        for total, of_layer in zip(everywhere, z, strict=True)
                    ]
                    last = [total + of_layer[-1].float() for total, of_layer in zip(last, z, strict=True)]
        normal = self._lengths[n_anomalous:]
        self.means: Means = (
            [total / sum(normal) for total in everywhere],
            [total / len(normal) for total in last],
        )

    def prepare(self, metric: Metric, own: bool = False) -> int:
        """Get z of the other text of every row that reads answer tokens along; returns the forward passes it took.

        With `own`, that of the row itself too.
        """
        if metric.recording is None:
            return 0
        known = {row.ids: number for number, row in enumerate(metric.rows)}
        reading = [row for row in metric.rows if row.answer]
        rows = dict.fromkeys([*map(self.other, reading), *(row.ids for row in reading if own)])
        wanted = [ids for ids in rows if ids not in self._with_answers]
        recorded = [ids for ids in wanted if ids in known]
        self._keep(recorded, metric.recording.of([known[ids] for ids in recorded]))
        unknown = [ids for ids in wanted if ids not in known]
        extra = Recording(self._loaded, unknown)
        self._keep(unknown, extra)
        return extra.forward_passes

    def first_difference(self, row: Row) -> int:
        """The first position at which a row and its other text differ, or an earlier one that is read.

        Tokens that both begin with write the same in both.
        """
        return row.first_change(self.other(row))

    def at(
        self,
        layer: int,
        rows: Sequence[Row],
        heads: Sequence[Sequence[int]],
        kind: AblationKind,
        start: int = 0,
        begins: Sequence[int] | None = None,
    ) -> Tensor:
        """What these heads of a layer get in each row, from position `start` on: (entry, position, d_head).

        In front of its position in `begins` a row keeps what it writes by itself.

        Entries are the heads of the first row, then those of the second …; unknown heads get 0. For `resample`, rows of
        a metric that reads answer tokens along are those that `prepare` has seen.
        """
        width = max(len(row.ids) for row in rows) - start
        everywhere, last = (mean[layer] for mean in self.means)
        values = torch.zeros(sum(map(len, heads)), width, last.shape[-1])
        done = 0
        for row, of_row in zip(rows, heads, strict=True):
            entries, length = values[done : done + len(of_row)], len(row.ids)
            done += len(of_row)
            if kind == "mean":
                entries[:, : length - start] = everywhere[list(of_row)][:, None]
                if row.start > start:
                    entries[:, row.start - 1 - start] = last[list(of_row)]
            elif kind == "resample":
                z = self._z_of(self.other(row) if row.answer else self._donor_of[row.text])[layer]
                places = from_the_end(length, len(z))[start:]
                entries[:, : length - start] = self._heads_of(layer, z[places], of_row)
        for number, begin in enumerate(begins or ()):
            if begin > start:
                first = sum(map(len, heads[:number]))
                own = self.own(layer, rows[number : number + 1], heads[number : number + 1], start)
                values[first : first + len(own), : begin - start] = own[:, : begin - start]
        return values

    def of_every_head(self, layer: int, rows: Sequence[Row], kind: AblationKind, start: int = 0) -> Tensor:
        """The same of all heads of the layer: (row, position, head, d_head)."""
        every = list(range(len(self.means[1][layer])))
        entries = self.at(layer, rows, [every] * len(rows), kind, start)
        return entries.unflatten(0, (len(rows), len(every))).transpose(1, 2)

    def own(self, layer: int, rows: Sequence[Row], heads: Sequence[Sequence[int]], start: int = 0) -> Tensor:
        """What the same heads write in the plain run of each row (entry, position, d_head)."""
        width = max(len(row.ids) for row in rows) - start
        values = torch.zeros(sum(map(len, heads)), width, self.means[1][layer].shape[-1])
        done = 0
        for row, of_row in zip(rows, heads, strict=True):
            z = self._z_of(row.ids if row.answer else row.text)[layer][start:]
            values[done : done + len(of_row), : len(z)] = self._heads_of(layer, z, of_row)
            done += len(of_row)
        return values

    def _z_of(self, text: int | tuple[int, ...]) -> list[Tensor]:
        """z by layer of a recorded text, or of a row with answer tokens that `prepare` has seen."""
        return self._z[text] if isinstance(text, int) else self._with_answers[text]

    def _heads_of(self, layer: int, z: Tensor, heads: Sequence[int]) -> Tensor:
        """(head, position, d_head) of known z (position, known head, d_head); 0 for unknown heads."""
        known = self._heads[layer]
        if z.shape[1] == len(self.means[1][layer]):
            return z[:, list(heads)].transpose(0, 1)
        values = z.new_zeros(len(heads), len(z), z.shape[-1])
        for place, head in enumerate(heads):
            if head in known:
                values[place] = z[:, known.index(head)]
        return values

    def other(self, row: Row) -> tuple[int, ...]:
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


Values = Callable[[int, Sequence[Sequence[int]]], Tensor]
"""Gives for a layer, and its heads that are changed in each row, what these write: (entry, position, d_head)."""


@contextmanager
def replace_heads(loaded: LoadedModel, heads: Sequence[Iterable[HeadId]], values: Values) -> Iterator[None]:
    """Put other values in place of z of the heads of each row of the batch.

    `values` is asked when a layer runs; its entries are the heads of the first row, then those of the second …
    Other heads keep what they write. Contexts can be nested; one entered later sees what earlier ones changed.
    """
    by_layer: dict[int, list[list[int]]] = {}
    for row, of_row in enumerate(heads):
        for head in sorted(of_row):
            by_layer.setdefault(head.layer, [[] for _ in heads])[row].append(head.head)
    with ExitStack() as stack:
        for layer, of_rows in by_layer.items():
            stack.enter_context(on_z(loaded, layer, partial(_replaced, layer, of_rows, values)))
        yield


def _replaced(layer: int, heads: Sequence[Sequence[int]], values: Values, z: Tensor) -> Tensor:
    rows = torch.tensor([row for row, of_row in enumerate(heads) for _ in of_row], device=z.device)
    entries = torch.tensor([head for of_row in heads for head in of_row], device=z.device)
    changed = z.clone()
    changed[rows, :, entries] = values(layer, heads).to(z)
    return changed


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
