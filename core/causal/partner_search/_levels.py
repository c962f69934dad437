"""The level that the metric of a text is to reach: that of the other side."""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.causal.metric import Metric


def levels_of(metric: Metric, log_probabilities: Tensor) -> np.ndarray:
    """The level (text,) for each of the metric's texts.

    By answers it is the other side's mean. The own words of texts differ, and a normal text is as sure of its own as an
    anomalous one: there the level of an anomalous text is what the normal texts make of that text's own word, along its
    direction. `log_probabilities` (text, vocabulary) are those of the token after each of these texts.
    """
    count, every = metric.n_anomalous, len(metric.values)
    if metric.kind != "own_word":
        return np.where(np.arange(every) < count, metric.normal, metric.anomalous)
    normal = range(count, every)
    return np.array([_read_on(metric, text, log_probabilities[list(normal)]) for text in range(every)])


def answers_behind(metric: Metric, text: int) -> list[int]:
    """The tokens of the answers that may follow one of the metric's texts directly; none without answers."""
    if metric.directions.tokens is None or metric.kind == "own_word":
        return []
    tokens: set[int] = set()
    for row in (metric.rows[number] for number in metric.rows_of([text])):
        for read in row.reads:
            if read.position == row.start - 1:
                weighed = metric.directions.weights[read.direction] != 0
                tokens |= set(metric.directions.tokens[read.direction][weighed].tolist())
    return sorted(tokens)


def answered(metric: Metric, text: int, log_probabilities: Tensor) -> float:
    """log p that one of the answers of one of the metric's texts begins, from log p (vocabulary,); nan without any."""
    tokens = answers_behind(metric, text)
    return float(log_probabilities[tokens].logsumexp(dim=-1)) if tokens else math.nan


def _read_on(metric: Metric, text: int, log_probabilities: Tensor) -> float:
    """The mean of these texts along the direction of one of the metric's texts."""
    (row,) = metric.rows_of([text])
    directions: Sequence[int] = [metric.rows[row].reads[0].direction] * len(log_probabilities)
    return float(metric.directions.read(log_probabilities, directions).double().mean())
