"""The tables that the benchmark prints; their columns are those of its files."""

from collections.abc import Iterator, Sequence

import pandas as pd

from core.benchmark.metrics.ablations import UNSEEN, AblationRow
from core.benchmark.tables.goals import Goal
from core.benchmark.tables.rows import UNITS
from core.benchmark.tables.summaries import SUMS

_SCORES = ["auc", "average_precision", "auc_true_heads", "hits_in_ten_best", "precision", "recall", "jaccard"]
_COSTS = ["seconds", "forward_passes", "peak_mb"]
_VERDICTS = ["confirmed_precision", "confirmed_recall", "false_confirmations", "false_confirmations_unpaired"]
_FAULTS = ["fault_before", "fault_after", "fault_gone", "fault_on_normal"]


def lines_of(table: pd.DataFrame) -> list[str]:
    """A table as lines, its first column to the left."""
    first = table.set_index(table.columns[0]).rename_axis(None)
    lines: list[str] = first.to_string(na_rep="–", float_format="{:.3f}".format).splitlines()
    return lines


def task_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of one task, from its rows."""
    yield f"\n{rows['task'].iloc[0]} on {rows['model'].iloc[0]}"
    yield from _method_lines(rows)
    yield from _verdict_lines(rows)


def overall_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of all tasks together."""
    yield "\nall tasks on all models, mean of their means; ± over them"
    groups = rows.groupby(["task", "model", "method", "examples", "unit"], sort=False)
    means = groups[[*_SCORES, *_COSTS, *_VERDICTS, "evidence_seconds", "evidence_passes"]].mean()
    per_task = means.join(groups[SUMS].sum()).reset_index()
    yield from _method_lines(per_task)
    yield from _verdict_lines(per_task)


def _method_lines(rows: pd.DataFrame) -> Iterator[str]:
    groups = rows.groupby(["method", "examples", "unit"], sort=False)
    table = groups[[*_SCORES, *_COSTS]].mean()
    table.insert(1, "±", groups["auc"].std(ddof=0))
    for unit in UNITS:
        of_unit = table[table.index.get_level_values("unit") == unit]
        if len(of_unit):
            yield from lines_of(of_unit.reset_index())


def _verdict_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What the evidence of our candidates is worth; nothing where none was gathered."""
    measured = rows[rows["evidence_passes"] > 0]
    if len(measured):
        groups = measured.groupby(["unit", "examples"], sort=False)
        costs = ["evidence_seconds", "evidence_passes"]
        yield "verdicts"
        yield from lines_of(groups[[*_VERDICTS, *costs]].mean().join(groups[SUMS].sum()).reset_index())


def ablation_lines(rows: Sequence[AblationRow]) -> Iterator[str]:
    """Means over the draws of a task."""
    if not rows:
        return
    yield f"\nheads found on a few texts, switched off on {UNSEEN} unseen pairs"
    table = pd.DataFrame([vars(row) for row in rows])
    table["count"] = table["heads"].str.split().str.len()
    suggested = table[table["suggested"]].assign(found_by="suggested", mode="")
    groups = pd.concat([table, suggested]).groupby(["task", "model", "found_by", "mode"], sort=False)
    numbers = ["count", *_FAULTS, "right_before", "right_after", "still_right", "seconds", "forward_passes"]
    yield from lines_of(groups[numbers].mean().reset_index())


def goal_lines(goals: Sequence[Goal]) -> Iterator[str]:
    """Every goal with what was measured."""
    table = pd.DataFrame([vars(goal) for goal in goals])
    table["met"] = [{True: "met", False: "MISSED", None: "not measured"}[goal.met] for goal in goals]
    yield ""
    yield from lines_of(table)
