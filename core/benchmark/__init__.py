"""Methods measured against each other on tasks whose circuit is known: `python -m core benchmark`.

What is kept apart and what is not: the settings were chosen on models that are not in this benchmark, an earlier
training of the four tasks and one with other starts and no penalty, with other draws of the same four tasks. The
selection rules were compared on the tasks here, and these draws were looked at while the score was built.
"""

import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from core.benchmark.catalogue import Size, compared, draws_of_others
from core.benchmark.measures import (
    edge_selection,
    head_selection,
    hits_among_best,
    precision_recall,
    ranking,
)
from core.benchmark.methods import METHODS, Outcome, analysed
from core.benchmark.printed import overall_lines, task_lines
from core.benchmark.speed import gpt2_tokenizer, measure_speed
from core.benchmark.switch import SwitchRow, measure_switch, switch_lines
from core.benchmark.tasks import Task, tasks
from core.benchmark.verdicts import FalseConfirmations, against_truth, false_confirmations, verified
from core.config import PRESETS
from core.examples import ExampleSet
from core.models import ModelPool
from core.report import csv_bytes
from core.runs import write_atomically
from core.selection import EDGE_RULE, HEAD_RULE, RULES, Rule

DRAWS = {"quick": 5, "full": 20}
EXAMPLES = {"quick": (8,), "full": (3, 5, 8, 10, 25)}
TESTED = "headlight-standard"
"""The method whose candidates get evidence."""

SHUFFLES, UNPAIRED_SHUFFLES = 5, 10
"""Shuffles of the labels a draw, within pairs and over all texts."""

UNPAIRED_DRAWS = {"quick": 1, "full": 10}
"""Draws whose labels are also shuffled over all texts. Codes are trained anew for them, with the preset `fast`."""

SWITCH_EXAMPLES = 8
SWITCH_DRAWS = {"quick": 1, "full": 20}
"""Texts a side on which heads to switch off are searched, and how many draws."""


@dataclass(frozen=True)
class Row:
    """One measurement: the columns of benchmark.csv. precision and recall belong to the default rule.

    From confirmed_precision on: verdicts, of the method headlight-standard alone (`core.benchmark.verdicts`).
    """

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
    confirmed_precision: float = float("nan")
    confirmed_recall: float = float("nan")
    false_confirmations: float = float("nan")
    shuffles: int = 0
    shuffles_tested: int = 0
    false_confirmations_unpaired: float = float("nan")
    shuffles_unpaired: int = 0
    shuffles_unpaired_tested: int = 0
    evidence_seconds: float = float("nan")
    evidence_passes: int = 0


@dataclass(frozen=True)
class Sizes:
    """How much is measured of one task."""

    draws: int
    unpaired_draws: int = 0
    switch_draws: int = 0
    shuffles: int = SHUFFLES
    unpaired_shuffles: int = UNPAIRED_SHUFFLES
    size: Size = "quick"


def run_benchmark(out: Path, quick: bool) -> Iterator[str]:
    """Measure, write benchmark.csv and switch.csv into `out`, and yield the lines of the printed tables."""
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    size: Size = "quick" if quick else "full"
    yield f"Headlight benchmark ({size}), {date.today()}, {platform.machine()}, {torch.get_num_threads()} threads"
    yield f"draws a task: {draws_words(size)}"
    rows: list[Row] = []
    switches: list[SwitchRow] = []
    for task in tasks(ModelPool(size=8)):
        found: list[Row] = []
        for examples in EXAMPLES[size]:
            switched = SWITCH_DRAWS[size] if examples == SWITCH_EXAMPLES else 0
            sizes = Sizes(DRAWS[size], UNPAIRED_DRAWS[size], switched, size=size)
            measured = list(measure_task(task, examples, sizes))
            found += [row for row in measured if isinstance(row, Row)]
            switches += [row for row in measured if isinstance(row, SwitchRow)]
        rows += found
        yield from task_lines(task, pd.DataFrame(map(asdict, found)))
    yield from overall_lines(pd.DataFrame(map(asdict, rows)))
    yield from switch_lines(switches)
    speed_rows, lines = _speed()
    yield from lines
    yield ""
    for name, kind, made in (("benchmark", Row, rows + speed_rows), ("switch", SwitchRow, switches)):
        table = pd.DataFrame([asdict(row) for row in made], columns=[f.name for f in fields(kind)])
        write_atomically(out / f"{name}.csv", csv_bytes(table))
        yield f"{len(table)} rows in {out / f'{name}.csv'}"
    yield f"took {time.perf_counter() - start:.0f} s"


def draws_words(size: Size) -> str:
    """How many draws each part gets."""
    methods = ", ".join(f"{name} {count}" for name, count in draws_of_others(size).items())
    return (
        f"{', '.join(METHODS)} {DRAWS[size]}; {methods}; heads switched off {SWITCH_DRAWS[size]}; "
        f"labels shuffled {SHUFFLES} times within pairs in each, "
        f"{UNPAIRED_SHUFFLES} times over all texts in {UNPAIRED_DRAWS[size]}"
    )


def measure_task(task: Task, examples: int, sizes: Sizes) -> Iterator[Row | SwitchRow]:
    """Rows of every method on fresh draws of one task; all methods see the same draws."""
    for draw in range(sizes.draws):
        drawn = task.draw(examples, draw)
        for name, method in compared(task, sizes.size, examples, draw):
            found = method(task.loaded, drawn, draw)
            rows = _rows(task, name, examples, draw, found)
            if name == TESTED and found.analysed is not None:
                yield from _with_verdicts(task, drawn, draw, found, sizes, rows)
            else:
                yield from rows


def _with_verdicts(
    task: Task, drawn: ExampleSet, draw: int, found: Outcome, sizes: Sizes, rows: Iterator[Row]
) -> Iterator[Row | SwitchRow]:
    """The rows with what the evidence says, and those of the switch."""
    assert found.analysed is not None
    checked = verified(task, drawn, found.analysed, draw)
    truth = against_truth(task, checked.evidence)
    within = false_confirmations(task, drawn, found.analysed, sizes.shuffles, draw)
    over_all = FalseConfirmations()
    if draw < sizes.unpaired_draws:
        unpaired, _ = analysed(task.loaded, drawn, PRESETS["fast"], draw, pairing="off")
        over_all = false_confirmations(task, drawn, unpaired, sizes.unpaired_shuffles, draw)
    for row in rows:
        precision, recall = truth[row.unit]
        yield replace(
            row,
            confirmed_precision=precision,
            confirmed_recall=recall,
            false_confirmations=within.heads if row.unit == "head" else within.edges,
            shuffles=within.shuffles,
            shuffles_tested=within.tested,
            false_confirmations_unpaired=over_all.heads if row.unit == "head" else over_all.edges,
            shuffles_unpaired=over_all.shuffles,
            shuffles_unpaired_tested=over_all.tested,
            evidence_seconds=round(checked.seconds, 4),
            evidence_passes=checked.evidence.forward_passes,
        )
    if draw < sizes.switch_draws:
        yield from measure_switch(task, drawn, found.analysed, checked, draw)


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
