"""Greedy, bounded searches for small sets of heads.

1. `smallest_circuit`: as few heads as possible that alone reach a goal of the behaviour (faithfulness, see
   core.causal.faithfulness). The shortest beginning of a ranking that reaches the goal, then heads are left
   out as long as the rest reaches it: first a quarter at once, then one by one, that with the least loss first.
2. `smallest_switch`: as few heads as possible whose switching off takes away a goal of the difference between the two
   sides on the anomalous texts, and changes the normal ones little. Heads are added one by one, that with the largest
   gain first (what it takes away minus what it changes on the normal texts), then left out again where they are not
   needed.

Neither is proven to be the smallest. Both stop at a number of tried sets and say so.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.ablation import AblationKind, Ablator
from core.causal.metric import SMALLEST_GAP, Metric
from core.heads import HeadId, all_heads
from core.schema import Progress

AttentionFlow = Callable[[Sequence[Iterable[HeadId]]], Generator[Progress, None, np.ndarray]]
"""Measures sets of heads: the share (set,) of the goal's measure that each reaches."""

GOAL = 0.9
MOST_SETS = 1500
"""Sets that one search tries at most."""


@dataclass(frozen=True)
class Found:
    """A set of heads: `reached` is its share of the goal's measure, `harm` the mean size of the change on the normal
    texts, in shares of the gap (NaN for a circuit). `complete` is false where the search ended early or the goal was
    not reached.
    """

    heads: tuple[HeadId, ...]
    reached: float
    harm: float
    tried: int
    complete: bool


class _Search:
    """Counts and measures the sets of one search."""

    def __init__(self, ablator: Ablator, metric: Metric, kind: AblationKind) -> None:
        self._ablator, self._behaviour, self._kind = ablator, metric, kind
        self.tried = 0

    @property
    def over(self) -> bool:
        return self.tried >= MOST_SETS

    def measures(
        self, sets: Sequence[Iterable[HeadId]], texts: Sequence[int]
    ) -> Generator[Progress, None, np.ndarray]:
        """The measure (set, text) with each set taken out; NaN where the model breaks."""
        running = self._ablator.measures(sets, texts, self._behaviour, self._kind)
        while True:
            try:
                next(running)
            except StopIteration as end:
                measured: np.ndarray = end.value
                break
            yield Progress("smallest", min(self.tried, MOST_SETS), MOST_SETS)
        self.tried += len(sets)
        return measured


def minimal_circuit(
    ablator: Ablator,
    metric: Metric,
    ranking: Sequence[HeadId],
    shape: tuple[int, int],
    kind: AblationKind = "resample",
    goal: float = GOAL,
) -> Generator[Progress, None, Found | None]:
    """The smallest circuit found; None where the heads have no part in the behaviour."""
    search, texts = _Search(ablator, metric, kind), list(range(ablator.n_anomalous))
    every = frozenset(all_heads(*shape))
    full, nothing = (yield from search.measures([frozenset(), every], texts)).mean(axis=1)
    span = full - nothing
    if not np.isfinite(span) or abs(span) < SMALLEST_GAP[metric.kind]:
        return None

    def flow(sets: Sequence[Iterable[HeadId]]) -> Generator[Progress, None, np.ndarray]:
        measured = yield from search.measures([every - frozenset(heads) for heads in sets], texts)
        return _never((measured.mean(axis=1) - nothing) / span)

    heads, reached = yield from _beginning(ranking, goal, flow)
    heads, reached = yield from _thinned(heads, reached, goal, flow, search)
    return Found(tuple(heads), reached, float("nan"), search.tried, reached >= goal and not search.over)


def minimal_ablation_set(
    ablator: Ablator,
    metric: Metric,
    candidates: Sequence[HeadId],
    kind: AblationKind = "mean",
    goal: float = GOAL,
) -> Generator[Progress, None, Found | None]:
    """The smallest set found whose switching off takes the goal away; None without candidates."""
    if not candidates:
        return None
    search, n_anomalous = _Search(ablator, metric, kind), ablator.n_anomalous
    sides = list(range(n_anomalous)), list(range(n_anomalous, len(metric.values)))

    def flow(sets: Sequence[Iterable[HeadId]]) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray]]:
        anomalous = yield from search.measures(sets, sides[0])
        normal = yield from search.measures(sets, sides[1])
        gone = _never((metric.anomalous - anomalous.mean(axis=1)) / metric.gap)
        changed = np.abs(normal - metric.values[n_anomalous:]).mean(axis=1) / abs(metric.gap)
        return gone, np.nan_to_num(changed, nan=np.inf)

    chosen: list[HeadId] = []
    gone = harm = 0.0
    while gone < goal and not search.over and len(chosen) < len(candidates):
        left = [head for head in candidates if head not in chosen]
        found, changed = yield from flow([[*chosen, head] for head in left])
        gain = np.minimum(found, 1.0) - changed
        best = int(np.argmax(gain))
        if gain[best] <= min(gone, 1.0) - harm + 1e-6:
            break
        chosen.append(left[best])
        gone, harm = float(found[best]), float(changed[best])
    while gone >= goal and len(chosen) > 1 and not search.over:
        rests = [[other for other in chosen if other != head] for head in chosen]
        found, changed = yield from flow(rests)
        enough = np.where(found >= goal, np.minimum(found, 1.0) - changed, -np.inf)
        best = int(np.argmax(enough))
        if not np.isfinite(enough[best]):
            break
        chosen, gone, harm = rests[best], float(found[best]), float(changed[best])
    return Found(tuple(chosen), gone, harm, search.tried, gone >= goal and not search.over)


def _never(shares: np.ndarray) -> np.ndarray:
    """A share that is no number reaches no goal."""
    return np.where(np.isfinite(shares), shares, -np.inf)


def _beginning(
    ranking: Sequence[HeadId], goal: float, flow: AttentionFlow
) -> Generator[Progress, None, tuple[list[HeadId], float]]:
    """The shortest beginning of the ranking that reaches the goal, by sizes that grow by a quarter."""
    low, size = 0, 1
    while True:
        share = (yield from flow([ranking[:size]]))[0]
        if share >= goal or size >= len(ranking):
            break
        low, size = size, min(len(ranking), max(size + 1, size * 5 // 4))
    between = list(range(low + 1, size))
    if between:
        shares = yield from flow([ranking[:count] for count in between])
        for count, found in zip(between, shares, strict=True):
            if found >= goal:
                return list(ranking[:count]), float(found)
    return list(ranking[:size]), float(share)


def _thinned(
    heads: list[HeadId], reached: float, goal: float, flow: AttentionFlow, search: _Search
) -> Generator[Progress, None, tuple[list[HeadId], float]]:
    """The heads without those that the goal does not need."""
    while reached >= goal and len(heads) > 1 and not search.over:
        rests = [[other for other in heads if other != head] for head in heads]
        shares = yield from flow(rests)
        order = np.argsort(-shares)
        many = {heads[i] for i in order[: len(heads) // 4]}
        if len(many) > 1:
            rest = [head for head in heads if head not in many]
            share = float((yield from flow([rest]))[0])
            if share >= goal:
                heads, reached = rest, share
                continue
        best = int(order[0])
        if shares[best] < goal:
            break
        heads, reached = rests[best], float(shares[best])
    return heads, reached
