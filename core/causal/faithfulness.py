"""Does the circuit do the work? Faithfulness, completeness, minimality, beside random circuits (Wang 2022; Miller
2024, arXiv 2407.08734; MIB, arXiv 2504.13151).

m(S) is the mean measure of the anomalous texts with only the heads S at work and all other heads taken out; M are all
heads. Under each of the three ablations:

- faithfulness f(C) = (m(C) - m(nothing)) / (m(M) - m(nothing)): 1 where the circuit alone does all of it.
- completeness: f(M without C), what is left when the circuit alone is taken out: 0 where nothing is.
- minimality: for each head of C, f(C) - f(C without it): what the circuit loses.
- random circuits: as many heads in each layer as C has, drawn from all heads. The rank is the share of them, C counted
  in, that reach C.
- curve: f of the first k heads of a ranking, over growing k. CPR is the area under it, CMD the area of |1 - f|, both
  over the share of the model's heads (trapezoids).

Where m(M) and m(nothing) do not differ, heads have no part in the behaviour and no share is given.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.causal.ablation import KINDS, AblationKind, Ablator, HeadSet
from core.causal.metric import SMALLEST_GAP, Metric
from core.causal.statistics import member_interval
from core.heads import HeadId, all_heads
from core.schema import Progress

RANDOM_CIRCUITS = 100
CURVE_SIZES = 24
"""Sizes of the curve at most."""

REDRAWS = 2000
BAND = 0.9
"""Share of the random circuits that the band holds."""


@dataclass(frozen=True)
class AblationResult:
    """What one ablation says of a circuit. Shares; `curve` is (size, faithfulness); NaN where it means nothing."""

    kind: AblationKind
    full: float
    nothing: float
    faithfulness: float
    faithfulness_interval: tuple[float, float]
    completeness: float
    minimality: tuple[tuple[HeadId, float], ...]
    random_faithfulness: tuple[float, ...]
    random_completeness: tuple[float, ...]
    rank: float
    curve: tuple[tuple[int, float], ...]
    cpr: float
    cmd: float

    finite: bool = True

    @property
    def defined(self) -> bool:
        """Whether the heads have a part in the behaviour, so that shares of it mean something."""
        return bool(np.isfinite(self.faithfulness))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: NaN as null, heads by name."""
        return {
            "kind": self.kind,
            "defined": self.defined,
            "finite": self.finite,
            "full": _plain(self.full),
            "nothing": _plain(self.nothing),
            "faithfulness": _plain(self.faithfulness),
            "faithfulness_low": _plain(self.faithfulness_interval[0]),
            "faithfulness_high": _plain(self.faithfulness_interval[1]),
            "completeness": _plain(self.completeness),
            "minimality": [{"head": str(head), "loss": _plain(loss)} for head, loss in self.minimality],
            "random_faithfulness": [_plain(value) for value in self.random_faithfulness],
            "random_completeness": [_plain(value) for value in self.random_completeness],
            "rank": _plain(self.rank),
            "curve": [{"heads": size, "faithfulness": _plain(value)} for size, value in self.curve],
            "cpr": _plain(self.cpr),
            "cmd": _plain(self.cmd),
        }


def check_circuit(
    ablator: Ablator,
    metric: Metric,
    circuit: Sequence[HeadId],
    ranking: Sequence[HeadId],
    shape: tuple[int, int],
    seed: int,
    kinds: Sequence[AblationKind] = KINDS,
    n_random: int = RANDOM_CIRCUITS,
) -> Generator[Progress, None, list[AblationResult]]:
    """All of the above for a circuit; `ranking` orders every head of the model, `shape` is (layers, heads a layer).

    `ablator.plain()` must have been called. Raises ValueError for an empty circuit: there is nothing to check.
    """
    if not circuit:
        raise ValueError("an empty circuit cannot be checked")
    every = frozenset(all_heads(*shape))
    chosen = frozenset(circuit)
    drawn = random_circuits(chosen, shape, n_random, seed)
    sizes = curve_sizes(len(every), len(chosen))
    sets: list[HeadSet] = [frozenset(), every, every - chosen, chosen]
    sets += [every - (chosen - {head}) for head in circuit]
    sets += [every - frozenset(ranking[:size]) for size in sizes]
    sets += [every - other for other in drawn] + list(drawn)
    texts = list(range(ablator.n_anomalous))
    total, done, results = len(kinds) * len(sets) * len(texts), 0, []
    for kind in kinds:
        running = ablator.measures(sets, texts, metric, kind)
        while True:
            try:
                step = next(running)
            except StopIteration as end:
                measured: np.ndarray = end.value
                break
            yield Progress("circuit", done + step, total)
        done += len(sets) * len(texts)
        results.append(_result(kind, measured, list(circuit), sizes, len(every), metric, seed))
    return results


