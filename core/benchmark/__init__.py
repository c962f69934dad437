"""Methods measured against each other on tasks whose circuit is known: `python -m core benchmark`.

What is kept apart and what is not: the settings were chosen on models that are not in this benchmark, an earlier
training of the four tasks and one with other starts and no penalty, with other draws of the same four tasks. The
selection rules were compared on the tasks here, and these draws were looked at while the score was built.
"""

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from core.benchmark.measures import (
    edge_selection,
    head_selection,
    hits_among_best,
    precision_recall,
    ranking,
)
from core.benchmark.methods import METHODS, Outcome
from core.benchmark.speed import gpt2_tokenizer, measure_speed
from core.benchmark.tasks import Task, tasks
from core.models import ModelPool
from core.report import csv_bytes
from core.runs import write_atomically
from core.selection import EDGE_RULE, HEAD_RULE, RULES, Rule

DRAWS = {"quick": 10, "full": 20}
EXAMPLES = {"quick": (8,), "full": (3, 5, 8, 10, 25)}


@dataclass(frozen=True)
class Row:
    """One measurement: the columns of benchmark.csv. precision and recall belong to the default rule."""

    task: str
    model: str
    method: str
    examples: int
    draw: int
    seed: int
    unit: str
    auc: float = float("nan")
    average_precision: float = float("nan")
    precision: float = float("nan")
    recall: float = float("nan")
    seconds: float = float("nan")
    forward_passes: int = 0
    peak_mb: float = float("nan")
    auc_true_heads: float = float("nan")
    precision_split: float = float("nan")
    recall_split: float = float("nan")
    precision_gap: float = float("nan")
    recall_gap: float = float("nan")
    precision_average: float = float("nan")
    recall_average: float = float("nan")
    precision_quartile: float = float("nan")
    recall_quartile: float = float("nan")
    hits_in_ten_best: int = 0


def run_benchmark(out: Path, quick: bool) -> Iterator[str]:
    """Measure, write benchmark.csv into `out`, and yield the lines of the printed tables."""
    out.mkdir(parents=True, exist_ok=True)
    size = "quick" if quick else "full"
    yield f"Headlight benchmark ({size}), {date.today()}, {platform.machine()}, {torch.get_num_threads()} threads"
    rows: list[Row] = []
    for task in tasks(ModelPool(size=8)):
        found = [row for examples in EXAMPLES[size] for row in measure_task(task, examples, DRAWS[size])]
        rows += found
        yield from _task_lines(task, pd.DataFrame(map(asdict, found)))
    yield from _overall_lines(pd.DataFrame(map(asdict, rows)))
    speed_rows, lines = _speed()
    yield from lines
    table = pd.DataFrame([asdict(row) for row in rows + speed_rows], columns=[f.name for f in fields(Row)])
    write_atomically(out / "benchmark.csv", csv_bytes(table))
    yield f"\n{len(table)} rows in {out / 'benchmark.csv'}"


def measure_task(task: Task, examples: int, draws: int) -> Iterator[Row]:
    """Rows of every method on fresh draws of one task; all methods see the same draws."""
    for draw in range(draws):
        drawn = task.draw(examples, draw)
        for name, method in METHODS.items():
            yield from _rows(task, name, examples, draw, method(task.loaded, drawn, draw))


def _rows(task: Task, method: str, examples: int, draw: int, found: Outcome) -> Iterator[Row]:
    blank = Row(
        task.name,
        task.loaded.shape.architecture,
        method,
        examples,
        draw,
        draw,
        unit="head",
        seconds=round(found.seconds, 4),
        forward_passes=found.forward_passes,
    )
    truth, forward, edges = task.head_truth(), task.forward(), task.edge_truth()
    chosen = {rule: head_selection(found.heads, rule) for rule in RULES}
    quality = {rule: precision_recall(truth, chosen[rule]) for rule in RULES}
    blank = replace(blank, hits_in_ten_best=hits_among_best(truth, found.heads))
    yield _filled(blank, HEAD_RULE, ranking(truth, found.heads), quality)
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


def _task_lines(task: Task, rows: pd.DataFrame) -> Iterator[str]:
    yield (
        f"\n{task.name}: {task.head_truth().sum()} of {len(task.head_truth())} heads and "
        f"{len(task.true_edges)} of {task.forward().sum()} forward pairs are true"
    )
    yield from _table(rows)


def _overall_lines(rows: pd.DataFrame) -> Iterator[str]:
    yield f"\nall tasks, mean of the tasks' means, {rows['draw'].nunique()} draws"
    measured = [field.name for field in fields(Row) if field.name not in ("task", "model", "draw", "seed")]
    keys = ["method", "examples", "unit"]
    per_task = rows.groupby(["task", *keys], sort=False)[measured[3:]].mean().reset_index()
    yield from _table(per_task)


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


def _speed() -> tuple[list[Row], list[str]]:
    tokenizer = gpt2_tokenizer()
    if tokenizer is None:
        return [], [
            "\nGPT-2 small geometry: not run, the GPT-2 tokenizer is neither in a folder nor in the cache"
        ]
    rows, lines = [], ["\nGPT-2 small geometry (144 heads, random weights), 10+10 indirect-object texts, CPU"]
    for preset in ("standard", "fast"):
        found = measure_speed(preset, tokenizer)
        rows.append(
            Row(
                "speed",
                "gpt2-geometry",
                f"headlight-{preset}",
                10,
                0,
                0,
                "head",
                seconds=found.seconds,
                forward_passes=1,
                peak_mb=found.peak_mb,
            )
        )
        lines.append(
            f"headlight-{preset:10} {found.seconds:6.1f} s, peak {found.peak_mb:5.0f} MB, "
            f"{found.seconds / found.forward_seconds:5.1f} × one forward pass ({found.forward_seconds:.2f} s)"
        )
    return rows, lines
