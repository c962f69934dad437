"""One draw of a task, measured in whatever process: a job names all that it needs, and models are kept between jobs."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.benchmark.draws import DrawResult, measure_draw
from core.benchmark.metrics.settings import SweepRow, sweep_rows
from core.benchmark.metrics.trust import trust_rows
from core.benchmark.plan import Size
from core.benchmark.tasks.gpt2_circuits import load_published
from core.benchmark.tasks.real.models import load_real
from core.benchmark.tasks.task import NotRun, Task, TaskName, load_task
from core.errors import HeadlightError, ModelError
from core.model.loading import ModelPool


@dataclass(frozen=True)
class Job:
    """One draw of a task with so many texts a side; with `sweep`, the settings moved on that draw instead, with `trust`
    whole runs, for some of which texts of the behaviour `other` of the same model are used.
    """

    task: TaskName
    examples: int
    draw: int
    size: Size
    sweep: bool = False
    trust: bool = False
    other: TaskName | None = None


def do(job: Job) -> DrawResult | list[SweepRow]:
    """Measure a job, here. A task that cannot be loaded is told as failed, so that the others go on."""
    try:
        task = _task(job.task)
    except HeadlightError as error:
        return DrawResult(failed=[("every method", str(error))])
    if job.sweep:
        try:
            return list(sweep_rows(task, job.examples, job.draw))
        except (HeadlightError, ValueError, RuntimeError) as error:
            return DrawResult(failed=[("sweep", f"{type(error).__name__}: {error}")])
    if job.trust:
        return _trust(job, task)
    return measure_draw(task, job.examples, job.draw, job.size)


def _trust(job: Job, task: Task) -> DrawResult:
    try:
        other = _task(job.other) if job.other else None
        return DrawResult(trust=list(trust_rows(task, other, job.examples, job.draw)))
    except (HeadlightError, ValueError, RuntimeError) as error:
        return DrawResult(failed=[("trust", f"{type(error).__name__}: {error}")])


@lru_cache(maxsize=4)
def _task(name: TaskName) -> Task:
    task: Task | NotRun
    if name.real:
        task = load_real(name, _models())
    elif name.published:
        task = load_published(name.name, Path(name.folder), _models())
    else:
        task = load_task(name, _models())
    if isinstance(task, NotRun):
        raise ModelError("bad_weights", name=name.folder, detail=task.reason)
    return task


@lru_cache(maxsize=1)
def _models() -> ModelPool:
    return ModelPool(size=4)
