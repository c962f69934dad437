"""What the confirmed heads do together: single effects do not tell, since heads may stand in for each other.

On the anomalous texts, by the way of changing heads that the verdicts rest on, as shares of the gap:

- `removed`: what goes with all confirmed heads changed together; `gone` counts the texts that lose at least half.
- `every`: what goes with all heads of the model changed: the part of the behaviour that heads carry at all. What is
  left of it is carried by what is not looked at, the words themselves and the MLP blocks that read them.
- `alone`: the share of `every` that remains where all heads but the confirmed ones are changed.
- `random`: the same of other sets with as many heads in each layer, `random_circuits` of them at most.

Of the pairs of a text, the first counts. On more than MOST_TEXTS texts the first ones are read.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.bounds import SMALLEST_GAP
from core.causal.comparison import Comparison
from core.causal.faithfulness import random_circuits
from core.heads import HeadId
from core.schema import JointRecord, json_number

RANDOM_SETS = 20
MOST_TEXTS = 16
MOST_GONE = 0.5
"""Share of its gap that a text loses where its fault counts as gone."""


@dataclass(frozen=True)
class Joint:
    """Shares as above; `alone` and `random` are NaN or empty where the heads carry nothing, or no other set exists."""

    heads: tuple[HeadId, ...]
    texts: int
    removed: float
    gone: int
    every: float
    alone: float
    random: tuple[float, ...] = ()

    @property
    def reached(self) -> float:
        """The share of the random sets that do at least as well alone; NaN where none could be asked."""
        if not self.random or not np.isfinite(self.alone):
            return float("nan")
        return float(np.mean(np.array(self.random) >= self.alone))

    def record(self) -> JointRecord:
        """For the manifest."""
        return JointRecord(
            heads=tuple(map(str, self.heads)),
            texts=self.texts,
            removed=json_number(self.removed),
            gone=self.gone,
            every=json_number(self.every),
            alone=json_number(self.alone),
            random=tuple(map(json_number, self.random)),
            reached=json_number(self.reached),
        )


def runs(comparison: Comparison) -> int:
    """Changed runs of `joint` at most."""
    return (3 + RANDOM_SETS) * min(MOST_TEXTS, comparison.count)


def joint(
    comparison: Comparison, heads: Sequence[HeadId], heads_of_model: Sequence[HeadId], seed: int
) -> Generator[int, None, Joint]:
    """What these heads do together, among all `heads_of_model`. Yields the runs done."""
    every, own = frozenset(heads_of_model), frozenset(heads)
    others = random_circuits(own, heads_of_model, RANDOM_SETS, seed)
    texts = range(min(MOST_TEXTS, comparison.count))
    sets = [own, every, every - own, *(every - other for other in others)]
    metric, method = comparison.metric, comparison.patching.method
    values = yield from comparison.patching.measure(sets, texts, metric, method)
    plain = metric.values[: len(texts)]
    gap = metric.gap
    removed = (plain - values) / gap
    share = removed.mean(axis=1)
    carried = float(share[1])
    usable = np.isfinite(removed).all() and abs(carried * gap) >= SMALLEST_GAP[metric.kind]
    alone = (carried - share[2:]) / carried if usable else np.full(len(sets) - 2, np.nan)
    return Joint(
        heads=tuple(heads),
        texts=len(texts),
        removed=float(share[0]),
        gone=int((removed[0] >= MOST_GONE).sum()),
        every=carried,
        alone=float(alone[0]),
        random=tuple(alone[1:].tolist()) if usable else (),
    )
