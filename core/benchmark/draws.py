"""Rows of one draw of one task: every planned method sees the same texts."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.benchmark.methods.catalogue import method_named, texts_of
from core.benchmark.methods.method import Analysed, Outcome, analyse
from core.benchmark.metrics.ablations import AblationRow, ablation_rows
from core.benchmark.metrics.memory import PeakMemory
from core.benchmark.metrics.ranking import edge_selection, hits_among_best, precision_recall, ranking
from core.benchmark.metrics.strong import strong_recall, strongest_tested
from core.benchmark.metrics.trust import TrustRow
from core.benchmark.metrics.verdicts import (
    FalseConfirmations,
    Verified,
    against_truth,
    false_confirmations,
    verified,
    wrong_at_q,
)
from core.benchmark.names import IN_FORMS, OURS, PUBLISHED
from core.benchmark.plan import EXTRAS, MAIN, Extras, Size, planned
from core.benchmark.tables.rows import NAN, Row
from core.benchmark.tasks.task import Task
from core.causal.paired_runs import forward_mask
from core.config import PRESETS
from core.discovery.redrawn import draw_examples, redrawn_selections
from core.discovery.selection import EDGE_RULE, HEAD_RULE, RULES, Rule, select
from core.discovery.stability import jaccard
from core.errors import HeadlightError
from core.examples.example_set import ExampleSet

log = logging.getLogger(__name__)

LARGE = 100
"""Heads of a model from which on costly methods are not measured, no labels are shuffled, and no heads switched off."""

UNAFFORDABLE = (
    "acdc-kl",
    "acdc-logit-difference",
    "exact-patching",
    "subnetwork-probing",
    *PUBLISHED,
    "k-means",
    "probe",
)


@dataclass
class DrawResult:
    """What one draw gave; `failed` are methods with the reason why they could not be measured, `trust` whole runs."""

    rows: list[Row] = field(default_factory=list)
    ablations: list[AblationRow] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    trust: list[TrustRow] = field(default_factory=list)


def measure_draw(task: Task, examples: int, draw: int, size: Size) -> DrawResult:
    """Every planned method on one draw, with its seeds, and what is measured beside the methods."""
    result = DrawResult()
    texts = task.draw(examples, draw)
    large = len(task.head_truth()) > LARGE
    extras = EXTRAS[size]
    if large:
        extras = replace(extras, shuffles=0, unpaired_draws=0, switch_draws=0)
    for method, seeds in planned(size, examples, draw):
        if large and method in UNAFFORDABLE:
            result.failed.append((method, f"not measured on models of more than {LARGE} heads"))
            continue
        for seed in seeds:
            blank = Row(task.name, task.model, method, examples, draw, seed, unit="head", role=task.role)
            try:
                rows, ablations = _measured(task, texts, blank, extras)
            except (HeadlightError, ValueError, RuntimeError) as error:
                log.warning("%s on %s: %s", method, task.name, error)
                result.failed.append((method, f"{type(error).__name__}: {error}"))
            else:
                result.rows += rows
                result.ablations += ablations
    return result


def _measured(
    task: Task, texts: ExampleSet, blank: Row, extras: Extras
) -> tuple[list[Row], list[AblationRow]]:
    """The rows of one method with one seed, and those of the ablations where our candidates get evidence."""
    method = method_named(blank.method, task, blank.examples, blank.draw)
    with PeakMemory() as memory:
        start = time.perf_counter()
        outcome = method(task.loaded, texts, blank.seed)
        seconds = time.perf_counter() - start
    blank = replace(
        blank,
        seconds=round(seconds, 4),
        peak_mb=round(memory.mb, 1),
        forward_passes=outcome.forward_passes,
    )
    rows = list(rows_of(task, blank, outcome))
    tested = (blank.examples, blank.seed) == (MAIN, 0) and blank.method in (OURS, *IN_FORMS)
    if not tested or outcome.analysed is None:
        return rows, []
    if blank.method == OURS:
        return _with_verdicts(task, texts, outcome.analysed, extras, rows)
    own = texts_of(blank.method, task, blank.examples, blank.draw)
    checked = verified(task, own, outcome.analysed, blank.draw)
    return [_judged(task, row, checked) for row in rows], []


def rows_of(task: Task, blank: Row, outcome: Outcome) -> Iterator[Row]:
    """The row of the heads and that of the edges: scores against the true circuit."""
    truth, forward, edges = task.head_truth(), forward_mask(task.loaded), task.edge_truth()
    heads = {rule: select(outcome.heads, rule) for rule in RULES}
    if outcome.analysed is not None and outcome.analysed.ranked is not None:
        heads[HEAD_RULE] = outcome.analysed.ranked.scores.head_selected
    overlap = NAN if outcome.analysed is None else _overlap(outcome.analysed, heads[HEAD_RULE], blank.seed)
    row = _ranked(replace(blank, jaccard=overlap), truth, outcome.heads)
    yield _selected(row, truth, heads, HEAD_RULE)
    among = forward & np.outer(truth, truth)
    inside = ranking(edges[among], outcome.edges[among])[0]
    row = _ranked(replace(blank, unit="edge", auc_true_heads=inside), edges[forward], outcome.edges[forward])
    selected = {rule: edge_selection(outcome.edges, heads[HEAD_RULE], rule) & forward for rule in RULES}
    yield _selected(row, edges, selected, EDGE_RULE)


def _ranked(row: Row, truth: np.ndarray, scores: np.ndarray) -> Row:
    auc, average_precision = ranking(truth, scores)
    hits = hits_among_best(truth, scores)
    return replace(row, auc=auc, average_precision=average_precision, hits_in_ten_best=hits)


def _selected(row: Row, truth: np.ndarray, masks: Mapping[Rule, np.ndarray], default: Rule) -> Row:
    """The row with precision and recall of what each rule selects, those of the default in their own columns."""
    quality = {rule: precision_recall(truth, mask) for rule, mask in masks.items()}
    columns: dict[str, Any] = {
        f"{name}_{rule}": value
        for rule, values in quality.items()
        for name, value in zip(("precision", "recall"), values, strict=True)
    }
    precision, recall = quality[default]
    return replace(row, precision=precision, recall=recall, **columns)


def _overlap(analysed: Analysed, selected: np.ndarray, seed: int) -> float:
    """Mean overlap of the selected heads with those of the same texts drawn anew; NaN where none is selected."""
    if not selected.any():
        return NAN
    alignment, ranked = analysed.alignment, analysed.ranked
    times = draw_examples(len(alignment.kept), alignment.n_anomalous, alignment.paired, seed)
    signals = ranked.scores.signals if ranked else None
    redrawn = redrawn_selections(analysed.codes, *times, "strength", signals)
    return round(float(np.mean([jaccard(selected, again) for again in redrawn])), 4)


def _with_verdicts(
    task: Task, texts: ExampleSet, analysed: Analysed, extras: Extras, rows: list[Row]
) -> tuple[list[Row], list[AblationRow]]:
    """The rows with what the evidence says, and those of the ablations."""
    draw = rows[0].draw
    checked = verified(task, texts, analysed, draw)
    within = false_confirmations(task, texts, analysed, extras.shuffles, draw)
    over_all = FalseConfirmations()
    if draw < extras.unpaired_draws:
        unpaired = analyse(task.loaded, texts, PRESETS["fast"], draw, pairing="off")
        over_all = false_confirmations(task, texts, unpaired, extras.unpaired_shuffles, draw)
    judged = [
        replace(
            _judged(task, row, checked),
            false_confirmations=within.confirmed[row.unit],
            false_discoveries=within.discovered[row.unit],
            shuffles=within.shuffles,
            shuffles_tested=within.tested,
            false_confirmations_unpaired=over_all.confirmed[row.unit],
            false_discoveries_unpaired=over_all.discovered[row.unit],
            shuffles_unpaired=over_all.shuffles,
            shuffles_unpaired_tested=over_all.tested,
        )
        for row in rows
    ]
    if draw >= extras.switch_draws:
        return judged, []
    return judged, list(ablation_rows(task, texts, analysed, checked, draw))


def _judged(task: Task, row: Row, checked: Verified) -> Row:
    """The row with what the verdicts are worth under the true labels, and what the evidence cost."""
    precision, recall = against_truth(task, checked.evidence)[row.unit]
    row = replace(
        row,
        confirmed_precision=precision,
        confirmed_recall=recall,
        evidence_seconds=round(checked.seconds, 4),
        evidence_passes=checked.evidence.forward_passes,
        wrong_at_q=wrong_at_q(task, checked.evidence)[row.unit],
    )
    if row.unit == "edge":
        return row
    findings = checked.evidence.heads
    return replace(
        row,
        strong_recall=strong_recall(task.head_effects, findings),
        strongest_tested=strongest_tested(task.head_effects, findings),
    )
