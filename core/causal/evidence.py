"""Causal evidence: what happens to the behaviour when a candidate head or edge is changed.

1. `core.causal.metric` turns the behaviour into one number a text, and says whether the two sides differ at all.
2. `core.causal.patching` takes each candidate out (noising) and, between the texts of a pair, puts it in
   (denoising); its effect on an example is the change of the measure as a share of the gap between the sides.
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

Beside the verdicts: which of query, key and value carries an edge that is confirmed or partly so
(`core.causal.qkv_effects`);
what the other ablations say of each candidate head (`core.causal.ablation_comparison`); and the attribution of
every head of the model, a first-order guess (`core.causal.attribution`). None of them changes a verdict.

With n pairs (n <= 12) no p can be below 2 / 2^n: 0.25 for 3 pairs, 0.0625 for 5, 0.0078 for 8. So at least 6 pairs
are needed for any confirmation. Where the sides do not differ no effect is measured and no verdict is given.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np

from core.causal.ablation import Ablator
from core.causal.ablation_comparison import effects_when_out, fits, other_kinds, summary
from core.causal.attribution import attribution
from core.causal.metric import SMALLEST_GAP, Metric, make_metric
from core.causal.patching import Method, Patching, Target
from core.causal.qkv_effects import PARTS, carried_by, part_effects, separable
from core.causal.statistics import bootstrap_interval, q_values, sign_flip_p, smallest_sign_flip_p
from core.errors import ModelError
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import Progress
from core.text import number, percent

State = Literal["computed", "not_computed", "no_difference"]
HEAD_BOUND = 0.05
EDGE_BOUND = 0.02
"""Effects, as shares of the gap, from which a head or an edge counts."""

CERTAIN, LIKELY = 0.05, 0.1
"""q-values."""

MOST_EDGES = 40
"""Edges tested at most, the strongest."""

FEWEST_TO_CORRELATE = 5
"""Tested heads from which a correlation of attribution and effect is told."""

CONFIRMED, PARTLY, NOT_CONFIRMED = "confirmed", "partly", "not confirmed"

_Value = TypeVar("_Value")


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

    def records(self) -> dict[tuple[int, ...], dict[str, Any]]:
        """The columns of the result's tables by (layer, head), or by those of source and target."""
        columns: dict[str, Any] = {
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

    @property
    def chosen(self) -> np.ndarray:
        """Effects (target, example) in the direction that counts."""
        return self.per_example[self.direction, np.arange(len(self.targets))]


@dataclass(frozen=True)
class Evidence:
    """The state of the evidence, what was found, what it cost, and what a reader must know.

    `attribution` is (layer, head). `others` are effects (head, example) of the tested heads under the other ablations;
    `side_by_side` sums all ablations up by the name of the head.
    """

    state: State = "not_computed"
    heads: Findings | None = None
    edges: Findings | None = None
    forward_passes: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    attribution: np.ndarray | None = None
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    side_by_side: Mapping[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class _Steps:
    """Changed runs done, of all that may come."""

    total: int
    done: int = 0

    def follow(self, running: Generator[int, None, _Value], runs: int) -> Generator[Progress, None, _Value]:
        """Progress records of a generator that yields how many of its `runs` are done."""
        while True:
            try:
                step = next(running)
            except StopIteration as end:
                self.done += runs
                found: _Value = end.value
                return found
            yield Progress("evidence", min(self.done + step, self.total), self.total)


def gather(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    heads: Sequence[HeadId],
    edges: Sequence[EdgeId],
    seed: int,
) -> Generator[Progress, None, Evidence]:
    """Test candidate heads and edges, best first; Progress records of the stage `evidence` on the way.

    `recording` is of the whole example set. Without a candidate head nothing is run. How many edges will be
    asked for query, key and value is not known before, so the count may jump ahead.
    """
    if not heads:
        return Evidence()
    loaded, passes_before = recording.loaded, recording.forward_passes
    recording = recording.of(alignment.kept)
    texts, n_anomalous = recording.texts, alignment.n_anomalous
    patching = Patching(recording, n_anomalous, method_for(texts, alignment))
    patchable = has_plain_stream(loaded)
    tested = list(edges[:MOST_EDGES]) if patchable else []
    kept = dict.fromkeys([*heads, *(edge.source for edge in tested)])
    log_probabilities = patching.plain(list(kept))
    found = make_metric(
        loaded,
        [examples.examples[i] for i in alignment.kept],
        log_probabilities,
        n_anomalous,
        alignment.paired,
        seed,
    )
    about = _about(found, patching.method, len(heads), len(tested))
    if not found.differs:
        note = _why_nothing(found, about)
        passes = recording.forward_passes - passes_before
        return Evidence("no_difference", None, None, passes, about, [note])
    kinds = other_kinds(patching.method) if fits(loaded, texts) else []
    part_runs = len(PARTS) * patching.runs(tested) if separable(loaded) else 0
    other_runs = len(kinds) * len(heads) * n_anomalous
    steps = _Steps(patching.runs([*heads, *tested]) + part_runs + other_runs + n_anomalous)

    judged = []
    for targets, bound in ((list(heads), HEAD_BOUND), (tested, EDGE_BOUND)):
        effects = yield from steps.follow(patching.effects(targets, found), patching.runs(targets))
        judged.append(judge(targets, effects, bound, seed))
    found_heads, found_edges = judged
    if separable(loaded):
        found_edges = yield from _with_parts(patching, found_edges, found, steps, part_runs)

    notes = _notes(about, len(edges) if patchable else 0, len(tested))
    if edges and not patchable:
        notes.append({"key": "evidence_no_edges", "values": {"architecture": loaded.shape.architecture}})
    screen, passes = None, patching.forward_passes
    try:
        running = attribution(recording, n_anomalous, patching.method, found)
        attributed = yield from steps.follow(running, n_anomalous)
        screen, passes = attributed.mean, passes + attributed.forward_passes
        about |= {"backward_passes": attributed.backward_passes, **_agreement(screen, found_heads)}
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        notes.append({"key": "attribution_skipped", "values": {}})
    others: dict[str, np.ndarray] = {}
    if kinds:
        ablator = Ablator(recording, n_anomalous, alignment.paired, seed)
        ablator.plain()
        others = dict((yield from steps.follow(effects_when_out(ablator, heads, found, kinds), other_runs)))
        passes += ablator.forward_passes
    passes += recording.forward_passes - passes_before
    by_ablation = {patching.method: found_heads.per_example[0], **others}
    beside = summary(heads, by_ablation, HEAD_BOUND, seed)
    notes += _notes_of_parts(loaded, found_edges) + _notes_of_ablations(beside, bool(kinds))
    if steps.done:
        yield Progress("evidence", steps.total, steps.total)
    return Evidence("computed", found_heads, found_edges, passes, about, notes, screen, others, beside)


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
        return Findings(
            targets, nothing, nothing, nothing, nothing, nothing, [], nothing.astype(int), effects
        )
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
    return Findings(targets, effect, low, high, p, q, judged, largest, effects)


def verdict(effect: float, low: float, high: float, q: float, bound: float) -> str:
    """The verdict by the rule above; a q that is NaN confirms nothing."""
    size, clear = abs(effect), low > 0 or high < 0
    if clear and size >= bound and q <= CERTAIN:
        return CONFIRMED
    if clear and (size >= bound or (size >= bound / 2 and q <= LIKELY)):
        return PARTLY
    return NOT_CONFIRMED


def _with_parts(
    patching: Patching, findings: Findings, found: Metric, steps: _Steps, runs: int
) -> Generator[Progress, None, Findings]:
    """The findings of edges, with what goes through query, key and value of those that have a good verdict."""
    parts = np.full((len(findings.targets), len(PARTS)), np.nan)
    names: list[str | None] = [None] * len(findings.targets)
    chosen = [i for i, said in enumerate(findings.verdict) if said in (CONFIRMED, PARTLY)]
    if chosen:
        edges = [target for i in chosen if isinstance(target := findings.targets[i], EdgeId)]
        running = part_effects(patching, edges, findings.direction[chosen].tolist(), found)
        parts[chosen] = yield from steps.follow(running, 0)
        for i in chosen:
            names[i] = carried_by(findings.effect[i], parts[i], EDGE_BOUND) or None
    steps.done += runs
    return replace(findings, parts=parts, carried_by=names)


def _agreement(screen: np.ndarray, findings: Findings) -> dict[str, Any]:
    """How well the attribution of the tested heads goes along with what taking them out does: a correlation."""
    exact = findings.per_example[0].mean(axis=-1)
    guessed = np.array(
        [screen[target.layer, target.head] for target in findings.targets if isinstance(target, HeadId)]
    )
    usable = np.isfinite(exact) & np.isfinite(guessed)
    if usable.sum() < FEWEST_TO_CORRELATE or min(exact[usable].std(), guessed[usable].std()) == 0:
        return {}
    return {"attribution_correlation": round(float(np.corrcoef(exact[usable], guessed[usable])[0, 1]), 4)}


def _rule_in_words() -> dict[str, Any]:
    return {
        "head_bound": percent(HEAD_BOUND),
        "edge_bound": percent(EDGE_BOUND),
        "confirmed_q": CERTAIN,
        "partly_q": LIKELY,
    }


def _why_nothing(found: Metric, about: dict[str, Any]) -> dict[str, Any]:
    """The sides are alike, or what sets them apart could be chance."""
    if abs(found.gap) < SMALLEST_GAP[found.kind] or found.gap_p is None:
        return {"key": "evidence_no_difference", "values": {"gap": number(about["gap"])}}
    return {"key": "evidence_chance", "values": {"gap": number(about["gap"]), "p": number(found.gap_p)}}


def _about(found: Metric, method: Method, heads: int, edges: int) -> dict[str, Any]:
    """Measure, gap, method and rule, for the manifest."""
    return {
        "metric": found.kind,
        "anomalous": round(found.anomalous, 4),
        "normal": round(found.normal, 4),
        "gap": round(found.gap, 4),
        "gap_p_value": None if found.gap_p is None else round(found.gap_p, 6),
        "divergence": round(found.divergence, 4),
        "method": method,
        "directions": ["noising", "denoising"] if method == "resample" else ["noising"],
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
    notes = [{"key": f"evidence_{about['metric']}", "values": {"gap": number(about["gap"])}}]
    notes.append({"key": "evidence_divergence", "values": {"divergence": number(about["divergence"])}})
    notes.append({"key": f"evidence_{about['method']}", "values": {}})
    notes.append({"key": "evidence_rule", "values": _rule_in_words()})
    values = {"examples": about["examples"], "p": number(about["smallest_p"])}
    notes.append(
        {"key": "smallest_p" if about["smallest_p"] <= CERTAIN else "smallest_p_too_few", "values": values}
    )
    if tested < candidates:
        notes.append(
            {"key": "evidence_strongest_edges", "values": {"tested": tested, "candidates": candidates}}
        )
    return notes


def _notes_of_parts(loaded: LoadedModel, findings: Findings) -> list[dict[str, Any]]:
    if separable(loaded) or not findings.targets:
        return []
    return [{"key": "edge_parts_unknown", "values": {"architecture": loaded.shape.architecture}}]


def _notes_of_ablations(beside: Mapping[str, dict[str, Any]], compared: bool) -> list[dict[str, Any]]:
    if not compared:
        return [{"key": "ablations_skipped", "values": {}}]
    heads = [name for name, row in beside.items() if row["signs_disagree"]]
    return [{"key": "ablations_disagree", "values": {"heads": ", ".join(heads)}}] if heads else []


def _key(target: Target) -> tuple[int, ...]:
    return (*target.source, *target.target) if isinstance(target, EdgeId) else tuple(target)