def random_circuits(circuit: HeadSet, shape: tuple[int, int], count: int, seed: int) -> list[HeadSet]:
    """Other circuits with as many heads in each layer, all different; fewer where there are not so many."""
    generator = np.random.default_rng(seed)
    wanted = Counter(head.layer for head in circuit)
    found: dict[HeadSet, None] = {}
    for _ in range(20 * count):
        if len(found) == count:
            break
        heads = frozenset(
            HeadId(layer, int(head))
            for layer, size in sorted(wanted.items())
            for head in generator.choice(shape[1], size=size, replace=False)
        )
        if heads != circuit:
            found[heads] = None
    return list(found)


def curve_sizes(heads: int, circuit: int) -> list[int]:
    """Sizes from 1 to all heads, dense at the start, with the circuit's own."""
    spread = (
        np.unique(np.geomspace(1, heads, CURVE_SIZES).round().astype(int)) if heads > CURVE_SIZES else None
    )
    sizes = list(range(1, heads + 1)) if spread is None else [int(size) for size in spread]
    return sorted({*sizes, circuit})


def areas(sizes: Sequence[int], faithfulness: Sequence[float], heads: int) -> tuple[float, float]:
    """CPR and CMD of a curve that starts at (0, 0)."""
    x = np.array([0, *sizes]) / heads
    y = np.array([0.0, *faithfulness])
    return float(np.trapezoid(y, x)), float(np.trapezoid(np.abs(1 - y), x))


def _result(
    kind: AblationKind,
    measured: np.ndarray,
    circuit: list[HeadId],
    sizes: list[int],
    heads: int,
    metric: Metric,
    seed: int,
) -> AblationResult:
    """Shares from the measures (set, text) in the order in which `check_circuit` lists its sets."""
    full, nothing = measured[0], measured[1]
    span = float(full.mean() - nothing.mean())
    usable = np.isfinite(measured).all() and abs(span) >= SMALLEST_GAP[metric.kind]
    share = (measured.mean(axis=1) - nothing.mean()) / span if usable else np.full(len(measured), np.nan)
    ends = np.cumsum([4, len(circuit), len(sizes)])
    without, curve, rest = share[ends[0] : ends[1]], share[ends[1] : ends[2]], share[ends[2] :]
    random_f, random_left = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    cpr, cmd = areas(sizes, curve.tolist(), heads)
    interval = _interval(measured[2], full, nothing, seed) if usable else (np.nan, np.nan)
    rank = (1 + int((random_f >= share[2]).sum())) / (1 + len(random_f)) if usable else np.nan
    return AblationResult(
        kind=kind,
        full=float(full.mean()),
        nothing=float(nothing.mean()),
        faithfulness=float(share[2]),
        faithfulness_interval=interval,
        completeness=float(share[3]),
        minimality=tuple((head, float(share[2] - left)) for head, left in zip(circuit, without, strict=True)),
        random_faithfulness=tuple(random_f.tolist()),
        random_completeness=tuple(random_left.tolist()),
        rank=float(rank),
        curve=tuple(zip(sizes, curve.tolist(), strict=True)),
        cpr=cpr,
        cmd=cmd,
        finite=bool(np.isfinite(measured).all()),
    )


def _interval(circuit: np.ndarray, full: np.ndarray, nothing: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval over texts of the ratio of means."""
    count = len(full)
    if count < 2:
        return np.nan, np.nan
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=REDRAWS) / count
    above, below = weights @ (circuit - nothing), weights @ (full - nothing)
    if below.min() <= 0 <= below.max():
        return np.nan, np.nan  # some draws leave nothing to take shares of
    low, high = member_interval(above / below, 0.95)
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
