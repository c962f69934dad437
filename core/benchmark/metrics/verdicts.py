"""What a verdict is worth: confirmed heads and edges against the true circuit, and under shuffled labels.

1. The candidates of an analysis get their evidence as in every run (`core.causal.evidence`); those with the verdict
   "confirmed" are held against the truth.
2. Then the labels are shuffled, so that nothing is left to explain, and the same is done: candidates by the codes,
   the test of the gap, effects, verdicts. Shuffled in two ways:
   - within pairs: the two texts of a pair change places, each pair by a throw of a coin;
   - unpaired: the pairs are forgotten and the labels dealt out anew over all texts.
   A shuffle that gives back the true sides, or exactly exchanges them, is drawn again. Where the shuffled sides do not
   differ nothing is tested, so nothing is confirmed: such a shuffle counts as 0.

The codes are trained once for each way: neither centring, training nor reach reads which side a text is on.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.analysis import result_tables as tables
from core.analysis.candidates import candidate_edges, candidate_heads, score
from core.benchmark.methods.method import Analysed, last
from core.benchmark.metrics.ranking import precision_recall
from core.benchmark.tasks.task import Task
from core.causal.evidence import CONFIRMED, Evidence, Findings, gather
from core.causal.metric import make_metric
from core.causal.patching import Target
from core.discovery.autoencoder import Codes
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
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

    `head_discoveries` and `edge_discoveries`: the share of the shuffles with any q of at most STATED. Since nothing is
    left to find, that is the false discovery rate, which should not be above STATED.
    """

    heads: float = float("nan")
    edges: float = float("nan")
    shuffles: int = 0
    tested: int = 0
    head_discoveries: float = float("nan")
    edge_discoveries: float = float("nan")


def verified(task: Task, examples: ExampleSet, found: Analysed, seed: int) -> Verified:
    """Evidence for the candidates of an analysis."""
    n_heads = task.loaded.shape.n_heads
    scores = score(found.codes, found.alignment.n_anomalous, n_heads, links=found.links)
    heads = tables.head_table(scores, None, n_heads)
    edges = tables.edge_table(scores, n_heads)
    candidates = candidate_heads(heads), candidate_edges(edges)
    start = time.perf_counter()
    evidence = last(gather(found.recording, examples, found.alignment, *candidates, seed))
    seconds = time.perf_counter() - start
    return Verified(tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS), evidence, seconds)


def against_truth(task: Task, evidence: Evidence) -> dict[str, tuple[float, float]]:
    """(precision, recall) of what is confirmed, by unit; precision is NaN where nothing is."""
    return {
        "head": _quality(task, confirmed(evidence.heads), "head"),
        "edge": _quality(task, confirmed(evidence.edges), "edge"),
    }


def wrong_at_q(task: Task, evidence: Evidence) -> dict[str, float]:
    """Share of the targets with a q of at most STATED that are not true, by unit; NaN where there are none."""
    return {
        "head": 1 - _quality(task, discovered(evidence.heads), "head")[0],
        "edge": 1 - _quality(task, discovered(evidence.edges), "edge")[0],
    }


def discovered(findings: Findings | None) -> list[Target]:
    """Targets with a q of at most STATED."""
    if findings is None:
        return []
    return [target for target, q in zip(findings.targets, findings.q, strict=True) if q <= STATED]


def _quality(task: Task, targets: Sequence[Target], unit: str) -> tuple[float, float]:
    n_heads = task.loaded.shape.n_heads
    truth = task.head_truth() if unit == "head" else task.edge_truth()
    found = np.zeros_like(truth)
    for target in targets:
        if isinstance(target, EdgeId):
            found[_flat(target.source, n_heads), _flat(target.target, n_heads)] = True
        else:
            found[_flat(target, n_heads)] = True
    return precision_recall(truth, found)


def confirmed(findings: Findings | None) -> list[Target]:
    """Targets with the verdict "confirmed"."""
    if findings is None:
        return []
    return [
        target for target, said in zip(findings.targets, findings.verdict, strict=True) if said == CONFIRMED
    ]


def false_confirmations(
    task: Task, examples: ExampleSet, found: Analysed, shuffles: int, seed: int
) -> FalseConfirmations:
    """Shuffle the labels of an analysis; within pairs where it is paired, over all texts where it is not."""
    if not shuffles:
        return FalseConfirmations()
    loaded, alignment = task.loaded, found.alignment
    log_probabilities = found.recording.log_probabilities()
    shares: list[tuple[float, ...]] = []
    tested = 0
    for order in shuffled_orders(
        alignment.n_anomalous, len(alignment.kept), alignment.paired, shuffles, seed
    ):
        shuffled = reordered(found, order)
        kept = list(shuffled.alignment.kept)
        texts = [examples.examples[i] for i in kept]
        sides = make_metric(
            loaded, texts, log_probabilities[kept], alignment.n_anomalous, alignment.paired, seed
        )
        if not sides.differs:
            shares.append((0.0,) * 4)
            continue
        tested += 1
        evidence = verified(task, examples, shuffled, seed).evidence
        both = evidence.heads, evidence.edges
        shares.append((*map(_share_confirmed, both), *(float(bool(discovered(one))) for one in both)))
    heads, edges, *any_found = np.mean(shares, axis=0)
    return FalseConfirmations(float(heads), float(edges), shuffles, tested, *map(float, any_found))


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


def reordered(found: Analysed, order: np.ndarray) -> Analysed:
    """The same analysis with its texts in another order, and so with other sides."""
    kept, positions = found.alignment.kept, found.alignment.positions
    alignment: Alignment = replace(
        found.alignment, kept=tuple(kept[i] for i in order), positions=positions[order]
    )
    codes = Codes(*(field[:, order.tolist()] for field in found.codes))
    return replace(found, alignment=alignment, codes=codes)


def _share_confirmed(findings: Findings | None) -> float:
    return len(confirmed(findings)) / len(findings.targets) if findings and len(findings.targets) else 0.0


def _flat(head: HeadId, n_heads: int) -> int:
    return head.layer * n_heads + head.head


def verdict_lines(rows: pd.DataFrame) -> Iterator[str]:
    """The printed table of the rows that have verdicts: mean of the draws."""
    measured = rows[rows["evidence_passes"] > 0]
    if measured.empty:
        return
    yield (
        f"{'confirmed':10}{'n':>4}{'unit':>6}{'P':>7}{'R':>7}{'none':>6}{'false, pairs':>14}{'of shuffles':>13}"
        f"{'false, unpaired':>17}{'of shuffles':>13}{'s':>7}{'passes':>8}"
    )
    for (unit, examples), part in measured.groupby(["unit", "examples"], sort=False):
        yield (
            f"{'':10}{examples:>4}{unit:>6}{part.confirmed_precision.mean():7.2f}{part.confirmed_recall.mean():7.2f}"
            f"{part.confirmed_precision.isna().sum():>6}{part.false_confirmations.mean():14.4f}"
            f"{_of(part.shuffles_tested, part.shuffles):>13}{part.false_confirmations_unpaired.mean():17.4f}"
            f"{_of(part.shuffles_unpaired_tested, part.shuffles_unpaired):>13}"
            f"{part.evidence_seconds.mean():7.2f}{part.evidence_passes.mean():8.1f}"
        )


def _of(some: Sequence[int], every: Sequence[int]) -> str:
    return f"{int(np.sum(some))}/{int(np.sum(every))}"
