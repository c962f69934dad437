"""Carry a job out: walk its steps, and write into the run how far it is and how it ended.

The worker of the dashboard and the command line both do it here, so that a run reads the same after either.
"""

import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
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
    error_values: Mapping[str, str]
    error_text: str


def carry_out(
    run: RunFolder, kind: JobKind, steps: Generator[Progress, None, Any], between: Callable[[Progress], None]
) -> tuple[JobState, BaseException | None]:
    """Walk the steps of a job to their end; returns its last state, and the exception that stopped it, if one did.

    `between` is called after each record; it stops the job by raising, for example RunCancelled or Postponed.
    """
    state, stopped = JobState(kind, "running", started=time.time(), worker=os.getpid()), None
    try:
        run.write_state(state)
        written = time.monotonic()
        with closing(steps):
            for record in steps:
                if kind == "analysis":
                    append_record(run, Record(time.time(), **vars(record)))
                due = record.stage != state.stage or time.monotonic() - written >= STATE_INTERVAL
                state = replace(state, **vars(record))
                if due:
                    run.write_state(state)
                    written = time.monotonic()
                between(record)
        state = state.ended("done")
    except BaseException as error:
        state, stopped = _stopped_by(error, state, run), error
    try:
        run.write_state(state)
    except StorageError:  # the folder was deleted, or the disk is full
        log.exception("the state of run %s could not be written", run.run_id)
    return state, stopped


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
    return Failure(error.key, {name: str(value) for name, value in error.values.items()}, str(error))


def _stopped_by(error: BaseException, state: JobState, run: RunFolder) -> JobState:
    if isinstance(error, Postponed):
        return JobState(state.kind)
    if not survivable(error):
        return state.ended("interrupted")
    failure = as_failure(error, str(run.path))
    status: Status = "cancelled" if isinstance(error, RunCancelled) else "failed"
    return state.ended(status, failure.error_key, failure.error_values, failure.error_text)
