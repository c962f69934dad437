"""Causal evidence: what happens to the behaviour when a candidate head or edge is changed.

1. `core.measure` turns the behaviour into one number a text, and says whether the two sides differ at all.
2. `core.effects` takes each candidate out (noise) and, between the texts of a pair, puts it in (denoise); its
   effect on an example is the change of the measure as a share of the gap between the sides.
3. The effect is the mean over examples in the direction where it is larger in size, with its sign: positive works
   towards the anomalous behaviour, negative against it. Interval: 95 % bootstrap over examples. p: sign flips over
   examples, with the choice of the direction in the null. q: Benjamini-Hochberg over the heads, and over the
   edges, that can matter: whose effects, all taken with one sign, have a mean of at least half the bound. Which these
   are does not depend on the signs, so that the p-values stay valid; q of the others is empty.

Verdict. The bound is 5 % of the gap for a head and 2 % for an edge.

- confirmed: the effect is at least the bound in size, its interval excludes 0, and q <= 0.05.
- partly: not confirmed, its interval excludes 0, and either it is at least the bound in size, whatever q is, or at
  least half the bound with q <= 0.1.
- not confirmed: anything else. With few examples that is no proof of the contrary.

With n pairs (n <= 12) no p can be below 2 / 2^n: 0.25 for 3 pairs, 0.0625 for 5, 0.0078 for 8. So at least 6 pairs
are needed for any confirmation. Where the sides do not differ no effect is measured and no verdict is given.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.effects import Method, Patching, Target
from core.examples import ExampleSet
from core.heads import EdgeId, HeadId
from core.loaded_model import LoadedModel
from core.measure import Behaviour, behaviour
from core.results import Progress
from core.statistics import bootstrap_interval, q_values, sign_flip_p, smallest_sign_flip_p
from core.tokens import Alignment

State = Literal["computed", "not_computed", "no_difference"]
HEAD_BOUND = 0.05
EDGE_BOUND = 0.02
"""Effects, as shares of the gap, from which a head or an edge counts."""

CERTAIN, LIKELY = 0.05, 0.1
"""q-values."""

MOST_EDGES = 40
"""Edges tested at most, the strongest."""

CONFIRMED, PARTLY, NOT_CONFIRMED = "confirmed", "partly", "not confirmed"


@dataclass(frozen=True)
class Findings:
    """What was found of some targets; arrays (target,), effects as shares of the gap."""

    targets: Sequence[Target]
    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    verdict: list[str | None]

    def records(self) -> dict[tuple[int, ...], dict[str, Any]]:
        """The columns of the result's tables by (layer, head), or by those of source and target."""
        numbers = zip(self.p, self.q, self.effect, self.low, self.high, self.verdict, strict=True)
        columns = ("p_value", "q_value", "effect", "effect_low", "effect_high", "verdict")
        rows = [dict(zip(columns, row, strict=True)) for row in numbers]
        return {_key(target): row for target, row in zip(self.targets, rows, strict=True)}


@dataclass(frozen=True)
class Evidence:
    """The state of the evidence, what was found, what it cost, and what a reader must know."""

    state: State = "not_computed"
    heads: Findings | None = None
    edges: Findings | None = None
    forward_passes: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)


def gather(
    loaded: LoadedModel,
    examples: ExampleSet,
    ids: Sequence[Sequence[int]],
    alignment: Alignment,
    heads: Sequence[HeadId],
    edges: Sequence[EdgeId],
    seed: int,
) -> Generator[Progress, None, Evidence]:
    """Test candidate heads and edges, best first; Progress records of the stage `evidence` on the way.

    `ids` are the tokens of the whole example set. Without a candidate head nothing is run.
    """
    if not heads:
        return Evidence()
    texts = [ids[i] for i in alignment.kept]
    patching = Patching(loaded, texts, alignment.n_anomalous, method_for(texts, alignment))
    tested = list(edges[:MOST_EDGES])
    kept = dict.fromkeys([*heads, *(edge.source for edge in tested)])
    log_probabilities = patching.plain(list(kept))
    found = behaviour(
        loaded,
        [examples.examples[i] for i in alignment.kept],
        log_probabilities,
        alignment.n_anomalous,
        alignment.paired,
        seed,
    )
    about = _about(found, patching.method, len(heads), len(tested))
    if not found.differs:
        note = {"key": "evidence_no_difference", "values": {"gap": about["gap"]}}
        return Evidence("no_difference", None, None, patching.forward_passes, about, [note])
    groups: list[tuple[Sequence[Target], float]] = [(list(heads), HEAD_BOUND), (tested, EDGE_BOUND)]
    total = sum(len(patching.batches(targets)) for targets, _ in groups)
    results, done = [], 0
    for targets, bound in groups:
        effects = yield from _with_progress(patching, targets, found, done, total)
        done += len(patching.batches(targets))
        results.append(judge(targets, effects, bound, seed))
    notes = _notes(about, len(edges), len(tested))
    return Evidence("computed", results[0], results[1], patching.forward_passes, about, notes)


