"""Causal evidence: what happens to the behaviour when a candidate head or edge is changed.

1. `core.causal.metric` turns the behaviour into one number a text, and says whether the two sides differ at all.
2. `core.causal.patching` takes each candidate out (noising) and, between the texts of a pair, puts it in (denoising);
   its effect on an example is the change of the metric as a share of the gap between the sides.
3. `core.causal.verdicts` judges the effects.

Beside the verdicts, and without a say in them: which of query, key and value carries an edge that is confirmed or
partly so (`core.causal.qkv_effects`); what the other ablations say of each candidate head
(`core.causal.ablation_comparison`); and the attribution of every head of the model, a first-order guess
(`core.causal.attribution`).

Where the sides do not differ no effect is measured and no verdict is given. Where a model's edges cannot be patched,
its heads alone are tested.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from core.causal.ablation_comparison import effects_when_out, fits, summary
from core.causal.attribution import Attribution, attribution
from core.causal.bounds import CERTAIN, EDGE_BOUND, HEAD_BOUND, LIKELY, RULE
from core.causal.metric import Metric, answer_places, answer_tokens_of, metric_on
from core.causal.patching import Patching
from core.causal.qkv_effects import PARTS, carried_by, part_effects, separable
from core.causal.replacements import KINDS
from core.causal.statistics import smallest_sign_flip_p
from core.causal.verdicts import CONFIRMED, PARTLY, Findings, judge
from core.errors import ModelError
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.generators import relayed
from core.heads import EdgeId, HeadId
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import has_plain_stream
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import AnswerToken, EvidenceAbout, HeadEvidence, Note, Progress
from core.text import number, percent

State = Literal["computed", "not_computed", "no_difference"]
MOST_EDGES = 40
"""Edges tested at most, the strongest."""

FEWEST_TO_CORRELATE = 5
"""Tested heads from which a correlation of attribution and effect is given."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Evidence:
    """The state of the evidence, what was found, what it cost, and what a reader must know.

    `answers` are what the tokens of the answers add to the metric. `attribution` is (layer, head). `others` are effects
    (head, example) of the tested heads under the other ablations; `by_head` sums all ablations up by head.
    """

    state: State = "not_computed"
    heads: Findings | None = None
    edges: Findings | None = None
    forward_passes: int = 0
    about: EvidenceAbout = field(default_factory=EvidenceAbout)
    notes: Sequence[Note] = ()
    answers: Sequence[AnswerToken] = ()
    attribution: np.ndarray | None = None
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    by_head: Mapping[HeadId, HeadEvidence] = field(default_factory=dict)


@dataclass
class _Steps:
    """Changed runs done, of all that may come."""

    total: int
    done: int = 0

    def follow(self, running: Generator[int, None, _Value], runs: int) -> Generator[Progress, None, _Value]:
        """Progress records of a generator that yields how many of its `runs` are done."""
        value = yield from relayed(running, self._progress)
        self.done += runs
        return value

    def _progress(self, step: int) -> Progress:
        return Progress("evidence", min(self.done + step, self.total), self.total)


