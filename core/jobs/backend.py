"""Submit, follow, cancel: what every backend offers, and how a run is started and started again.

`core.jobs.local_backend` is the first of them. The run folder is the truth: whoever opens it sees the same state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.config import RunConfig
from core.runs.job_state import CheckKind, CheckState
from core.runs.run_folder import ACTIVE, RunFolder, RunState, new_run_id, open_run, runs_folder

QuestionKind = Literal["inspect", "preview", "head", "what_if"]


@dataclass(frozen=True)
class JobStatus:
    """How far a run is: `place` 0 is at work or finished, 1 is next; times in seconds."""

    run_id: str
    state: RunState
    place: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None

    @property
    def active(self) -> bool:
        """Whether the run is still going to change."""
        return self.state.status in ACTIVE


@dataclass(frozen=True)
class Answer:
    """What the worker said to a question; `pending` until it did."""

    pending: bool = True
    value: Mapping[str, Any] | None = None
    error_key: str = ""
    error_values: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """Where analyses run."""

    def submit(self, run: RunFolder) -> None:
        """Put the run at the end of the queue."""

    def status(self, run_id: str) -> JobStatus:
        """How far the run is; raises StorageError where there is none."""

    def cancel(self, run_id: str) -> None:
        """Stop a queued or running run; it is safe to ask twice."""

    def ask(self, kind: QuestionKind, payload: Any, again: bool = False) -> Answer:
        """The answer of the worker, or a pending one; `again` forgets an earlier answer."""

    def check(self, run_id: str, kind: CheckKind) -> None:
        """Begin a deeper check of a finished run; nothing happens where one is at work on it."""

    def check_status(self, run_id: str) -> CheckState | None:
        """How far the last check of the run is; raises StorageError where there is no such run."""

    def cancel_check(self, run_id: str) -> None:
        """Stop the check of a run; what it has found stays."""

    def close(self) -> None:
        """End the worker."""


def start(backend: Backend, config: RunConfig, name: str = "", owner: str = "") -> RunFolder:
    """Make a run folder for the settings and submit it."""
    run = RunFolder.create(runs_folder() / new_run_id(), config, name, owner)
    backend.submit(run)
    return run


def start_again(backend: Backend, run_id: str) -> RunFolder:
    """Submit the same settings once more: in place where nothing was finished, else as a new run."""
    run = open_run(run_id)
    config, meta, status = run.config(), run.meta(), backend.status(run_id).state.status
    if status in ACTIVE:
        return run
    if status == "done":
        return start(backend, config, meta.name, meta.owner)
    run = RunFolder.create(run.path, config, meta.name, meta.owner)
    backend.submit(run)
    return run
