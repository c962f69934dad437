"""What units write into the last logits themselves: direct logit attribution at the end of the texts.

Each change of logits is held against its mean over all words, because only differences of logits count. What the
anomalous texts get more than the normal ones they are compared with is told: the partner of each, or the mean of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.examples.alignment import Alignment
from core.mechanisms._answers import Ending, Way
from core.mechanisms._reading import TextReading
from core.mechanisms.roles import copying_at
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import logit_changes


@dataclass(frozen=True)
class Written:
    """Mean change of logits (unit, vocabulary), anomalous less normal; None where the stream is no plain sum.

    `pushes` are by anomalous text the changes (unit,) of the first tokens of its answers. `copying` is by head its
    copying score at the end of the anomalous texts, None where it looks at the first token alone.
    """

    mean: Tensor | None
    pushes: Sequence[Mapping[Way, np.ndarray]]
    copying: Sequence[float | None]

    def on_answers(self, unit: int) -> dict[Way, float]:
        """Mean push of the texts' own answers by one unit; empty where none is known."""
        ways: tuple[Way, Way] = ("up", "down")
        known = {way: [float(pushed[way][unit]) for pushed in self.pushes if way in pushed] for way in ways}
        return {way: sum(values) / len(values) for way, values in known.items() if values}


def written(
    loaded: LoadedModel,
    readings: Sequence[TextReading],
    texts: Sequence[Sequence[int]],
    ends: Sequence[Ending],
    alignment: Alignment,
    n_heads: int,
) -> Written:
    """`readings` are of the compared `texts` (token ids), anomalous first, and `ends` of the anomalous ones."""
    count, total = alignment.n_anomalous, len(readings)
    if any(reading.stream is None or reading.written is None for reading in readings):
        return Written(None, [{} for _ in ends], [None] * n_heads)
    mean, normal_mean = torch.zeros(()), torch.zeros(())
    if not alignment.paired:
        for text in range(count, total):
            normal_mean = normal_mean + _change(loaded, readings[text]) / (total - count)
    pushes: list[dict[Way, np.ndarray]] = []
    copied: list[list[float]] = [[] for _ in range(n_heads)]
    for text in range(count):
        reading = readings[text]
        change = _change(loaded, reading)
        mean = mean + change / count
        other = _change(loaded, readings[text + count]) if alignment.paired else normal_mean
        if alignment.paired:
            normal_mean = normal_mean + other / count
        more = change - other
        # the answers are read where they part, unless the metric reads the text elsewhere
        ways = ends[text].ways() if reading.end == len(texts[text]) - 1 + ends[text].shared else {}
        pushes.append({way: more[:, token].numpy() for way, (_, token) in ways.items()})
        for head, values in enumerate(copied):
            attention, ids = reading.attention(head, reading.end), [*texts[text]][: reading.end + 1]
            if attention is not None and (score := copying_at(attention, ids, change[head])) is not None:
                values.append(score)
    means = [sum(values) / len(values) if values else None for values in copied]
    return Written(mean - normal_mean, pushes, means)


def _change(loaded: LoadedModel, reading: TextReading) -> Tensor:
    """Change of every logit (unit, vocabulary) by what each unit adds at the end."""
    assert reading.written is not None and reading.stream is not None, "asked before"
    change = logit_changes(loaded, reading.written, reading.stream)[:, : len(loaded.tokenizer)]
    return change - change.mean(dim=-1, keepdim=True)
