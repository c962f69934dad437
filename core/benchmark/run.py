"""The whole benchmark: jobs, files, printed tables."""

import json
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import transformers

from core.analysis.manifest import package_version
from core.benchmark.draws import DrawResult
from core.benchmark.groups.measuring import group_rows
from core.benchmark.groups.table import GroupRow, group_lines, group_summary
from core.benchmark.metrics.ablations import AblationRow
from core.benchmark.metrics.real_speed import real_speed_rows
from core.benchmark.metrics.settings import SweepRow
from core.benchmark.metrics.speed import SpeedRow, speed_lines, speed_rows
from core.benchmark.metrics.trust import TrustRow, other_behaviour, trust_lines
from core.benchmark.names import LARGE_REAL
from core.benchmark.plan import EXAMPLES, EXTRAS, MAIN, PLANS, REAL_DRAWS, Size, draws_of
from core.benchmark.processes import Job, do
from core.benchmark.sharing import cores, done
from core.benchmark.tables.goals import Goal, goals
from core.benchmark.tables.printed import ablation_lines, goal_lines, overall_lines, task_lines
from core.benchmark.tables.rows import Row
from core.benchmark.tables.summaries import summary
from core.benchmark.tasks.gpt2_circuits import published_names
from core.benchmark.tasks.real.models import real_names
from core.benchmark.tasks.task import NotRun, TaskName, bundled_names, names_in
from core.errors import ConfigError, StorageError
from core.storage import write_atomically
from core.text.csv_safe import csv_bytes


@dataclass
class Results:
    """All that was measured so far."""

    rows: list[Row] = field(default_factory=list)
    ablations: list[AblationRow] = field(default_factory=list)
    sweep: list[SweepRow] = field(default_factory=list)
    speed: list[SpeedRow] = field(default_factory=list)
    groups: list[GroupRow] = field(default_factory=list)
    trust: list[TrustRow] = field(default_factory=list)
    not_run: list[dict[str, str]] = field(default_factory=list)

    def add(self, job: Job, result: DrawResult | list[SweepRow]) -> None:
        """Take in what a job gave."""
        if isinstance(result, list):
            self.sweep += result
            return
        self.rows += result.rows
        self.ablations += result.ablations
        self.trust += result.trust
        for method, reason in result.failed:
            model = job.task.real or Path(job.task.folder).name or "bundled"
            entry = {"task": job.task.name, "model": model, "method": method}
            if not any(entry.items() <= known.items() for known in self.not_run):
                self.not_run.append({**entry, "reason": reason})

    def tables(self) -> dict[str, pd.DataFrame]:
        """The files by their names without ending, in a fixed order of rows."""
        rows = _table(Row, self.rows)
        keys = ["task", "model", "examples", "draw", "seed"]
        return {
            "benchmark": rows.sort_values(keys, kind="stable"),
            "switch": _table(AblationRow, self.ablations).sort_values("draw", kind="stable"),
            "sweep": _table(SweepRow, self.sweep),
            "speed": _table(SpeedRow, self.speed),
            "groups": group_summary(self.groups),
            "trust": _table(TrustRow, self.trust),
            "summary": summary(rows) if len(rows) else pd.DataFrame(),
        }

    def goals(self) -> list[Goal]:
        """The goals beside what was measured."""
        tables = self.tables()
        return goals(tables["summary"], tables["sweep"], tables["speed"])


