"""Which heads are tested: all where that is affordable, else candidates and what a cheap signal holds strong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.bounds import HEAD_BOUND
from core.causal.comparison import Comparison
from core.heads import HeadId
from core.model.loaded_model import LoadedModel

EVERY_HEAD_RUNS = 2500
"""Changed runs of single texts up to which every head is tested: 144 heads on 8 + 8 texts take 2304."""

SHORT_TIMES, SHORT_RUN = 1.8, 10
"""So many times as many runs are made with one partner a text, where a run reads at most so many tokens anew on
average: those from the first difference of a pair on. 270 heads on 8 + 8 texts take 4320 runs.
"""

STRONG_HEADS = 20
"""Strong heads beside the candidates that are tested however many runs that takes, at most."""

STRONG = HEAD_BOUND / 2
"""The size of a signal, as a share of the gap, from which a head is strong. A first-order guess is often half of the
effect, where the metric bends.
"""


@dataclass(frozen=True)
class HeadEffects:
    """Effects of single heads that are measured already: values (direction, head, text), shares of the gap."""

    heads: tuple[HeadId, ...]
    values: np.ndarray


def most_runs(comparison: Comparison) -> int:
    """Changed runs up to which every head is tested with one partner a text."""
    first = comparison.rounds[0]
    starts = first.patching.starts(first.metric, first.patching.method)
    read = [len(row.ids) - start for row, start in zip(first.metric.rows, starts, strict=True)]
    return int(SHORT_TIMES * EVERY_HEAD_RUNS) if np.mean(read) <= SHORT_RUN else EVERY_HEAD_RUNS


def every_head_rounds(loaded: LoadedModel, comparison: Comparison) -> int:
    """Rounds of partners with which every head can be tested: one within `most_runs`, more within EVERY_HEAD_RUNS.

    0 where not even one can.
    """
    runs = 0
    for number, one in enumerate(comparison.rounds):
        runs += len(loaded.heads) * len(one.texts) * comparison.directions
        if runs > EVERY_HEAD_RUNS and (number or runs > most_runs(comparison)):
            return number
    return len(comparison.rounds)


def chosen(
    loaded: LoadedModel,
    comparison: Comparison,
    candidates: Sequence[HeadId],
    signals: Mapping[str, np.ndarray],
) -> list[HeadId]:
    """The heads to test: candidates first, then by falling strength of their strongest signal.

    `signals` (flat head,) are shares of the gap by their names; where there are none, no head is strong.
    """
    every = list(loaded.heads)
    strength = strongest(signals, len(every))
    others = [every[i] for i in np.argsort(-strength, kind="stable") if every[i] not in set(candidates)]
    if every_head_rounds(loaded, comparison):
        return [*candidates, *others]
    strong = [head for head in others if strength[every.index(head)] >= STRONG]
    room = most_runs(comparison) // max(1, comparison.runs([every[0]])) - len(candidates)
    return [*candidates, *strong[: max(room, STRONG_HEADS)]]


def strongest(signals: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    """The largest size (flat head,) that any signal gives each head; 0 without signals, or where none is finite."""
    sizes = [np.abs(np.nan_to_num(values, posinf=0.0, neginf=0.0)) for values in signals.values()]
    largest: np.ndarray = np.max([np.zeros(count), *sizes], axis=0)
    return largest
