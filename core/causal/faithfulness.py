"""Does the circuit do the work? Faithfulness, completeness, minimality, beside random circuits (Wang 2022; Miller
2024, arXiv 2407.08734; MIB, arXiv 2504.13151).

m(S) is the mean metric of the anomalous texts with only the heads S at work and all other heads taken out; M are all
heads. Under each of the three ablations:

- faithfulness f(C) = (m(C) - m(nothing)) / (m(M) - m(nothing)): 1 where the circuit alone does all of it.
- completeness: f(M without C): 0 where nothing of the behaviour remains without the circuit.
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

import numpy as np

from core.causal.bounds import SMALLEST_GAP
from core.causal.metric import Metric
from core.causal.patching import HeadSet, Patching
from core.causal.replacements import KINDS, AblationKind
from core.causal.statistics import member_interval
from core.generators import relayed
from core.heads import HeadId
from core.schema import Progress, json_number

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

    def as_json(self) -> dict[str, object]:
        """Plain JSON: NaN as null, heads by name."""
        low, high = map(json_number, self.faithfulness_interval)
        return {
            "kind": self.kind,
            "defined": self.defined,
            "finite": self.finite,
            **{name: json_number(value) for name, value in vars(self).items() if isinstance(value, float)},
            "faithfulness_low": low,
            "faithfulness_high": high,
            "minimality": [{"head": str(head), "loss": json_number(loss)} for head, loss in self.minimality],
            "random_faithfulness": list(map(json_number, self.random_faithfulness)),
            "random_completeness": list(map(json_number, self.random_completeness)),
            "curve": [{"heads": size, "faithfulness": json_number(share)} for size, share in self.curve],
        }


def check_circuit(
    patching: Patching,
    metric: Metric,
    circuit: Sequence[HeadId],
    ranking: Sequence[HeadId],
    heads: Sequence[HeadId],
    seed: int,
    kinds: Sequence[AblationKind] = KINDS,
    n_random: int = RANDOM_CIRCUITS,
) -> Generator[Progress, None, list[AblationResult]]:
    """All of the above for a circuit; `ranking` orders every head of the model, which `heads` are.

    Raises ValueError for an empty circuit: there is nothing to check.
    """
    if not circuit:
        raise ValueError("an empty circuit cannot be checked")
    every, own = frozenset(heads), frozenset(circuit)
    drawn = random_circuits(own, heads, n_random, seed)
    sizes = curve_sizes(len(every), len(own))
    taken_out: list[HeadSet] = [frozenset(), every, every - own, own]
    taken_out += [every - (own - {head}) for head in circuit]
    taken_out += [every - frozenset(ranking[:size]) for size in sizes]
    taken_out += [every - other for other in drawn] + drawn
    texts = list(range(patching.n_anomalous))
    runs, results = len(taken_out) * len(texts), []
    for number, kind in enumerate(kinds):
        running = relayed(patching.measure(taken_out, texts, metric, kind), (number * runs).__add__)
        values = yield from relayed(running, lambda done: Progress("circuit", done, len(kinds) * runs))
        results.append(_result(kind, values, list(circuit), sizes, len(every), metric, seed))
    return results


def random_circuits(circuit: HeadSet, every: Sequence[HeadId], count: int, seed: int) -> list[HeadSet]:
    """Other circuits with as many heads in each layer of a model of these heads (`every`), all different; fewer where
    there are not so many.
    """
    generator = np.random.default_rng(seed)
    wanted, there = Counter(head.layer for head in circuit), Counter(head.layer for head in every)
    drawn: dict[HeadSet, None] = {}
    for _ in range(20 * count):
        if len(drawn) == count:
            break
        heads = frozenset(
            HeadId(layer, int(head))
            for layer, size in sorted(wanted.items())
            for head in generator.choice(there[layer], size=size, replace=False)
        )
        if heads != circuit:
            drawn[heads] = None
    return list(drawn)


def curve_sizes(heads: int, circuit: int) -> list[int]:
    """Sizes from 1 to all heads, dense at the start, with the circuit's own."""
    if heads <= CURVE_SIZES:
        return list(range(1, heads + 1))
    spread = np.geomspace(1, heads, CURVE_SIZES).round().astype(int).tolist()
    return sorted({*spread, circuit})


def areas(sizes: Sequence[int], faithfulness: Sequence[float], heads: int) -> tuple[float, float]:
    """CPR and CMD of a curve that starts at (0, 0)."""
    x = np.array([0, *sizes]) / heads
    y = np.array([0.0, *faithfulness])
    return float(np.trapezoid(y, x)), float(np.trapezoid(np.abs(1 - y), x))


def _result(
    kind: AblationKind,
    values: np.ndarray,
    circuit: list[HeadId],
    sizes: list[int],
    heads: int,
    metric: Metric,
    seed: int,
) -> AblationResult:
    """Shares from values (set, text) in the order in which `check_circuit` lists its sets."""
    full, nothing = values[0], values[1]
    span, finite = float(full.mean() - nothing.mean()), bool(np.isfinite(values).all())
    usable = finite and abs(span) >= SMALLEST_GAP[metric.kind]
    share = (values.mean(axis=1) - nothing.mean()) / span if usable else np.full(len(values), np.nan)
    ends = np.cumsum([4, len(circuit), len(sizes)])
    _, without, curve, random = np.split(share, ends)
    random_faithfulness, random_completeness = np.split(random, 2)
    cpr, cmd = areas(sizes, curve.tolist(), heads)
    reaching = 1 + int((random_faithfulness >= share[2]).sum())
    return AblationResult(
        kind=kind,
        full=float(full.mean()),
        nothing=float(nothing.mean()),
        faithfulness=float(share[2]),
        faithfulness_interval=_interval(values[2], full, nothing, seed) if usable else (np.nan, np.nan),
        completeness=float(share[3]),
        minimality=tuple(zip(circuit, (share[2] - without).tolist(), strict=True)),
        random_faithfulness=tuple(random_faithfulness.tolist()),
        random_completeness=tuple(random_completeness.tolist()),
        rank=reaching / (1 + len(random_faithfulness)) if usable else np.nan,
        curve=tuple(zip(sizes, curve.tolist(), strict=True)),
        cpr=cpr,
        cmd=cmd,
        finite=finite,
    )


def _interval(circuit: np.ndarray, full: np.ndarray, nothing: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval over texts of the ratio of means."""
    count = len(full)
    if count < 2:
        return np.nan, np.nan
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=REDRAWS) / count
    above, below = weights @ (circuit - nothing), weights @ (full - nothing)
    if below.min() <= 0 <= below.max():
        return np.nan, np.nan  # in some draws the heads have no part in the behaviour
    low, high = member_interval(above / below, 0.95)
    return float(low), float(high)
