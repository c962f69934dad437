"""What a verdict is worth: confirmed heads and edges against the true circuit, and under shuffled labels.

1. The candidates of an analysis get their evidence as in every run (`core.causal.evidence`); those with the verdict
   "confirmed" are held against the truth.
2. Then the labels are shuffled, so that nothing is left to explain, and the same is done: candidates by the codes,
   the test of the gap, effects, verdicts. Shuffled in two ways:
   - within pairs: the two texts of a pair change places, each pair by a throw of a coin;
   - unpaired: the pairs are forgotten and the labels dealt out anew over all texts.
   A shuffle that gives back the true sides, or exactly exchanges them, is drawn again. Where the shuffled sides do not
   differ nothing is tested, so nothing is confirmed: such a shuffle counts as 0.

The codes are trained once for each way: neither centring, training nor attention flow reads which side a text is on.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from core.analysis import result_tables as tables
from core.analysis.candidates import candidate_edges, candidate_heads, score
from core.analysis.ranking import ranked
from core.benchmark.methods.method import Analysed
from core.benchmark.metrics.ranking import precision_recall
from core.benchmark.tables.rows import UNITS, Unit
from core.benchmark.tasks.task import Task
from core.causal.comparison import Comparison
from core.causal.evidence import Evidence, gather
from core.causal.metric import Metric, make_metric
from core.causal.patching import Target
from core.causal.verdicts import CONFIRMED, Findings
from core.discovery.autoencoder import Codes
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import EdgeId, HeadId

STATED = 0.1
"""The q up to which discoveries are counted."""


@dataclass(frozen=True)
class Verified:
    """An analysis with its evidence: the table of heads with effects and verdicts, and what the evidence cost."""

    heads: pd.DataFrame
    evidence: Evidence
    seconds: float


@dataclass(frozen=True)
class FalseConfirmations:
    """Shuffles of one way: mean share of the tested heads and edges that were confirmed, and in how many shuffles
    the sides differed, so that anything was tested at all.

    `discovered`: the share of the shuffles with any q of at most STATED. Since nothing is left to find, that is the
    false discovery rate, which should not be above STATED.
    """

    confirmed: Mapping[Unit, float] = field(default_factory=lambda: dict.fromkeys(UNITS, float("nan")))
    discovered: Mapping[Unit, float] = field(default_factory=lambda: dict.fromkeys(UNITS, float("nan")))
    shuffles: int = 0
    tested: int = 0


def verified(task: Task, examples: ExampleSet, analysed: Analysed, seed: int) -> Verified:
    """Evidence for the candidates of an analysis."""
    every = task.loaded.heads
    scores = analysed.scores(task.loaded.layer_of_head)
    heads = tables.head_table(scores, None, every)
    candidates = candidate_heads(heads), candidate_edges(tables.edge_table(scores, every))
    start = time.perf_counter()
    about = analysed.recording, analysed.examples or examples, analysed.alignment, *candidates, seed
    evidence = result_of(gather(*about, **(analysed.ranked.measured if analysed.ranked else {})))
    seconds = time.perf_counter() - start
    return Verified(tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS), evidence, seconds)


def against_truth(task: Task, evidence: Evidence) -> dict[Unit, tuple[float, float]]:
    """(precision, recall) of what is confirmed, by unit; precision is NaN where nothing is."""
    return {unit: _quality(task, confirmed(_of_unit(evidence, unit)), unit) for unit in UNITS}


def wrong_at_q(task: Task, evidence: Evidence) -> dict[Unit, float]:
    """Share of the targets with a q of at most STATED that are not true, by unit; NaN where there are none."""
    return {unit: 1 - _quality(task, discovered(_of_unit(evidence, unit)), unit)[0] for unit in UNITS}


def _of_unit(evidence: Evidence, unit: Unit) -> Findings | None:
    return evidence.heads if unit == "head" else evidence.edges


def confirmed(findings: Findings | None) -> list[Target]:
    """Targets with the verdict "confirmed"."""
    if findings is None:
        return []
    verdicts = zip(findings.targets, findings.verdict, strict=True)
    return [target for target, verdict in verdicts if verdict == CONFIRMED]


def discovered(findings: Findings | None) -> list[Target]:
    """Targets with a q of at most STATED."""
    if findings is None:
        return []
    return [target for target, q in zip(findings.targets, findings.q, strict=True) if q <= STATED]


def _quality(task: Task, targets: Sequence[Target], unit: Unit) -> tuple[float, float]:
    truth = task.head_truth() if unit == "head" else task.edge_truth()
    selected = np.zeros_like(truth)
    for target in targets:
        ends = (target.source, target.target) if isinstance(target, EdgeId) else (target,)
        selected[tuple(task.flat(head) for head in ends if isinstance(head, HeadId))] = True
    return precision_recall(truth, selected)


def false_confirmations(
    task: Task, examples: ExampleSet, analysed: Analysed, shuffles: int, seed: int
) -> FalseConfirmations:
    """Shuffle the labels of an analysis; within pairs where it is paired, over all texts where it is not."""
    if not shuffles:
        return FalseConfirmations()
    alignment, ids = analysed.alignment, analysed.recording.texts
    log_probabilities = analysed.recording.log_probabilities()
    evidences: list[Evidence | None] = []
    dealt = alignment.n_anomalous, len(alignment.kept), alignment.paired
    for order in shuffled_orders(*dealt, shuffles, seed):
        shuffled = reordered(analysed, order)
        kept = list(shuffled.alignment.kept)
        compared, texts = [examples.examples[i] for i in kept], [ids[i] for i in kept]
        sides = alignment.n_anomalous, alignment.paired
        metric = make_metric(task.loaded, texts, compared, log_probabilities[kept], *sides, seed)
        if metric.differs:
            shuffled = ranked_anew(shuffled, examples, metric, seed)
            evidences.append(verified(task, examples, shuffled, seed).evidence)
        else:
            evidences.append(None)
    shares = {unit: [_shares(evidence, unit) for evidence in evidences] for unit in UNITS}
    means = {unit: np.mean(shares[unit], axis=0).tolist() for unit in UNITS}
    return FalseConfirmations(
        {unit: means[unit][0] for unit in UNITS},
        {unit: means[unit][1] for unit in UNITS},
        shuffles,
        sum(evidence is not None for evidence in evidences),
    )


def _shares(evidence: Evidence | None, unit: Unit) -> tuple[float, float]:
    """Share of the tested targets that are confirmed, and whether any has a q of at most STATED (1 or 0)."""
    findings = _of_unit(evidence, unit) if evidence else None
    if findings is None or not len(findings.targets):
        return 0.0, 0.0
    return len(confirmed(findings)) / len(findings.targets), float(bool(discovered(findings)))


def shuffled_orders(
    n_anomalous: int, count: int, paired: bool, shuffles: int, seed: int
) -> Iterator[np.ndarray]:
    """Orders (text,) of texts, those on the anomalous side first. Never the true side, nor one without any text of the
    true side, which is where the two sides are exactly exchanged.

    Paired, text i and text i + n_anomalous stay partners. Raises ValueError for fewer than two pairs.
    """
    if min(n_anomalous, count - n_anomalous) < 2:
        raise ValueError("labels of fewer than two texts a side cannot be shuffled")
    generator = np.random.default_rng([seed, int(paired)])
    true = set(range(n_anomalous))
    while shuffles:
        if paired:
            first = np.arange(n_anomalous) + n_anomalous * (generator.random(n_anomalous) < 0.5)
            order = np.concatenate([first, (first + n_anomalous) % count])
        else:
            order = generator.permutation(count)
        side = set(order[:n_anomalous].tolist())
        if side != true and side.intersection(true):
            shuffles -= 1
            yield order


def ranked_anew(analysed: Analysed, examples: ExampleSet, metric: Metric, seed: int) -> Analysed:
    """The same with gradients and effects of these sides, where they took part in its scores."""
    if analysed.ranked is None or analysed.ranked.ranking is None:
        return analysed
    layers = analysed.recording.loaded.layer_of_head
    codes = score(analysed.codes, analysed.alignment.n_anomalous, layers, links=analysed.links)
    comparison = Comparison(analysed.recording, examples, analysed.alignment, seed, metric, ())
    ranking = result_of(ranked(codes, comparison, examples, seed))
    anew = replace(analysed.ranked, scores=ranking.scores, comparison=comparison, ranking=ranking)
    return replace(analysed, ranked=anew)


def reordered(analysed: Analysed, order: np.ndarray) -> Analysed:
    """The same analysis with its texts in another order, and so with other sides."""
    kept, positions = analysed.alignment.kept, analysed.alignment.positions
    alignment: Alignment = replace(
        analysed.alignment, kept=tuple(kept[i] for i in order), positions=positions[order]
    )
    codes = Codes(*(field[:, order.tolist()] for field in analysed.codes))
    return replace(analysed, alignment=alignment, codes=codes)