def gather(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    heads: Sequence[HeadId],
    edges: Sequence[EdgeId],
    seed: int,
    metric: Metric | None = None,
) -> Generator[Progress, None, Evidence]:
    """Test candidate heads and edges, best first; Progress records of the stage `evidence` on the way.

    `recording` is of the whole example set, `metric` that of the compared texts where it is there already. Without a
    candidate head nothing is run. How many edges will be asked for query, key and value is not known before, so the
    count may jump ahead.
    """
    if not heads:
        return Evidence(forward_passes=metric.plain_passes if metric else 0)
    loaded, passes_before = recording.loaded, recording.forward_passes
    compared = recording.of(alignment.kept)
    metric = metric or metric_on(recording, examples, alignment, seed)
    tested = list(edges[:MOST_EDGES]) if has_plain_stream(loaded) else []
    compares = fits(loaded, [row.ids for row in metric.rows])
    known = None if compares else {*heads, *(edge.source for edge in tested)}
    patching = Patching(compared, alignment.n_anomalous, alignment.paired, seed, known)
    about = _about(loaded, metric, patching, len(heads), len(tested))
    answers = answer_tokens_of(metric, loaded, alignment.kept)
    if not metric.differs:
        passes = recording.forward_passes - passes_before + metric.plain_passes
        return Evidence(
            "no_difference", None, None, passes, about, [_why_nothing(metric), *metric.notes], answers
        )
    kinds = [kind for kind in KINDS if compares and kind != patching.method]
    part_runs = len(PARTS) * patching.runs(tested) if separable(loaded) else 0
    other_runs = len(kinds) * len(heads) * alignment.n_anomalous
    steps = _Steps(patching.runs([*heads, *tested]) + part_runs + other_runs + alignment.n_anomalous)

    of_heads = yield from _tested(patching, list(heads), metric, HEAD_BOUND, seed, steps)
    of_edges = yield from _tested(patching, tested, metric, EDGE_BOUND, seed, steps)
    if separable(loaded):
        of_edges = yield from _with_parts(patching, of_edges, metric, steps, part_runs)
    guess = yield from _attribution(compared, patching, metric, steps)
    comparing = effects_when_out(patching, heads, metric, kinds)
    others = yield from steps.follow(comparing, other_runs)
    by_head = summary(heads, {patching.method: of_heads.per_example[0], **others}, HEAD_BOUND, seed)

    notes = _notes(metric, about, loaded, len(edges), len(tested))
    if guess is None:
        notes.append(Note(key="attribution_skipped"))
    else:
        cost = {"backward_passes": guess.backward_passes, **_agreement(guess.mean, of_heads)}
        about = about.model_copy(update=cost)
    if of_edges.targets and not separable(loaded):
        notes.append(Note(key="edge_parts_unknown", values={"architecture": loaded.shape.architecture}))
    disagreeing = [str(head) for head, row in by_head.items() if row.signs_disagree]
    notes += _on_ablations(compares, disagreeing)
    yield Progress("evidence", steps.total, steps.total)
    passes = recording.forward_passes - passes_before + metric.plain_passes + patching.forward_passes
    passes += guess.forward_passes if guess else 0
    mean = guess.mean if guess else None
    return Evidence("computed", of_heads, of_edges, passes, about, notes, answers, mean, others, by_head)


def _on_ablations(compares: bool, disagreeing: Sequence[str]) -> list[Note]:
    """A note where the kinds of ablation were not compared, or disagree on heads."""
    if not compares:
        return [Note(key="ablations_skipped")]
    return [Note(key="ablations_disagree", values={"heads": ", ".join(disagreeing)})] if disagreeing else []


def _tested(
    patching: Patching,
    targets: Sequence[HeadId] | Sequence[EdgeId],
    metric: Metric,
    bound: float,
    seed: int,
    steps: _Steps,
) -> Generator[Progress, None, Findings]:
    effects = yield from steps.follow(patching.effects(targets, metric), patching.runs(targets))
    return judge(targets, effects, bound, seed)


def _with_parts(
    patching: Patching, findings: Findings, metric: Metric, steps: _Steps, runs: int
) -> Generator[Progress, None, Findings]:
    """The findings of edges, with what goes through query, key and value of those that have a good verdict."""
    parts = np.full((len(findings.targets), len(PARTS)), np.nan)
    carriers: list[str | None] = [None] * len(findings.targets)
    good = [i for i, verdict in enumerate(findings.verdict) if verdict in (CONFIRMED, PARTLY)]
    if good:
        edges = [target for i in good if isinstance(target := findings.targets[i], EdgeId)]
        running = part_effects(patching, edges, findings.direction[good].tolist(), metric)
        parts[good] = yield from steps.follow(running, 0)
        for i in good:
            carriers[i] = carried_by(findings.effect[i], parts[i], EDGE_BOUND) or None
    steps.done += runs
    return replace(findings, parts=parts, carried_by=carriers)


