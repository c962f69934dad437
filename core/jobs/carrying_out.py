"""Carry a job out: walk its steps, and write into the run how far it is and how it ended.

The worker of the dashboard and the command line both do it here, so that a run reads the same after either.
"""

import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from errno import EDQUOT, ENOSPC
from typing import Any

from core.errors import HeadlightError, ModelError, RunCancelled, StorageError
from core.runs.job_state import JobKind, JobState, Status
from core.runs.progress import Record, append_record
from core.runs.run_folder import RunFolder
from core.schema import Progress

log = logging.getLogger(__name__)

STATE_INTERVAL = 0.2
"""Seconds between two writes of the state within a stage."""


class Postponed(Exception):  # noqa: N818 - no error
    """The job goes back into the queue."""


@dataclass(frozen=True)
class Failure:
    """Key, values and English text of what went wrong."""

    error_key: str
    error_values: Mapping[str, Any]
    error_text: str


def carry_out(
    run: RunFolder,
    kind: JobKind,
    steps: Generator[Progress, None, Any],
    between: Callable[[Progress], None],
    inside: Callable[[Callable[[Progress], None]], AbstractContextManager[None]] | None = None,
) -> tuple[JobState, BaseException | None]:
    """Walk the steps of a job to their end; returns its last state, and the exception that stopped it, if one did.

    `between` is called after each record; it stops the job by raising, for example RunCancelled or Postponed. The
    context `inside` surrounds the work; it is given a function for records that come from within a step.
    """
    written, stopped = _Written(run, JobState(kind, "running", started=time.time(), worker=os.getpid())), None
    try:
        run.write_state(written.state)
        with closing(steps), inside(written.take_some) if inside else nullcontext():
            for record in steps:
                written.take(record)
                between(record)
        state = written.state.ended("done")
    except BaseException as error:
        state, stopped = _stopped_by(error, written.state, run), error
    try:
        run.write_state(state)
    except StorageError:  # the folder was deleted, or the disk is full
        log.exception("the state of run %s could not be written", run.run_id)
    return state, stopped


class _Written:
    """The state of a job as its records make it, and what of it is on the disk."""

    def __init__(self, run: RunFolder, state: JobState) -> None:
        self.state = state
        self._run, self._at = run, time.monotonic()

    def take(self, record: Progress) -> None:
        """Write a record; the state of a stage is written at intervals."""
        if self.state.kind == "analysis":
            append_record(self._run, Record(time.time(), **vars(record)))
        due = record.stage != self.state.stage or self._due()
        self.state = replace(self.state, **vars(record))
        if due:
            self._run.write_state(self.state)
            self._at = time.monotonic()

    def take_some(self, record: Progress) -> None:
        """Write a record from within a step, of which many come in a moment: one an interval."""
        if record.stage != self.state.stage or self._due():
            self.take(record)

    def _due(self) -> bool:
        return time.monotonic() - self._at >= STATE_INTERVAL


def saved(
    items: Generator[Any, None, None], save: Callable[[Any, RunFolder], None], run: RunFolder
) -> Generator[Progress, None, None]:
    """The records of an analysis; its result is saved into the run."""
    with closing(items):
        for item in items:
            if isinstance(item, Progress):
                yield item
            else:
                save(item, run)


def survivable(error: BaseException) -> bool:
    """Whether a process goes on after it: a panic of Rust code is no Exception, but ends one job only."""
    return not isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def as_failure(error: BaseException, place: str) -> Failure:
    """What to tell a user of an exception; the traceback of an unexpected one goes into the log."""
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        error = StorageError("disk_full", path=place)
    elif isinstance(error, MemoryError):
        error = ModelError("out_of_memory", device="cpu")
    if not isinstance(error, HeadlightError):
        log.error("unexpected error", exc_info=error)
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        error = HeadlightError("internal", detail=detail)
    # choices stay a list, from which the page makes its buttons
    values = {name: value if isinstance(value, list) else str(value) for name, value in error.values.items()}
    return Failure(error.key, values, str(error))


def _stopped_by(error: BaseException, state: JobState, run: RunFolder) -> JobState:
    if isinstance(error, Postponed):
        return JobState(state.kind)
    if not survivable(error):
        return state.ended("interrupted")
    failure = as_failure(error, str(run.path))
    status: Status = "cancelled" if isinstance(error, RunCancelled) else "failed"
    return state.ended(status, failure.error_key, failure.error_values, failure.error_text)
