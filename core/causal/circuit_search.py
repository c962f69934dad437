"""Greedy, bounded searches for small sets of heads.

1. `minimal_circuit`: as few heads as possible that alone reach a goal of the behaviour (faithfulness, see
   `core.causal.faithfulness`). The shortest beginning of a ranking that reaches the goal, then heads are left
   out as long as the rest reaches it: first a quarter at once, then one by one, that with the least loss first.
2. `minimal_ablation_set`: as few heads as possible whose ablation takes away a goal of the difference between the two
   sides on the anomalous texts, and changes the normal ones little. Heads are added one by one, that with the largest
   gain first (what it takes away minus what it changes on the normal texts), then left out again where they are not
   needed.

Neither is proven to be the smallest. Both stop at a number of tried sets and say so.
"""

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.bounds import SMALLEST_GAP
from core.causal.metric import Metric
from core.causal.patching import Patching
from core.causal.replacements import AblationKind
from core.generators import relayed
from core.heads import HeadId
from core.schema import Progress

Shares = Callable[[Sequence[Collection[HeadId]]], Generator[Progress, None, np.ndarray]]
"""Gives for sets of heads the share (set,) of the goal's metric that each reaches."""

GOAL = 0.9
MOST_SETS = 1500
"""Sets that one search tries at most."""


@dataclass(frozen=True)
class SearchResult:
    """A set of heads: `reached` is its share of the goal's metric, `harm` the mean size of the change on the normal
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

    def __init__(self, patching: Patching, metric: Metric, kind: AblationKind) -> None:
        self._patching, self._metric, self._kind = patching, metric, kind
        self.tried = 0

    @property
    def over(self) -> bool:
        return self.tried >= MOST_SETS

    def without(
        self, sets: Sequence[Collection[HeadId]], texts: Sequence[int]
    ) -> Generator[Progress, None, np.ndarray]:
        """The metric (set, text) with each set taken out; NaN where the model breaks."""
        here = Progress("smallest", min(self.tried, MOST_SETS), MOST_SETS)
        running = self._patching.measure(sets, texts, self._metric, self._kind)
        values = yield from relayed(running, lambda _: here)
        self.tried += len(sets)
        return values


def minimal_circuit(
    patching: Patching, metric: Metric, ranking: Sequence[HeadId], heads_of_model: Sequence[HeadId]
) -> Generator[Progress, None, SearchResult | None]:
    """The smallest circuit found, under resampling; None where the heads have no part in the behaviour."""
    search, texts = _Search(patching, metric, "resample"), list(range(patching.n_anomalous))
    every = frozenset(heads_of_model)
    full, nothing = (yield from search.without([frozenset(), every], texts)).mean(axis=1)
    span = full - nothing
    if not np.isfinite(span) or abs(span) < SMALLEST_GAP[metric.kind]:
        return None

    def shares_of(sets: Sequence[Collection[HeadId]]) -> Generator[Progress, None, np.ndarray]:
        values = yield from search.without([every - frozenset(heads) for heads in sets], texts)
        return _never((values.mean(axis=1) - nothing) / span)

    heads, reached = yield from _beginning(ranking, shares_of)
    heads, reached = yield from _thinned(heads, reached, shares_of, search)
    complete = reached >= GOAL and not search.over
    return SearchResult(tuple(heads), reached, float("nan"), search.tried, complete)


def minimal_ablation_set(
    patching: Patching, metric: Metric, candidates: Sequence[HeadId], kind: AblationKind = "mean"
) -> Generator[Progress, None, SearchResult | None]:
    """The smallest set found whose ablation takes the goal away; None without candidates."""
    if not candidates:
        return None
    search, n_anomalous = _Search(patching, metric, kind), patching.n_anomalous
    sides = list(range(n_anomalous)), list(range(n_anomalous, len(metric.values)))

    def effects_of(
        sets: Sequence[Collection[HeadId]],
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray]]:
        anomalous = yield from search.without(sets, sides[0])
        normal = yield from search.without(sets, sides[1])
        gone = _never((metric.anomalous - anomalous.mean(axis=1)) / metric.gap)
        changed = np.abs(normal - metric.values[n_anomalous:]).mean(axis=1) / abs(metric.gap)
        return gone, np.nan_to_num(changed, nan=np.inf)

    heads: list[HeadId] = []
    reached = harm = 0.0
    while reached < GOAL and not search.over and len(heads) < len(candidates):
        others = [head for head in candidates if head not in heads]
        gone, changed = yield from effects_of([[*heads, head] for head in others])
        gain = np.minimum(gone, 1.0) - changed
        best = int(np.argmax(gain))
        if gain[best] <= min(reached, 1.0) - harm + 1e-6:
            break
        heads.append(others[best])
        reached, harm = float(gone[best]), float(changed[best])
    while reached >= GOAL and len(heads) > 1 and not search.over:
        rests = [[other for other in heads if other != head] for head in heads]
        gone, changed = yield from effects_of(rests)
        enough = np.where(gone >= GOAL, np.minimum(gone, 1.0) - changed, -np.inf)
        best = int(np.argmax(enough))
        if not np.isfinite(enough[best]):
            break
        heads, reached, harm = rests[best], float(gone[best]), float(changed[best])
    return SearchResult(tuple(heads), reached, harm, search.tried, reached >= GOAL and not search.over)


def _never(shares: np.ndarray) -> np.ndarray:
    """A share that is no number reaches no goal."""
    return np.where(np.isfinite(shares), shares, -np.inf)


def _beginning(
    ranking: Sequence[HeadId], shares_of: Shares
) -> Generator[Progress, None, tuple[list[HeadId], float]]:
    """The shortest beginning of the ranking that reaches the goal, by sizes that grow by a quarter."""
    low, size = 0, 1
    while True:
        share = (yield from shares_of([ranking[:size]]))[0]
        if share >= GOAL or size >= len(ranking):
            break
        low, size = size, min(len(ranking), max(size + 1, size * 5 // 4))
    between = list(range(low + 1, size))
    if between:
        shares = yield from shares_of([ranking[:count] for count in between])
        for count, reached in zip(between, shares, strict=True):
            if reached >= GOAL:
                return list(ranking[:count]), float(reached)
    return list(ranking[:size]), float(share)


def _thinned(
    heads: list[HeadId], reached: float, shares_of: Shares, search: _Search
) -> Generator[Progress, None, tuple[list[HeadId], float]]:
    """The heads without those that the goal does not need."""
    while reached >= GOAL and len(heads) > 1 and not search.over:
        rests = [[other for other in heads if other != head] for head in heads]
        shares = yield from shares_of(rests)
        order = np.argsort(-shares)
        many = {heads[i] for i in order[: len(heads) // 4]}
        if len(many) > 1:
            rest = [head for head in heads if head not in many]
            share = float((yield from shares_of([rest]))[0])
            if share >= GOAL:
                heads, reached = rest, share
                continue
        best = int(order[0])
        if shares[best] < GOAL:
            break
        heads, reached = rests[best], float(shares[best])
    return heads, reached
