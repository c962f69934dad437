"""From effects on single examples to verdicts on heads and edges.

1. The effect is the mean over examples in the direction (noising, denoising) where it is larger in size, with its sign:
   positive works towards the anomalous behaviour, negative against it.
2. Interval: 95 % bootstrap over examples. p: sign flips over examples, with the choice of the direction in the null.
3. q: Benjamini-Hochberg over the heads, and over the edges, that can matter: whose effects, all taken with one sign,
   have a mean of at least half the bound. Which these are does not depend on the signs, so that the p-values stay
   valid; q of the others is empty.
4. The verdict. The bound is 5 % of the gap for a head and 2 % for an edge.
   - confirmed: the effect is at least the bound in size, its interval excludes 0, and q <= 0.05.
   - partly: not confirmed, its interval excludes 0, and either it is at least the bound in size, whatever q is, or at
     least half the bound with q <= 0.1.
   - Where partners were made (`made`), confirmed asks besides that the effect has its sign on at least ALIKE of the
     texts: each partner was chosen by the metric, and what a few exchanged words do is no work on the behaviour.
   - not confirmed: anything else. With few examples that is no proof of the contrary.

With n pairs (n <= 12) no p can be below 2 / 2^n: 0.25 for 3 pairs, 0.0625 for 5, 0.0078 for 8. So at least 6 pairs
are needed for any confirmation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.causal.bounds import ALIKE, CERTAIN, LIKELY
from core.causal.patching import Target
from core.causal.statistics import bootstrap_interval, q_values, sign_flip_p
from core.heads import EdgeId

CONFIRMED, PARTLY, NOT_CONFIRMED = "confirmed", "partly", "not confirmed"


@dataclass(frozen=True)
class Findings:
    """What was found of some targets; arrays (target,), effects as shares of the gap.

    `direction` says which of the directions counts; `per_example` (direction, target, example) holds all of them.
    `parts` (target, part) are the effects through query, key and value alone, NaN where not measured, and
    `carried_by` names those that count; both for edges alone.
    """

    targets: Sequence[Target]
    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    verdict: list[str | None]
    direction: np.ndarray
    per_example: np.ndarray
    parts: np.ndarray | None = None
    carried_by: Sequence[str | None] = ()

    def records(self) -> dict[tuple[int, ...], Mapping[str, float | str | None]]:
        """The columns of the result's tables by (layer, head), or by those of source and target."""
        columns: dict[str, Sequence[Any] | np.ndarray] = {
            "p_value": self.p,
            "q_value": self.q,
            "effect": self.effect,
            "effect_low": self.low,
            "effect_high": self.high,
            "verdict": self.verdict,
        }
        if self.parts is not None:
            columns |= dict(zip(("effect_q", "effect_k", "effect_v"), self.parts.T, strict=True))
            columns["carried_by"] = self.carried_by
        rows = zip(*columns.values(), strict=True)
        return {
            _key(target): dict(zip(columns, row, strict=True))
            for target, row in zip(self.targets, rows, strict=True)
        }

    @property
    def works_against(self) -> np.ndarray:
        """Which targets work against the behaviour: a negative effect whose interval lies below 0."""
        return (self.effect < 0) & (self.high < 0)


def judge(
    targets: Sequence[Target], effects: np.ndarray, bound: float, seed: int, made: bool = False
) -> Findings:
    """Effect, interval, p, q and verdict from effects (direction, target, example).

    `made` says that partners were made. A target with an effect that is no finite number is left out of the test: its p
    and verdict are empty.
    """
    if not len(targets):
        none = np.empty(0)
        return Findings(targets, none, none, none, none, none, [], none.astype(int), effects)
    means = effects.mean(axis=-1)
    direction = np.nan_to_num(np.abs(means)).argmax(axis=0)
    every = np.arange(len(targets))
    effect = means[direction, every]
    low, high = bootstrap_interval(effects[direction, every], seed)
    finite = np.isfinite(effects).all(axis=(0, 2))
    matters = np.abs(effects).mean(axis=-1).max(axis=0) >= bound / 2
    p = np.where(finite, sign_flip_p(np.nan_to_num(effects), seed), np.nan)
    q = q_values(np.where(matters, p, np.nan))
    alike = (np.sign(effects[direction, every]) == np.sign(effect)[:, None]).mean(axis=-1)
    sure = alike >= ALIKE if made else np.ones(len(targets), dtype=bool)
    verdicts = [
        verdict(effect[i], low[i], high[i], q[i], bound, bool(sure[i])) if finite[i] else None for i in every
    ]
    return Findings(targets, effect, low, high, p, q, verdicts, direction, effects)


def verdict(effect: float, low: float, high: float, q: float, bound: float, sure: bool = True) -> str:
    """The verdict by the rule above; a q that is NaN confirms nothing, nor does what is not `sure`."""
    size, clear = abs(effect), low > 0 or high < 0
    if sure and clear and size >= bound and q <= CERTAIN:
        return CONFIRMED
    if clear and (size >= bound or (size >= bound / 2 and q <= LIKELY)):
        return PARTLY
    return NOT_CONFIRMED


def _key(target: Target) -> tuple[int, ...]:
    return (*target.source, *target.target) if isinstance(target, EdgeId) else tuple(target)