def method_for(texts: Sequence[Sequence[int]], alignment: Alignment) -> Method:
    """Resample ablation where every text has a partner of its length, else mean ablation."""
    count = alignment.n_anomalous
    sides = zip(texts[:count], texts[count:], strict=False)
    equal = alignment.paired and all(len(first) == len(second) for first, second in sides)
    return "resample" if equal else "mean"


def judge(targets: Sequence[Target], effects: np.ndarray, bound: float, seed: int) -> Findings:
    """Effect, interval, p, q and verdict from effects (direction, target, example).

    A target with an effect that is no finite number is left out of the test: its p and verdict are empty.
    """
    if not len(targets):
        nothing = np.empty(0)
        return Findings(targets, nothing, nothing, nothing, nothing, nothing, [])
    means = effects.mean(axis=-1)
    largest = np.nan_to_num(np.abs(means)).argmax(axis=0)
    chosen = effects[largest, np.arange(len(targets))]
    effect = means[largest, np.arange(len(targets))]
    low, high = bootstrap_interval(chosen, seed)
    finite = np.isfinite(effects).all(axis=(0, 2))
    matters = np.abs(effects).mean(axis=-1).max(axis=0) >= bound / 2
    p = np.where(finite, sign_flip_p(np.nan_to_num(effects), seed), np.nan)
    q = q_values(np.where(matters, p, np.nan))
    judged = [
        verdict(effect[i], low[i], high[i], q[i], bound) if finite[i] else None for i in range(len(targets))
    ]
    return Findings(targets, effect, low, high, p, q, judged)


def verdict(effect: float, low: float, high: float, q: float, bound: float) -> str:
    """The verdict by the rule above; a q that is NaN confirms nothing."""
    size, clear = abs(effect), low > 0 or high < 0
    if clear and size >= bound and q <= CERTAIN:
        return CONFIRMED
    if clear and (size >= bound or (size >= bound / 2 and q <= LIKELY)):
        return PARTLY
    return NOT_CONFIRMED


def _with_progress(
    patching: Patching, targets: Sequence[Target], found: Behaviour, done: int, total: int
) -> Generator[Progress, None, np.ndarray]:
    running = patching.effects(targets, found)
    while True:
        try:
            step = next(running)
        except StopIteration as end:
            effects: np.ndarray = end.value
            return effects
        yield Progress("evidence", done + step, total)


def _about(found: Behaviour, method: Method, heads: int, edges: int) -> dict[str, Any]:
    """Measure, gap, method and rule, for the manifest."""
    return {
        "measure": found.kind,
        "anomalous": round(found.anomalous, 4),
        "normal": round(found.normal, 4),
        "gap": round(found.gap, 4),
        "gap_p_value": None if found.gap_p is None else round(found.gap_p, 6),
        "divergence": round(found.divergence, 4),
        "method": method,
        "directions": ["noise", "denoise"] if method == "resample" else ["noise"],
        "examples": found.n_anomalous,
        "smallest_p": round(smallest_sign_flip_p(found.n_anomalous), 6),
        "tested_heads": heads,
        "tested_edges": edges,
        "rule": {
            "head_bound": HEAD_BOUND,
            "edge_bound": EDGE_BOUND,
            "confirmed_q": CERTAIN,
            "partly_q": LIKELY,
            "interval": 0.95,
        },
    }


def _notes(about: dict[str, Any], candidates: int, tested: int) -> list[dict[str, Any]]:
    notes = [{"key": f"evidence_{about['measure']}", "values": {"gap": about["gap"]}}]
    notes.append({"key": f"evidence_{about['method']}", "values": {}})
    values = {"examples": about["examples"], "p": about["smallest_p"]}
    notes.append(
        {"key": "smallest_p" if about["smallest_p"] <= CERTAIN else "smallest_p_too_few", "values": values}
    )
    if tested < candidates:
        notes.append(
            {"key": "evidence_strongest_edges", "values": {"tested": tested, "candidates": candidates}}
        )
    return notes


def _key(target: Target) -> tuple[int, ...]:
    return (*target.source, *target.target) if isinstance(target, EdgeId) else tuple(target)
