"""What speaks for a head, and the rule that makes one score of it.

Three signals, each with its own blind spot: codes weighted by attention flow (what a head writes sets the sides apart,
and is read on the way to the answer), the gradient of the behaviour (a first-order guess of every head's effect) and
the exact effect (what happens when the head is changed). Gradients miss what saturates, single changes miss heads that
stand in for each other, codes miss heads that say on both sides how the behaviour comes about.

1. Each signal is brought to one size: divided by its root mean square over the heads of the model.
2. The score is the weighted mean of those that are there (`WEIGHTS`), times the root mean square of the effects: so it
   reads as an estimated effect, a share of the gap. It is a sum, not a product: no signal can veto another.
3. Of a head whose exact effect is not measured, its gradient stands for it.

Effects and gradients are sizes of the mean over texts, of effects in the direction where that is larger. The weights
were chosen on the tuning models of the benchmark.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.causal.bounds import HEAD_BOUND

Rule = Literal["combined", "screened"]

WEIGHTS = {"codes": 0.5, "gradient": 1.0, "exact": 1.0}
"""By how much the signals count."""


@dataclass(frozen=True)
class Signals:
    """Signals on the anomalous texts, beside the codes, as shares of the gap; positive works towards the behaviour.

    `gradient` is (text, head), `exact` (direction, head, text), NaN for heads that were not changed; None where there
    is no such signal. `rule` says how they are combined with the codes.
    """

    gradient: np.ndarray | None = None
    exact: np.ndarray | None = None
    rule: Rule = "combined"

    def combined(self, codes: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """Scores (..., head) from those of the codes (..., head).

        `times` (draw, text) says how often each anomalous text counts in each row of `codes` (draw, head), by default
        all once.
        """
        gradient, exact = self._gradient(times), self._exact(times)
        if self.rule == "screened":
            screened: np.ndarray = codes if gradient is None else np.sqrt(codes * gradient)
            return screened
        if exact is not None and gradient is not None:
            exact = _completed(exact, gradient)
        elif exact is not None:
            exact = np.nan_to_num(exact)
        return weighted_mean({"codes": codes, "gradient": gradient, "exact": exact})

    def strong(self, times: np.ndarray | None = None) -> np.ndarray:
        """Which heads ((draw,) head) are candidates whatever their score: those whose exact effect reaches the bound.

        None of `screened`, whose candidates are those of its score.
        """
        exact = self._exact(times)
        if exact is not None and self.rule == "combined":
            reached: np.ndarray = np.nan_to_num(exact) >= HEAD_BOUND
            return reached
        # one column where nothing says how many heads there are
        count = 1 if self.gradient is None else self.gradient.shape[1]
        return np.zeros(count if times is None else (len(times), count), dtype=bool)

    def of(self, texts: np.ndarray) -> "Signals":
        """The same of some of the anomalous texts."""
        gradient = None if self.gradient is None else self.gradient[texts]
        return Signals(gradient, None if self.exact is None else self.exact[..., texts], self.rule)

    @property
    def mean_gradient(self) -> np.ndarray | None:
        """Means over texts (head,), with their sign."""
        return None if self.gradient is None else self.gradient.mean(axis=0)

    @property
    def mean_exact(self) -> np.ndarray | None:
        """Means over texts (head,), with their sign, in the direction where they are larger."""
        if self.exact is None:
            return None
        means = self.exact.mean(axis=-1)
        larger = np.abs(np.nan_to_num(means)).argmax(axis=0)
        return np.take_along_axis(means, larger[None], axis=0)[0]

    def _gradient(self, times: np.ndarray | None) -> np.ndarray | None:
        """Sizes of means ((draw,) head)."""
        if self.gradient is None:
            return None
        return np.abs(self.gradient.mean(axis=0) if times is None else _shares(times) @ self.gradient)

    def _exact(self, times: np.ndarray | None) -> np.ndarray | None:
        """Sizes of means ((draw,) head), in the direction where they are larger."""
        if self.exact is None:
            return None
        if times is None:
            sizes: np.ndarray = np.abs(self.exact.mean(axis=-1)).max(axis=0)
            return sizes
        return np.abs(np.einsum("dht,nt->dnh", self.exact, _shares(times))).max(axis=0)


def weighted_mean(sizes: dict[str, np.ndarray | None]) -> np.ndarray:
    """The weighted mean (..., head) of signals (..., head) brought to one size, in the size of the last that is there.

    Signals that are None are left out; of one that is 0 everywhere nothing is added. Codes alone stay as they are.
    """
    there = {name: values for name, values in sizes.items() if values is not None}
    total, weight = 0.0, 0.0
    for name, values in there.items():
        total = total + WEIGHTS[name] * values / _root_mean_square(values)
        weight += WEIGHTS[name]
    result: np.ndarray = total / weight * _root_mean_square(list(there.values())[-1])
    return result


def _completed(exact: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Exact sizes (..., head); of heads without one their gradient, in the size in which the others' are exact."""
    known = np.isfinite(exact)
    if known.all():
        return exact
    sums = [np.where(known, sizes, 0.0).sum(axis=-1, keepdims=True) for sizes in (exact, gradient)]
    ratio = sums[0] / np.where(sums[1] > 0, sums[1], 1.0)
    # never lifted above the gradient's own size: heads that were left out are those that it holds weak
    return np.where(known, exact, gradient * np.minimum(ratio, 1.0))


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    """(..., 1) over heads, 1 where all are 0."""
    size = np.sqrt((values.astype(float) ** 2).mean(axis=-1, keepdims=True))
    return np.where(size > 0, size, 1.0)


def _shares(times: np.ndarray) -> np.ndarray:
    shares: np.ndarray = times / times.sum(axis=1, keepdims=True)
    return shares
