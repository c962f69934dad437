"""What MLP blocks add in place of their own output, and putting it there: as `core.causal.replacements` for heads.

- `resample`: their output in the partner text, counted from the last token where lengths differ.
- `mean`: the mean output over the normal texts: at the last token of a text the mean over their last tokens,
  everywhere else the mean over all their tokens.
- `zero`: nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor

from core.causal.metric import Row
from core.causal.replacements import AblationKind, from_the_end
from core.heads import MlpId
from core.model.loaded_model import LoadedModel
from core.model.memory import MLP_BYTES
from core.model.mlp_outputs import number_bytes, on_mlp, read_mlps
from core.model.recording import Recording

Tokens = tuple[int, ...]

MOST_BYTES = MLP_BYTES
"""Outputs that are held in memory; above this those of a few layers are read at a time."""


def mlps_of(loaded: LoadedModel) -> list[MlpId]:
    """The MLP blocks of a model, from the first layer on; none where its stream is no plain sum."""
    return [MlpId(layer) for layer in sorted(loaded.abilities.mlp_modules)]


class MlpOutputs:
    """Outputs of MLP blocks on rows of tokens: from the recordings that hold them, else read in plain passes.

    `recording` is of the texts, anomalous first; means are taken over the normal ones. `other` gives the tokens whose
    output a row takes. `forward_passes` counts the passes that were made here.
    """

    def __init__(self, recording: Recording, n_anomalous: int, other: Callable[[Row], Tokens]) -> None:
        self._loaded, self._other = recording.loaded, other
        self._normal = [tuple(text) for text in recording.texts[n_anomalous:]]
        self._recorded: dict[Tokens, tuple[Recording, int]] = {}
        self.add(recording)
        self._kept: dict[int, dict[Tokens, Tensor]] = {}
        self._means: dict[int, tuple[Tensor, Tensor]] = {}
        self.forward_passes = 0

    def add(self, recording: Recording) -> None:
        """Take what can be had from this recording."""
        texts = ((tuple(ids), (recording, number)) for number, ids in enumerate(recording.texts))
        self._recorded = dict(texts) | self._recorded

    def prepare(self, rows: Iterable[Row], layers: Iterable[int], kind: AblationKind, own: bool) -> None:
        """Read what `at` will ask of all these rows, where memory holds that; else only the means.

        `own` says that rows keep what they write in front of a position.
        """
        wanted, every = self._texts(rows, kind, own), sorted(set(layers))
        if not every:
            return
        size = sum(map(len, wanted)) * self._loaded.shape.d_model
        if size * sum(number_bytes(self._loaded, layer) for layer in every) <= MOST_BYTES:
            self._read(wanted, every)
        if kind == "mean":
            self._average([layer for layer in every if layer not in self._means])

    def hold(self, rows: Iterable[Row], layers: Iterable[int], kind: AblationKind, own: bool) -> None:
        """Read what `at` will ask of the rows of one batch: before the changed pass, in which nothing can be read."""
        self._read(self._texts(rows, kind, own), sorted(set(layers)))

    def at(
        self,
        layer: int,
        rows: Sequence[Row],
        numbers: Sequence[int],
        kind: AblationKind,
        start: int = 0,
        begins: Sequence[int] | None = None,
    ) -> Tensor:
        """What the MLP block of a layer adds in rows of these numbers, from position `start` on.

        (entry, position, d_model), as wide as the longest of all `rows`. In front of its position in `begins` a row
        keeps what it adds by itself. Of rows that `hold` has seen, by means that `prepare` has taken.
        """
        width = max(len(row.ids) for row in rows) - start
        values = torch.zeros(len(numbers), width, self._width(layer))
        for of_row, number in zip(values, numbers, strict=True):
            row = rows[number]
            length = len(row.ids)
            if kind == "mean":
                everywhere, last = self._means[layer]
                of_row[: length - start] = everywhere
                if row.start > start:
                    of_row[row.start - 1 - start] = last
            elif kind == "resample":
                other = self._kept[layer][self._other(row)]
                of_row[: length - start] = other[from_the_end(length, len(other))[start:]]
            begin = begins[number] if begins else 0
            if begin > start:
                of_row[: begin - start] = self._kept[layer][row.ids][start:begin]
        return values

    def _texts(self, rows: Iterable[Row], kind: AblationKind, own: bool) -> list[Tokens]:
        every = list(rows)
        others = map(self._other, every) if kind == "resample" else ()
        return list(dict.fromkeys([*others, *(row.ids for row in every if own)]))

    def _width(self, layer: int) -> int:
        held = self._kept.get(layer) or {}
        for tensor in (*held.values(), *self._means.get(layer, ())):
            return int(tensor.shape[-1])
        return self._loaded.shape.d_model

    def _read(self, texts: Sequence[Tokens], layers: Sequence[int]) -> None:
        """Keep the outputs of these layers on these texts; those of others are dropped where memory ends."""
        missing = [ids for ids in texts if any(ids not in self._kept.get(layer, ()) for layer in layers)]
        if not missing:
            return
        held = sum(value.nbytes for of_layer in self._kept.values() for value in of_layer.values())
        size = sum(map(len, texts)) * self._loaded.shape.d_model * len(layers) * 4
        if held + size > MOST_BYTES:
            self._kept = {layer: of for layer, of in self._kept.items() if layer in layers}
        for ids, values in self._outputs(missing, layers):
            for layer in layers:
                self._kept.setdefault(layer, {})[ids] = values[layer]

    def _outputs(
        self, texts: Sequence[Tokens], layers: Sequence[int]
    ) -> Iterator[tuple[Tokens, dict[int, Tensor]]]:
        """Outputs on these texts, at least of these layers."""
        unknown = [ids for ids in texts if ids not in self._recorded]
        parts: dict[Recording, list[Tokens]] = {}
        for ids in texts:
            if ids in self._recorded:
                parts.setdefault(self._recorded[ids][0], []).append(ids)
        for recording, own in parts.items():
            outputs = recording.mlps([self._recorded[ids][1] for ids in own])
            if outputs is None:
                unknown += own
            else:
                yield from zip(own, outputs, strict=True)
        running = read_mlps(self._loaded, unknown, layers)
        while True:
            try:
                text, values = next(running)
            except StopIteration as end:
                self.forward_passes += end.value
                return
            yield unknown[text], values

    def _average(self, layers: Sequence[int]) -> None:
        """Means of these layers over the normal texts: over all tokens, and over the last ones."""
        if not layers:
            return
        everywhere, last = ({layer: torch.zeros(()) for layer in layers} for _ in range(2))

        for _, values in self._outputs(self._normal, layers):
            for layer in layers:
                everywhere[layer] = everywhere[layer] + values[layer].float().sum(dim=0)
                last[layer] = last[layer] + values[layer][-1].float()
        tokens, count = sum(map(len, self._normal)), len(self._normal)
        for layer in layers:
            self._means[layer] = everywhere[layer] / tokens, last[layer] / count

    def means(self, layer: int) -> tuple[Tensor, Tensor]:
        """Means (d_model,) over the normal texts: over all tokens, and over the last ones."""
        if layer not in self._means:
            self._average([layer])
        return self._means[layer]


Values = Callable[[int, Sequence[int]], Tensor]
"""Gives for a layer, and the numbers of the rows in which its MLP block is changed, what it adds there."""


@contextmanager
def replace_mlps(loaded: LoadedModel, mlps: Sequence[Collection[MlpId]], values: Values) -> Iterator[None]:
    """Put other values in place of what the MLP blocks of each row of the batch add."""
    by_layer: dict[int, list[int]] = {}
    for row, of_row in enumerate(mlps):
        for mlp in of_row:
            by_layer.setdefault(mlp.layer, []).append(row)
    with ExitStack() as stack:
        for layer, rows in by_layer.items():
            stack.enter_context(on_mlp(loaded, layer, partial(_replaced, layer, rows, values)))
        yield


def _replaced(layer: int, rows: Sequence[int], values: Values, output: Tensor) -> Tensor:
    changed = output.clone()
    changed[list(rows)] = values(layer, rows).to(output)
    return changed
