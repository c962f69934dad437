"""Rows of one draw of one task: every planned method sees the same texts."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from core.benchmark.methods.catalogue import method_named
from core.benchmark.methods.method import Analysed, Outcome, analysed
from core.benchmark.metrics.memory import forget_peak, peak_mb
from core.benchmark.metrics.ranking import (
    edge_selection,
    head_selection,
    hits_among_best,
    precision_recall,
    ranking,
)
from core.benchmark.metrics.switching_off import SwitchRow, measure_switch
from core.benchmark.metrics.verdicts import (
    FalseConfirmations,
    against_truth,
    false_confirmations,
    verified,
    wrong_at_q,
)
from core.benchmark.plan import EXTRAS, MAIN, Extras, Size, planned
from core.benchmark.tables.rows import NAN, Row
from core.benchmark.tasks.task import Task
from core.config import PRESETS
from core.discovery.redrawn import draw_examples, drawn_scores
from core.discovery.selection import EDGE_RULE, HEAD_RULE, RULES, Rule, select
from core.discovery.stability import jaccard
from core.errors import HeadlightError
from core.examples.example_set import ExampleSet

log = logging.getLogger(__name__)

TESTED = "headlight-standard"
"""The method whose candidates get evidence."""


LARGE = 100
"""Heads of a model from which on methods whose cost grows with the pairs of heads are not measured."""

UNAFFORDABLE = ("acdc-kl", "acdc-logit-difference", "exact-patching", "paper-ensemble")


@dataclass
class Measured:
    """What one draw gave; `failed` are methods with the reason why they could not be measured."""

    rows: list[Row] = field(default_factory=list)
    switches: list[SwitchRow] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def measure_draw(task: Task, examples: int, draw: int, size: Size) -> Measured:
    """Every planned method on one draw, with its seeds, and what is measured beside the methods."""
    found = Measured()
    drawn = task.draw(examples, draw)
    large = len(task.head_truth()) > LARGE
    for name, seeds in planned(size, examples, draw):
        if large and name in UNAFFORDABLE:
            found.failed.append((name, f"its cost grows with the pairs of more than {LARGE} heads"))
            continue
        for seed in seeds:
            try:
                _measure(task, drawn, name, examples, draw, seed, size, found)
            except (HeadlightError, ValueError, RuntimeError) as error:
                log.warning("%s on %s: %s", name, task.name, error)
                found.failed.append((name, f"{type(error).__name__}: {error}"))
    return found


def _measure(
    task: Task, drawn: ExampleSet, name: str, examples: int, draw: int, seed: int, size: Size, found: Measured
) -> None:
    method = method_named(name, task, examples, draw)
    seen = forget_peak()
    outcome = method(task.loaded, drawn, seed)
    peak = peak_mb() if seen else NAN
    rows = [
        replace(row, peak_mb=round(peak, 1)) for row in rows_of(task, name, examples, draw, seed, outcome)
    ]
    if name == TESTED and examples == MAIN and seed == 0 and outcome.analysed is not None:
        rows, switches = _with_verdicts(task, drawn, draw, outcome.analysed, EXTRAS[size], rows)
        found.switches += switches
    found.rows += rows


def rows_of(task: Task, method: str, examples: int, draw: int, seed: int, found: Outcome) -> Iterator[Row]:
    """The row of the heads and that of the edges: scores against the true circuit."""
    blank = Row(
        task.name,
        task.model,
        method,
        examples,
        draw,
        seed,
        unit="head",
        seconds=round(found.seconds, 4),
        forward_passes=found.forward_passes,
        role=task.role,
    )
    truth, forward, edges = task.head_truth(), task.forward(), task.edge_truth()
    chosen = {rule: head_selection(found.heads, rule) for rule in RULES}
    quality = {rule: precision_recall(truth, chosen[rule]) for rule in RULES}
    steady = NAN if found.analysed is None else _steadiness(found.analysed, chosen[HEAD_RULE], seed)
    heads = replace(blank, hits_in_ten_best=hits_among_best(truth, found.heads), jaccard=steady)
    yield _filled(heads, HEAD_RULE, ranking(truth, found.heads), quality)
    chosen_edges = {rule: edge_selection(found.edges, chosen[HEAD_RULE], rule) & forward for rule in RULES}
    quality = {rule: precision_recall(edges, chosen_edges[rule]) for rule in RULES}
    among = forward & np.outer(truth, truth)
    inside = ranking(edges[among], found.edges[among])[0]
    row = _filled(
        replace(blank, unit="edge"), EDGE_RULE, ranking(edges[forward], found.edges[forward]), quality
    )
    yield replace(
        row, auc_true_heads=inside, hits_in_ten_best=hits_among_best(edges[forward], found.edges[forward])
    )


def _with_verdicts(
    task: Task, drawn: ExampleSet, draw: int, found: Analysed, extras: Extras, rows: list[Row]
) -> tuple[list[Row], list[SwitchRow]]:
    """The rows with what the evidence says, and those of the switch."""
    checked = verified(task, drawn, found, draw)
    truth = against_truth(task, checked.evidence)
    within = false_confirmations(task, drawn, found, extras.shuffles, draw)
    over_all = FalseConfirmations()
    if draw < extras.unpaired_draws:
        unpaired, _ = analysed(task.loaded, drawn, PRESETS["fast"], draw, pairing="off")
        over_all = false_confirmations(task, drawn, unpaired, extras.unpaired_shuffles, draw)
    wrong = wrong_at_q(task, checked.evidence)
    judged = []
    for row in rows:
        precision, recall = truth[row.unit]
        head = row.unit == "head"
        judged.append(
            replace(
                row,
                confirmed_precision=precision,
                confirmed_recall=recall,
                false_confirmations=within.heads if head else within.edges,
                shuffles=within.shuffles,
                shuffles_tested=within.tested,
                false_confirmations_unpaired=over_all.heads if head else over_all.edges,
                shuffles_unpaired=over_all.shuffles,
                shuffles_unpaired_tested=over_all.tested,
                evidence_seconds=round(checked.seconds, 4),
                evidence_passes=checked.evidence.forward_passes,
                false_discoveries=within.head_discoveries if head else within.edge_discoveries,
                false_discoveries_unpaired=over_all.head_discoveries if head else over_all.edge_discoveries,
                wrong_at_q=wrong[row.unit],
            )
        )
    if draw >= extras.switch_draws:
        return judged, []
    return judged, list(measure_switch(task, drawn, found, checked, draw))


def _steadiness(found: Analysed, selected: np.ndarray, seed: int) -> float:
    """Mean overlap of the selected heads with those of the same texts drawn anew; NaN where none is selected."""
    if not selected.any():
        return NAN
    alignment = found.alignment
    times = draw_examples(len(alignment.kept), alignment.n_anomalous, alignment.paired, seed)
    again = [select(scores, HEAD_RULE) for scores in drawn_scores(found.codes, *times)]
    return round(float(np.mean([jaccard(selected, one) for one in again])), 4)


def _filled(
    row: Row, rule: Rule, ranked: tuple[float, float], quality: dict[Rule, tuple[float, float]]
) -> Row:
    return replace(
        row,
        auc=ranked[0],
        average_precision=ranked[1],
        precision=quality[rule][0],
        recall=quality[rule][1],
        precision_split=quality["split"][0],
        recall_split=quality["split"][1],
        precision_gap=quality["gap"][0],
        recall_gap=quality["gap"][1],
        precision_average=quality["average"][0],
        recall_average=quality["average"][1],
        precision_quartile=quality["quartile"][0],
        recall_quartile=quality["quartile"][1],
    )
