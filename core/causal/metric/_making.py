"""Choosing the metric of a run and measuring its gap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.causal.bounds import Kind
from core.causal.metric._answers import words_of
from core.causal.metric._metric import AnswerPart, Metric, parts_of, plain_values
from core.causal.metric._own_word import own_word_directions, own_word_gaps, own_words
from core.causal.metric._rows import Directions, Read, Row, Words, rows_of
from core.causal.statistics import label_weights, share_reaching, sign_flip_p, smallest_sign_flip_p
from core.examples.alignment import Alignment
from core.examples.example_set import LABELS, Example, ExampleSet
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
    """The same of the examples that are compared; `recording` is of the whole set.

    A made partner is chosen by the metric, so that the gap to it proves nothing: whether the sides differ is asked of
    the given texts. Without answers both texts of such a pair are read by the anomalous one's own word.
    """
    if alignment.made:
        return _on_made_pairs(recording, examples, alignment, seed)
    return _on(recording, examples, alignment.kept, alignment.n_anomalous, alignment.paired, seed)


def metric_of_sides(
    recording: Recording, examples: ExampleSet, anomalous: Sequence[int], normal: Sequence[int], seed: int
) -> Metric:
    """The metric of these texts of the recorded set, without pairs."""
    return _on(recording, examples, (*anomalous, *normal), len(anomalous), False, seed)


def _on(
    recording: Recording,
    examples: ExampleSet,
    kept: Sequence[int],
    n_anomalous: int,
    paired: bool,
    seed: int,
) -> Metric:
    texts, compared = recording.of(kept), [examples.examples[i] for i in kept]
    about = recording.loaded, texts.texts, compared, texts.log_probabilities(), n_anomalous, paired
    return make_metric(*about, seed)


def _on_made_pairs(recording: Recording, examples: ExampleSet, alignment: Alignment, seed: int) -> Metric:
    given = {
        label: [
            i for i, example in enumerate(examples.examples) if example.label == label and not example.source
        ]
        for label in LABELS
    }
    asked = [i for i in alignment.kept[: alignment.n_anomalous] if i in given["anomalous"]]
    sides = metric_of_sides(recording, examples, asked, given["normal"], seed)
    metric = _on(recording, examples, alignment.kept, alignment.n_anomalous, True, seed)
    if metric.kind == "next_word_shift":
        metric = _by_own_words(metric, recording, alignment, given["normal"])
    return replace(metric, gap_p=sides.gap_p, smallest_p=sides.smallest_p, sides_differ=sides.differs)


def _by_own_words(
    metric: Metric, recording: Recording, alignment: Alignment, normal: Sequence[int]
) -> Metric:
    """The metric of pairs read by the anomalous text's own word less those of the given normal texts."""
    count, own = alignment.n_anomalous, own_words(recording.log_probabilities())
    words = torch.stack([own[[text, *normal]] for text in alignment.kept[:count]])
    weights = torch.tensor([1.0, *[-1 / len(normal)] * len(normal)]).expand(count, -1)
    of_pairs = recording.of(alignment.kept)
    measured = _along(Directions(weights, words), of_pairs.texts, of_pairs.log_probabilities(), "own_word")
    return replace(
        metric,
        kind="own_word",
        rows=tuple(measured.rows),
        directions=measured.directions,
        values=measured.values,
    )


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
    """The difference between the answers of each text; without answers the shift of the next word between the texts of
    a pair, or how likely each text makes its own next word.
    """
    probabilities, own = log_probabilities.exp(), own_words(log_probabilities)
    if words is not None:
        measured = _by_answers(loaded, texts, words, log_probabilities)
    elif paired:
        measured = _along(_shifts(probabilities, n_anomalous), texts, log_probabilities, "next_word_shift")
    else:
        measured = _along(own_word_directions(own, n_anomalous), texts, log_probabilities, "own_word")
    if paired:
        differences = measured.values[:n_anomalous] - measured.values[n_anomalous:]
        gap_p = None if words is None else float(sign_flip_p(differences[None, None], seed)[0])
        smallest = smallest_sign_flip_p(n_anomalous)
    else:
        weights = label_weights(len(texts), n_anomalous, seed)
        gaps = own_word_gaps(log_probabilities, own, weights) if words is None else weights @ measured.values
        gap_p, smallest = label_p(gaps), 2 / len(weights)
    return Metric(
        kind=measured.kind,
        rows=tuple(measured.rows),
        directions=measured.directions,
        values=measured.values,
        n_anomalous=n_anomalous,
        gap_p=gap_p,
        smallest_p=smallest,
        divergence=_divergence(log_probabilities, n_anomalous, paired),
        recording=measured.recording,
        parts=tuple(measured.parts),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Measured:
    """Rows, and the metric (text,) of the plain texts."""

    kind: Kind
    rows: Sequence[Row]
    directions: Directions
    values: np.ndarray
    recording: Recording | None = None
    parts: Sequence[AnswerPart] = ()


def _along(
    directions: Directions, texts: Sequence[Sequence[int]], log_probabilities: Tensor, kind: Kind
) -> _Measured:
    """Each text alone, read behind its last token; the directions are those of the texts, or of the pairs."""
    which = [text % len(directions.weights) for text in range(len(texts))]
    rows = [
        Row(text, tuple(ids), len(ids), (Read(len(ids) - 1, direction),))
        for text, (ids, direction) in enumerate(zip(texts, which, strict=True))
    ]
    return _Measured(kind, rows, directions, _read(directions, log_probabilities, which))


def _by_answers(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], words: Sequence[Words], log_probabilities: Tensor
) -> _Measured:
    rows, directions = rows_of(texts, words)
    if not any(row.answer for row in rows):
        values, parts = _of_next_tokens(rows, directions, log_probabilities)
        return _Measured("logit_difference", rows, directions, values, None, parts)
    read_at = [[read.position for read in row.reads] for row in rows]
    recording = Recording(loaded, [row.ids for row in rows], read_at=read_at, streams=True)
    of_rows, parts = plain_values(rows, directions, recording)
    values = np.zeros(len(texts))
    np.add.at(values, [row.text for row in rows], of_rows)
    return _Measured("answer_difference", rows, directions, values, recording, parts)


def _shifts(probabilities: Tensor, n_anomalous: int) -> Directions:
    """The direction of each pair: from the next word's probabilities in its normal text to those in the anomalous."""
    return Directions(probabilities[:n_anomalous] - probabilities[n_anomalous:])


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


def label_p(gaps: np.ndarray) -> float:
    """p of the gap from the gaps under labellings (labelling,), the true one first."""
    sizes = np.abs(gaps)
    return float(share_reaching(sizes[None], sizes[:1])[0])


def _divergence(log_probabilities: Tensor, n_anomalous: int, paired: bool) -> float:
    anomalous, normal = log_probabilities[:n_anomalous], log_probabilities[n_anomalous:]
    other = normal if paired else normal.exp().mean(0, keepdim=True).log()
    shift = (anomalous.exp() - other.exp()) * (anomalous - other)
    return float(shift.nan_to_num().sum(dim=-1).mean())
