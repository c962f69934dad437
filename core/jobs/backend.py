"""Submit, follow, cancel: what every backend offers, and how an analysis is started and started again.

`core.jobs.local_backend` is the first of them. The run folder is the truth: whoever opens it sees the same state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.config import RunConfig
from core.runs.job_state import ACTIVE, JobKind, JobState
from core.runs.run_folder import RunFolder, new_run_id, open_run, runs_folder

QuestionKind = Literal["inspect", "hub", "preview", "head", "what_if", "suggest", "partners"]


@dataclass(frozen=True)
class JobStatus:
    """How far an analysis is: `place` 0 is at work or finished, 1 is next; times in seconds."""

    run_id: str
    state: JobState
    place: int = 0
    seconds_left: float | None = None

    @property
    def active(self) -> bool:
        """Whether the analysis is still going to change."""
        return self.state.active

    @property
    def seconds(self) -> float:
        """How long it has been at work."""
        return self.state.seconds


@dataclass(frozen=True)
class Answer:
    """The worker's answer to a question; `pending` until it came."""

    pending: bool = True
    value: Mapping[str, Any] | None = None
    error_key: str = ""
    error_values: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """Where jobs are done: analyses, and deeper checks of their results. A run has one job at a time."""

    def submit(self, run: RunFolder, kind: JobKind = "analysis") -> None:
        """Put a job at the end of the queue; nothing happens where the run has one. Analyses go before checks."""

    def status(self, run_id: str) -> JobStatus:
        """How far the analysis is; raises StorageError where there is no such run."""

    def check_status(self, run_id: str) -> JobState | None:
        """How far the last check of the run is; raises StorageError where there is no such run."""

    def cancel(self, run_id: str) -> None:
        """Stop the job of a run, queued or at work; it is safe to ask twice. What a check has found stays."""

    def ask(self, kind: QuestionKind, payload: Any, again: bool = False) -> Answer:
        """The answer of the worker, or a pending one; `again` forgets an earlier answer."""

    def close(self) -> None:
        """End the worker."""


def start(
    backend: Backend, config: RunConfig, name: str = "", owner: str = "", language: str = "en"
) -> RunFolder:
    """Make a run folder for the settings and submit its analysis."""
    run = RunFolder.create(runs_folder() / new_run_id(), config, name, owner, language)
    backend.submit(run)
    return run


def start_again(backend: Backend, run_id: str) -> RunFolder:
    """Submit the same settings once more: in place where nothing was finished, else as a new run."""
    run = open_run(run_id)
    config, meta, status = run.config(), run.meta(), backend.status(run_id).state.status
    if status in ACTIVE:
        return run
    if status == "done":
        return start(backend, config, meta.name, meta.owner, run.language())
    run = RunFolder.create(run.path, config, meta.name, meta.owner, run.language())
    backend.submit(run)
    return run