def run_benchmark(
    out: Path, quick: bool, tuning: Path | None = None, workers: int | None = None
) -> Iterator[str]:
    """Measure, write the files into `out` after every task, and yield the lines of the printed tables.

    With `tuning`, the models in that folder are measured in place of the test models, on draws of their own.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError("folder_not_writable", path=out, detail=error.strerror) from None
    start = time.perf_counter()
    size: Size = "quick" if quick else "full"
    workers = workers or cores()
    tasks = tasks_of(size, tuning)
    names = [task for task in tasks if isinstance(task, TaskName)]
    if not names:
        raise ConfigError(
            "bad_setting", name="--tuning", detail=f"found no model with true circuits in {tuning}"
        )
    results = Results(not_run=[asdict(task) for task in tasks if isinstance(task, NotRun)])
    yield f"Headlight benchmark ({size}), {date.today()}, {platform.machine()}, {workers} processes of one thread"
    yield f"draws a task: {draws_words(size)}"
    jobs = jobs_of(names, size)
    left = {name: sum(job.task == name for job in jobs) for name in names}
    of_task: dict[TaskName, list[Row]] = {name: [] for name in names}
    for job, result in done(jobs, workers, do):
        results.add(job, result)
        of_task[job.task] += result.rows if isinstance(result, DrawResult) else []
        left[job.task] -= 1
        if not left[job.task]:
            if of_task[job.task]:
                yield from task_lines(_table(Row, of_task[job.task]))
            yield f"{time.perf_counter() - start:.0f} s so far"
            write(out, results, size, workers, time.perf_counter() - start)
    try:
        results.speed += speed_rows(quick) if tuning is None else ()
        results.speed += real_speed_rows() if tuning is None and not quick else ()
    except BrokenProcessPool:
        results.not_run.append({"task": "speed", "model": "gpt2", "method": "", "reason": "its process died"})
    results.groups += group_rows(quick) if tuning is None else ()
    if not results.rows:
        yield "nothing could be measured"
        return
    yield from overall_lines(_table(Row, results.rows))
    yield from ablation_lines(results.ablations)
    yield from speed_lines(results.speed)
    yield from group_lines(results.groups)
    yield from trust_lines(results.trust)
    yield from goal_lines(results.goals())
    yield ""
    for entry in results.not_run:
        yield f"not run: {' '.join(entry.values())}"
    seconds = time.perf_counter() - start
    yield from write(out, results, size, workers, seconds, complete=True)
    yield f"took {seconds:.0f} s"


def tasks_of(size: Size, tuning: Path | None) -> list[TaskName | NotRun]:
    """What is to be measured, and what cannot be or is left out, with the reason."""
    if tuning is not None:
        return [*names_in(tuning), *_unless_quick(real_names("tuning"), size)]
    return [*bundled_names(), *published_names(), *_unless_quick(real_names(), size)]


def _unless_quick(names: Sequence[TaskName | NotRun], size: Size) -> list[TaskName | NotRun]:
    if size != "quick":
        return list(names)
    reason = "a quick run leaves real models out"
    return [NotRun(name.name, name.real, reason) if isinstance(name, TaskName) else name for name in names]


def jobs_of(names: Sequence[TaskName], size: Size) -> list[Job]:
    """All draws of all tasks, task by task, and the sweeps; published circuits and real ones at MAIN texts a side."""
    jobs = []
    for name in names:
        other = other_behaviour(name, names)
        whole = [
            Job(name, MAIN, draw, size, trust=True, other=other) for draw in range(EXTRAS[size].trust_draws)
        ]
        if name.real:
            draws = min(draws_of(size, MAIN), REAL_DRAWS[size][name.real in LARGE_REAL])
            jobs += [Job(name, MAIN, draw, size) for draw in range(draws)]
            jobs += whole if name.real not in LARGE_REAL else []
            continue
        if name.published:
            jobs += [Job(name, MAIN, draw, size) for draw in range(draws_of(size, MAIN))]
            continue
        jobs += [Job(name, MAIN, draw, size, sweep=True) for draw in range(EXTRAS[size].sweep_draws)]
        jobs += whole
        for examples in sorted(EXAMPLES[size], reverse=True):
            jobs += [Job(name, examples, draw, size) for draw in range(draws_of(size, examples))]
    return jobs


def write(
    out: Path, results: Results, size: Size, workers: int, seconds: float, complete: bool = False
) -> list[str]:
    """Write all files; a line for each."""
    lines = []
    for name, table in results.tables().items():
        write_atomically(out / f"{name}.csv", csv_bytes(table))
        lines.append(f"{len(table)} rows in {out / f'{name}.csv'}")
    write_atomically(out / "goals.csv", csv_bytes(_table(Goal, results.goals())))
    about = json.dumps({**_about(results, size, workers, seconds), "complete": complete}, indent=1) + "\n"
    write_atomically(out / "about.json", about.encode())
    return lines


def draws_words(size: Size) -> str:
    """How many draws and seeds each method gets."""
    methods = ", ".join(
        f"{name} {repeats.draws}" + (f" × {repeats.seeds} seeds" if repeats.seeds > 1 else "")
        for name, repeats in PLANS[size].items()
    )
    extras = EXTRAS[size]
    return (
        f"{methods}; heads switched off {extras.switch_draws}; labels shuffled {extras.shuffles} times within pairs in "
        f"each, {extras.unpaired_shuffles} times over all texts in {extras.unpaired_draws}"
    )


def processor() -> str:
    """The processor's name where the system tells (Linux), else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _about(results: Results, size: Size, workers: int, seconds: float) -> dict[str, Any]:
    return {
        "date": str(date.today()),
        "machine": processor(),
        "cores": cores(),
        "processes": workers,
        "threads": 1,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "headlight": package_version(),
        "size": size,
        "seconds": round(seconds, 1),
        "draws": {name: repeats.draws for name, repeats in PLANS[size].items()},
        "seeds": max(repeats.seeds for repeats in PLANS[size].values()),
        "not_run": results.not_run,
    }


def _table(kind: type, rows: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(kind)])
