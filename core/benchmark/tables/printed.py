"""The tables that the benchmark prints."""

from collections.abc import Iterator

import pandas as pd

from core.benchmark.metrics.verdicts import verdict_lines


def task_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of one task, from its rows."""
    yield f"\n{rows['task'].iloc[0]} on {rows['model'].iloc[0]}"
    yield from _table(rows)
    yield from verdict_lines(rows)


def overall_lines(rows: pd.DataFrame) -> Iterator[str]:
    """What is printed of all tasks together."""
    yield "\nall tasks on all models, mean of their means; ± over them"
    keys = ["method", "examples", "unit"]
    measured = [name for name in rows.columns if name not in ("task", "model", "draw", "seed", "role", *keys)]
    per_task = rows.groupby(["task", "model", *keys], sort=False)[measured].mean().reset_index()
    yield from _table(per_task)
    counts = rows.groupby(["task", "model", *keys], sort=False)[
        [name for name in measured if "shuffles" in name]
    ].sum()
    yield from verdict_lines(per_task.assign(**counts.reset_index(drop=True)))


def _table(rows: pd.DataFrame) -> Iterator[str]:
    yield (
        f"{'method':22}{'n':>4}{'unit':>6}{'AUC':>8}{'±':>7}{'AP':>7}{'true':>7}{'top10':>7}"
        f"{'P':>7}{'R':>7}{'Jacc':>7}{'s':>8}{'passes':>8}{'MB':>8}"
    )
    for (unit, examples, method), part in rows.groupby(["unit", "examples", "method"], sort=False):
        mean = part.mean(numeric_only=True)
        yield (
            f"{method:22}{examples:>4}{unit:>6}{mean.auc:8.3f}{part.auc.std(ddof=0):7.3f}{mean.average_precision:7.2f}"
            f"{mean.auc_true_heads:7.2f}{mean.hits_in_ten_best:7.1f}{mean.precision:7.2f}{mean.recall:7.2f}"
            f"{mean.jaccard:7.2f}{mean.seconds:8.2f}{mean.forward_passes:8.1f}{mean.peak_mb:8.0f}"
        )
