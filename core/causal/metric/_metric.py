"""The metric of one run: its rows, its values on the plain texts, and how changed runs are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from core.causal.bounds import CHANCE, SMALLEST_GAP, Kind
from core.causal.metric._rows import Directions, Read, Row
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits, hidden_at
from core.model.prefixes.kept_prefix import WHOLE, Prefix
from core.model.recording import LOGIT_ROWS, Recording
from core.schema import Note

MOST_READS = 256
"""Places whose logits are held at a time."""


@dataclass(frozen=True)
class AnswerPart:
    """One token of an answer on one plain text: `part` is what it adds to the metric, in nats.

    `place` counts the answer's tokens from 0; the parts of a text add up to its metric.
    """

    text: int
    side: str
    place: int
    token: int
    part: float


@dataclass(frozen=True)
class Metric:
    """The metric of one run. `rows` are read along `directions`; a text's metric is the sum over its rows.

    `values` (text,) holds it for the plain texts, anomalous first. `divergence` is the mean symmetric divergence, in
    nats, of the next word after an anomalous text from that after its partner or, without pairs, from the mean over
    the normal texts. `recording` holds the plain runs of the rows; None where each row is a text alone. `sides_differ`
    is what the given texts say where partners are made; None where these texts themselves are asked.
    """

    kind: Kind
    rows: tuple[Row, ...]
    directions: Directions
    values: np.ndarray
    n_anomalous: int
    gap_p: float | None
    smallest_p: float
    divergence: float
    recording: Recording | None = None
    parts: tuple[AnswerPart, ...] = ()
    notes: tuple[Note, ...] = field(default=())
    sides_differ: bool | None = None

    @property
    def anomalous(self) -> float:
        """Mean on the anomalous texts."""
        return float(self.values[: self.n_anomalous].mean())

    @property
    def normal(self) -> float:
        """Mean on the normal texts."""
        return float(self.values[self.n_anomalous :].mean())

    @property
    def gap(self) -> float:
        """What effects are shares of."""
        return self.anomalous - self.normal

    @property
    def too_small(self) -> bool:
        """Whether the gap is too small to be a behaviour."""
        return abs(self.gap) < SMALLEST_GAP[self.kind]

    @property
    def differs(self) -> bool:
        """Whether the model behaves differently on the two sides; without that there is nothing to explain."""
        if self.sides_differ is not None:
            return self.sides_differ and not self.too_small
        chance = self.gap_p is not None and self.gap_p > max(CHANCE, self.smallest_p * (1 + 1e-9))
        return not self.too_small and not chance

    @property
    def plain_passes(self) -> int:
        """Forward passes that reading the plain rows took, beside those of the texts."""
        return self.recording.forward_passes if self.recording else 0

    def rows_of(self, texts: Sequence[int]) -> list[int]:
        """Numbers of the rows of these texts."""
        wanted = set(texts)
        return [number for number, row in enumerate(self.rows) if row.text in wanted]

    def partner(self, row: int) -> int:
        """The row of the partner, where texts are pairs: both texts of a pair are read with the same answers."""
        return (row + len(self.rows) // 2) % len(self.rows)

    def of(self, logits: Tensor, rows: Sequence[int]) -> np.ndarray:
        """The metric (row,) of logits (read, vocabulary) behind the places that these rows are read at."""
        return self.read(logits, rows).double().cpu().numpy()

    def read(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """The same as a tensor through which gradients pass."""
        which = [read.direction for row in rows for read in self.rows[row].reads]
        return self._by_row(self.directions.read(logits, which), rows)

    def read_hidden(self, loaded: LoadedModel, hidden: Tensor, rows: Sequence[int]) -> Tensor:
        """The same of final hidden states (read, d_model), a bounded number of logits at a time."""
        which = [read.direction for row in rows for read in self.rows[row].reads]
        if (words := self.directions.words(which)) is not None:
            logits = head_logits(loaded, hidden, words.to(hidden.device))
            return self._by_row(self.directions.along(logits, which), rows)
        if len(which) <= MOST_READS:
            return self.read(head_logits(loaded, hidden), rows)
        starts = range(0, len(which), MOST_READS)
        parts = [
            self.directions.read(
                head_logits(loaded, hidden[start : start + MOST_READS]), which[start : start + MOST_READS]
            )
            for start in starts
        ]
        return self._by_row(torch.cat(parts), rows)

    def _by_row(self, values: Tensor, rows: Sequence[int]) -> Tensor:
        """Sums (row,) of what is read."""
        owners = [place for place, row in enumerate(rows) for _ in self.rows[row].reads]
        if owners == list(range(len(rows))):
            return values
        sums = values.new_zeros(len(rows))
        return sums.index_add(0, torch.tensor(owners, dtype=torch.long, device=values.device), values)


def read_rows(loaded: LoadedModel, metric: Metric, rows: Sequence[int], prefix: Prefix = WHOLE) -> Tensor:
    """The metric (row,) of these rows in one forward pass, which may begin behind what is kept of each row.

    Gradients flow where the caller lets them.
    """
    chosen = [metric.rows[row] for row in rows]
    positions = [[read.position for read in row.reads] for row in chosen]
    hidden = hidden_at(loaded, [row.ids for row in chosen], positions, prefix)
    return metric.read_hidden(loaded, hidden, rows)


def plain_values(
    metric_rows: Sequence[Row], directions: Directions, recording: Recording
) -> tuple[list[float], list[AnswerPart]]:
    """What each row is on its plain run (row,), and the parts of its tokens; `recording` is of these rows."""
    values: list[float] = []
    parts: list[AnswerPart] = []
    at_once = max(1, LOGIT_ROWS // max(len(row.reads) for row in metric_rows))
    for start in range(0, len(metric_rows), at_once):
        numbers = range(start, min(start + at_once, len(metric_rows)))
        reads = [(row, read) for row in (metric_rows[i] for i in numbers) for read in row.reads]
        log_probabilities = recording.logits(numbers).log_softmax(dim=-1)
        of_reads = directions.read(log_probabilities, [read.direction for _, read in reads]).double().tolist()
        by_row = dict.fromkeys(numbers, 0.0)
        owners = [number for number in numbers for _ in metric_rows[number].reads]
        for owner, value in zip(owners, of_reads, strict=True):
            by_row[owner] += value
        values += by_row.values()
        for of_read, (row, read) in zip(log_probabilities, reads, strict=True):
            parts += parts_of(row, read, directions, of_read)
    return values, parts


def parts_of(row: Row, read: Read, directions: Directions, log_probabilities: Tensor) -> list[AnswerPart]:
    """What the tokens that are read at one place add, from log-probabilities (vocabulary,)."""
    assert directions.tokens is not None
    tokens, weights = directions.tokens[read.direction].tolist(), directions.weights[read.direction].tolist()
    place = read.position + 1 - row.start
    return [
        AnswerPart(
            row.text,
            "expected" if weight > 0 else "actual",
            place,
            token,
            weight * float(log_probabilities[token]),
        )
        for token, weight in zip(tokens, weights, strict=True)
        if weight
    ]
