"""Choosing the metric of a run and measuring its gap."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.causal.bounds import Kind
from core.causal.metric._answers import words_of
from core.causal.metric._metric import AnswerPart, Metric, parts_of, plain_values
from core.causal.metric._rows import Directions, Read, Row, Words, rows_of
from core.causal.statistics import label_weights, share_reaching, sign_flip_p, smallest_sign_flip_p
from core.examples.alignment import Alignment
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.schema import Note


def make_metric(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    examples: Sequence[Example],
    log_probabilities: Tensor,
    n_anomalous: int,
    paired: bool,
    seed: int,
) -> Metric:
    """Choose the metric for examples, anomalous first and in the order of their pairs, and measure the gap.

    `texts` are their token ids, `log_probabilities` (example, vocabulary) those of the token after each. Raises
    ExamplesError where a text with its answer is longer than the model reads.
    """
    words, notes = words_of(loaded, texts, examples, log_probabilities, n_anomalous, paired)
    return metric_of(loaded, texts, words, log_probabilities, n_anomalous, paired, seed, notes)


def metric_on(recording: Recording, examples: ExampleSet, alignment: Alignment, seed: int) -> Metric:
    """The same of the examples that are compared; `recording` is of these alone, in the order of the alignment."""
    compared = [examples.examples[i] for i in alignment.kept]
    plain, sides = recording.log_probabilities(), (alignment.n_anomalous, alignment.paired)
    return make_metric(recording.loaded, recording.texts, compared, plain, *sides, seed)


def metric_of(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    words: Sequence[Words] | None,
    log_probabilities: Tensor,
    n_anomalous: int,
    paired: bool,
    seed: int,
    notes: Sequence[Note] = (),
) -> Metric:
    """The difference between the answers of each text, or the shift of the next word where there are none."""
    probabilities = log_probabilities.exp()
    recording: Recording | None = None
    parts: list[AnswerPart] = []
    kind: Kind = "logit_difference"
    if words is None:
        kind = "next_word_shift"
        directions, direction_of = _shifts(probabilities, n_anomalous, paired)
        rows = _plain_rows(texts, direction_of)
        values = _read(directions, log_probabilities, direction_of)
    else:
        rows, directions = rows_of(texts, words)
        if any(row.answer for row in rows):
            kind = "answer_difference"
            recording = Recording(
                loaded,
                [row.ids for row in rows],
                read_at=[[read.position for read in row.reads] for row in rows],
                streams=True,
            )
            values, parts = _of_texts(rows, directions, recording, len(texts))
        else:
            values, parts = _of_next_tokens(rows, directions, log_probabilities)
    gap_p, smallest = _chance(values, words is None, probabilities, n_anomalous, paired, seed)
    return Metric(
        kind=kind,
        rows=tuple(rows),
        directions=directions,
        values=values,
        n_anomalous=n_anomalous,
        gap_p=gap_p,
        smallest_p=smallest,
        divergence=_divergence(log_probabilities, n_anomalous, paired),
        recording=recording,
        parts=tuple(parts),
        notes=tuple(notes),
    )


def _chance(
    values: np.ndarray, shift: bool, probabilities: Tensor, n_anomalous: int, paired: bool, seed: int
) -> tuple[float | None, float]:
    """p of the gap, and the smallest p that so few texts can give."""
    if paired:
        differences = values[:n_anomalous] - values[n_anomalous:]
        p = None if shift else float(sign_flip_p(differences[None, None], seed)[0])
        return p, smallest_sign_flip_p(n_anomalous)
    weights = label_weights(len(values), n_anomalous, seed)
    # inner products (text, text), from which the distance of the sides' means follows for every labelling
    doubles = probabilities.double()
    return _label_p((doubles @ doubles.T).numpy() if shift else values, weights), 2 / len(weights)


def _plain_rows(texts: Sequence[Sequence[int]], direction_of: Sequence[int]) -> list[Row]:
    """Each text alone, read behind its last token."""
    return [
        Row(number, tuple(ids), len(ids), (Read(len(ids) - 1, direction),))
        for number, (ids, direction) in enumerate(zip(texts, direction_of, strict=True))
    ]


def _read(directions: Directions, log_probabilities: Tensor, direction_of: Sequence[int]) -> np.ndarray:
    values: np.ndarray = directions.read(log_probabilities, direction_of).double().numpy()
    return values


def _of_next_tokens(
    rows: Sequence[Row], directions: Directions, log_probabilities: Tensor
) -> tuple[np.ndarray, list[AnswerPart]]:
    """Values (text,) and parts where every row is a text, read behind its end or not at all."""
    values, reading = np.zeros(len(rows)), [row for row in rows if row.reads]
    if not reading:
        return values, []
    texts = [row.text for row in reading]
    values[texts] = _read(directions, log_probabilities[texts], [row.reads[0].direction for row in reading])
    parts = [
        part
        for row in reading
        for part in parts_of(row, row.reads[0], directions, log_probabilities[row.text])
    ]
    return values, parts


def _of_texts(
    rows: Sequence[Row], directions: Directions, recording: Recording, count: int
) -> tuple[np.ndarray, list[AnswerPart]]:
    """Values (text,) and parts of rows that read answers along."""
    of_rows, parts = plain_values(rows, directions, recording)
    values = np.zeros(count)
    np.add.at(values, [row.text for row in rows], of_rows)
    return values, parts


def _shifts(probabilities: Tensor, n_anomalous: int, paired: bool) -> tuple[Directions, list[int]]:
    anomalous, normal = probabilities[:n_anomalous], probabilities[n_anomalous:]
    if paired:
        return Directions(anomalous - normal), list(range(n_anomalous)) * 2
    return Directions((anomalous.mean(0) - normal.mean(0))[None]), [0] * len(probabilities)


def _label_p(values: np.ndarray, weights: np.ndarray) -> float:
    """p of the gap under labellings (labelling, text), the true one first.

    `values` (text,) are fixed; (text, text) products let the direction follow the shuffled labels.
    """
    if values.ndim == 1:
        gaps = np.abs(weights @ values)
    else:
        gaps = np.einsum("li,ij,lj->l", weights, values, weights, optimize=True)
    return float(share_reaching(gaps[None], gaps[:1])[0])


def _divergence(log_probabilities: Tensor, n_anomalous: int, paired: bool) -> float:
    anomalous, normal = log_probabilities[:n_anomalous], log_probabilities[n_anomalous:]
    other = normal if paired else normal.exp().mean(0, keepdim=True).log()
    shift = (anomalous.exp() - other.exp()) * (anomalous - other)
    return float(shift.nan_to_num().sum(dim=-1).mean())