def _attribution(
    recording: Recording, patching: Patching, metric: Metric, steps: _Steps
) -> Generator[Progress, None, Attribution | None]:
    """The attribution of all heads; None where it does not fit into the memory."""
    try:
        running = attribution(recording, patching, metric)
        return (yield from steps.follow(running, patching.n_anomalous))
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _agreement(guessed: np.ndarray, findings: Findings) -> dict[str, float]:
    """How well the attribution (layer, head) of the tested heads goes along with taking them out: a correlation."""
    exact = findings.per_example[0].mean(axis=-1)
    heads = [target for target in findings.targets if isinstance(target, HeadId)]
    of_heads = np.array([guessed[head] for head in heads])
    usable = np.isfinite(exact) & np.isfinite(of_heads)
    if usable.sum() < FEWEST_TO_CORRELATE or min(exact[usable].std(), of_heads[usable].std()) == 0:
        return {}
    return {"attribution_correlation": round(float(np.corrcoef(exact[usable], of_heads[usable])[0, 1]), 4)}


def _about(loaded: LoadedModel, metric: Metric, patching: Patching, heads: int, edges: int) -> EvidenceAbout:
    """Metric, gap, method and rule, for the manifest."""
    return EvidenceAbout(
        metric=metric.kind,
        anomalous=round(metric.anomalous, 4),
        normal=round(metric.normal, 4),
        gap=round(metric.gap, 4),
        gap_p_value=None if metric.gap_p is None else round(metric.gap_p, 6),
        divergence=round(metric.divergence, 4),
        answer_places=answer_places(metric, loaded),
        method=patching.method,
        directions=("noising", "denoising") if patching.method == "resample" else ("noising",),
        examples=metric.n_anomalous,
        smallest_p=round(smallest_sign_flip_p(metric.n_anomalous), 6),
        tested_heads=heads,
        tested_edges=edges,
        rule=RULE,
    )


def _why_nothing(metric: Metric) -> Note:
    """The sides are alike, or what sets them apart could be chance."""
    gap = {"gap": number(round(metric.gap, 4))}
    if metric.too_small or metric.gap_p is None:
        return Note(key="evidence_no_difference", values=gap)
    return Note(key="evidence_chance", values={**gap, "p": number(metric.gap_p)})


def _carrying(metric: Metric, about: EvidenceAbout) -> list[Note]:
    """Which token of the answers carries most of the gap, where there are several."""
    if metric.kind != "answer_difference" or not about.answer_places:
        return []
    most = about.answer_places[0]
    pieces = " ".join(f"“{piece}”" for piece in most.pieces)
    more = " …" if most.different > len(most.pieces) else ""
    values = {"share": percent(most.share), "place": most.place + 1, "pieces": pieces + more}
    return [Note(key=f"answer_place_{most.side}", values=values)]


def _notes(
    metric: Metric, about: EvidenceAbout, loaded: LoadedModel, candidates: int, tested: int
) -> list[Note]:
    smallest = smallest_sign_flip_p(metric.n_anomalous)
    rule = {
        "head_bound": percent(HEAD_BOUND),
        "edge_bound": percent(EDGE_BOUND),
        "confirmed_q": CERTAIN,
        "partly_q": LIKELY,
    }
    notes = [
        Note(key=f"evidence_{metric.kind}", values={"gap": number(round(metric.gap, 4))}),
        *_carrying(metric, about),
        *metric.notes,
        Note(key="evidence_divergence", values={"divergence": number(round(metric.divergence, 4))}),
        Note(key=f"evidence_{about.method}"),
        Note(key="evidence_rule", values=rule),
        Note(
            key="smallest_p" if smallest <= CERTAIN else "smallest_p_too_few",
            values={"examples": metric.n_anomalous, "p": number(round(smallest, 6))},
        ),
    ]
    if candidates and not has_plain_stream(loaded):
        notes.append(Note(key="evidence_no_edges", values={"architecture": loaded.shape.architecture}))
    elif tested < candidates:
        values = {"tested": tested, "candidates": candidates}
        notes.append(Note(key="evidence_strongest_edges", values=values))
    return notes
