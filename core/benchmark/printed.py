"""The tables that the benchmark prints."""

from collections.abc import Iterator

import pandas as pd

from core.benchmark.tasks import Task
from core.benchmark.verdicts import verdict_lines


def task_lines(task: Task, rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of one task, from its rows."""
    yield (
        f"\n{task.name}: {task.head_truth().sum()} of {len(task.head_truth())} heads and "
        f"{len(task.true_edges)} of {task.forward().sum()} forward pairs are true"
    )
    yield from _table(rows)
    yield from verdict_lines(rows)


def overall_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of all tasks together."""
    yield f"\nall tasks, mean of the tasks' means, at most {rows['draw'].nunique()} draws"
    keys = ["method", "examples", "unit"]
    measured = [name for name in rows.columns if name not in ("task", "model", "draw", "seed", *keys)]
    per_task = rows.groupby(["task", *keys], sort=False)[measured].mean().reset_index()
    yield from _table(per_task)
    counts = rows.groupby(["task", *keys], sort=False)[
        [name for name in measured if "shuffles" in name]
    ].sum()
    yield from verdict_lines(per_task.assign(**counts.reset_index(drop=True)))


def _table(rows: pd.DataFrame) -> Iterator[str]:
    yield (
        f"{'method':22}{'n':>4}{'unit':>6}{'AUC':>8}{'±':>7}{'AP':>7}{'true':>7}{'top10':>7}"
        f"{'P split':>9}{'R split':>9}{'P gap':>8}{'R gap':>8}{'P avg':>8}{'R avg':>8}"
        f"{'P quart':>9}{'R quart':>9}{'s':>8}"
    )
    for (unit, examples, method), part in rows.groupby(["unit", "examples", "method"], sort=False):
        mean = part.mean(numeric_only=True)
        yield (
            f"{method:22}{examples:>4}{unit:>6}{mean.auc:8.3f}{part.auc.std(ddof=0):7.3f}{mean.average_precision:7.2f}"
            f"{mean.auc_true_heads:7.2f}{mean.hits_in_ten_best:7.1f}{mean.precision_split:9.2f}{mean.recall_split:9.2f}"
            f"{mean.precision_gap:8.2f}{mean.recall_gap:8.2f}"
            f"{mean.precision_average:8.2f}{mean.recall_average:8.2f}"
            f"{mean.precision_quartile:9.2f}{mean.recall_quartile:9.2f}{mean.seconds:8.2f}"
        )
