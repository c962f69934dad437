"""The effect of single heads under several ablations, side by side (Miller 2024, arXiv 2407.08734).

A verdict belongs to one way of intervening. Here every candidate is taken out of the anomalous texts in the other ways
too (`core.causal.ablation`: resample, mean, zero), and each effect stands with its interval beside the others.
Two ablations
disagree where one effect is clearly positive and another clearly negative: the interval excludes 0 and the size is at
least half the bound.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from core.causal.ablation import KINDS, AblationKind, Ablator
from core.causal.metric import Metric
from core.causal.statistics import bootstrap_interval
from core.heads import HeadId
from core.model.loaded_model import LoadedModel

MOST_BYTES = 2**31
"""What all heads write on all texts is held in memory; above this the other ablations are left out."""


def other_kinds(method: AblationKind) -> list[AblationKind]:
    """The ablations beside the one that the verdicts rest on."""
    return [kind for kind in KINDS if kind != method]


def fits(loaded: LoadedModel, ids: Sequence[Sequence[int]]) -> bool:
    """Whether the z of all heads on these texts may be held in memory."""
    shape = loaded.shape
    return sum(map(len, ids)) * shape.n_layers * shape.n_heads * shape.d_head * 4 <= MOST_BYTES


def effects_when_out(
    ablator: Ablator, heads: Sequence[HeadId], metric: Metric, kinds: Sequence[AblationKind]
) -> Generator[int, None, dict[str, np.ndarray]]:
    """By ablation the effects (head, example) of taking single heads out of anomalous texts, as shares of the gap.

    Yields the runs done. `ablator.plain()` must have been called.
    """
    texts = list(range(ablator.n_anomalous))
    found: dict[str, np.ndarray] = {}
    for number, kind in enumerate(kinds):
        running = ablator.measures([[head] for head in heads], texts, metric, kind)
        while True:
            try:
                yield number * len(heads) * len(texts) + next(running)
            except StopIteration as end:
                measured: np.ndarray = end.value
                break
        found[kind] = (metric.values[texts] - measured) / metric.gap
    return found


def summary(
    heads: Sequence[HeadId], effects: Mapping[str, np.ndarray], bound: float, seed: int
) -> dict[str, dict[str, Any]]:
    """By head: `ablations` with effect, low and high of each, and `signs_disagree`; plain JSON, NaN as null.

    `effects` are (head, example) by ablation.
    """
    rows: dict[str, dict[str, Any]] = {str(head): {"ablations": {}} for head in heads}
    for kind, values in effects.items():
        low, high = bootstrap_interval(values, seed)
        for head, *numbers in zip(heads, values.mean(axis=1), low, high, strict=True):
            shown = dict(zip(("effect", "low", "high"), map(plain, numbers), strict=True))
            rows[str(head)]["ablations"][kind] = shown
    for row in rows.values():
        row["signs_disagree"] = disagree(list(row["ablations"].values()), bound)
    return rows


def disagree(found: Sequence[Mapping[str, float | None]], bound: float) -> bool:
    """Whether some of these effects are clearly positive and others clearly negative."""
    columns = ("effect", "low", "high")
    numbers = [[np.nan if (value := one[name]) is None else value for name in columns] for one in found]
    effect, low, high = np.array(numbers, dtype=float).reshape(-1, 3).T
    clear = (np.abs(effect) >= bound / 2) & ((low > 0) | (high < 0))
    return len(set(np.sign(effect[clear]))) == 2


def plain(value: float) -> float | None:
    """A number for JSON."""
    return round(float(value), 6) if np.isfinite(value) else None
