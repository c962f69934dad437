"""One worker process on this machine, with one queue of jobs in front of it."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from filelock import BaseFileLock

from core.errors import MESSAGES, StorageError
from core.jobs._worker_process import WorkerProcess
from core.jobs.backend import Answer, JobStatus, QuestionKind
from core.jobs.follow_up import follow_up
from core.runs.job_state import JobKind, JobState, Status, read_state
from core.runs.progress import read_records
from core.runs.run_folder import RunFolder, list_runs, open_run
from core.runs.time_left import earlier_run, seconds_left, size_of

CANCEL_GRACE = 1.5
"""Seconds that a worker has to stop by itself before it is ended."""
_REMEMBERED = 64


@dataclass(eq=False)
class Job:
    """One thing to do on one run, and the lock that says that this server does it."""

    kind: JobKind
    run: RunFolder
    lock: BaseFileLock
    cancelled: bool = False


class LocalBackend:
    """One worker process on this machine. Every method may be called from any thread."""

    def __init__(self, engine_module: str = "") -> None:
        self._engine_module = engine_module
        self._lock = threading.RLock()
        self._worker: WorkerProcess | None = None
        self._queue: list[Job] = []
        self._current: Job | None = None
        self._unwritten: dict[tuple[str, JobKind], JobState] = {}
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        mark_interrupted()
        self._started_worker()  # importing the engine takes seconds: begin before the first question

    def submit(self, run: RunFolder, kind: JobKind = "analysis") -> None:
        """Put a job at the end of the queue; nothing happens where the run has one. Analyses go before checks."""
        with self._lock:
            if self._job_of(run.run_id) is not None:
                return
            job = Job(kind, run, run.hold())
            try:
                run.write_state(JobState(kind))
            except StorageError:
                job.lock.release()
                raise
            self._unwritten.pop((run.run_id, kind), None)
            self._queue.append(job)
            self._start_next()

    def status(self, run_id: str) -> JobStatus:
        """How far the analysis is; raises StorageError where there is no such run."""
        run = open_run(run_id)
        with self._lock:
            state = self._true_state(run, self._unwritten.get((run_id, "analysis")) or run.state())
            waiting = [job.run.run_id for job in self._queue if job.kind == "analysis"]
        place = waiting.index(run_id) + 1 if run_id in waiting else 0
        if state.status != "running":
            return JobStatus(run_id, state, place)
        config = run.config()
        records = read_records(run)
        left = seconds_left(records, size_of(records, config), earlier_run(config))
        return JobStatus(run_id, state, place, left)

    def check_status(self, run_id: str) -> JobState | None:
        """How far the last check of the run is; raises StorageError where there is no such run."""
        run = open_run(run_id)
        with self._lock:
            state = run.last_check()
            return state and self._true_state(run, self._unwritten.get((run_id, state.kind), state))

    def cancel(self, run_id: str) -> None:
        """Stop the job of a run: a queued one at once, one at work within CANCEL_GRACE seconds."""
        with self._lock:
            job = self._job_of(run_id)
            if job is None or job.cancelled:
                return
            if job is not self._current:
                self._queue.remove(job)
                self._end(job, "cancelled", "run_cancelled")
                return
            job.cancelled = True
            self._send({"do": "stop", "status": "cancelled"})
            timer = threading.Timer(CANCEL_GRACE, self._end_worker_at, args=(job,))
        timer.daemon = True
        timer.start()

    def ask(self, kind: QuestionKind, payload: Any, again: bool = False) -> Answer:
        """The worker's answer; the same question is answered from memory, a new one is pending at first."""
        text = json.dumps([kind, payload], sort_keys=True, ensure_ascii=False)
        key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        with self._lock:
            known = self._answers.get(key)
            if known is not None and (known.pending or not again):
                self._answers.move_to_end(key)
                return known
            self._answers[key] = Answer()
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
            self._send({"do": "ask", "key": key, "kind": kind, "payload": payload})
            return self._answers[key]

    def close(self) -> None:
        """End the worker; a job at work or waiting is marked interrupted."""
        with self._lock:
            worker, self._worker = self._worker, None
            for job in [*self._queue, *([self._current] if self._current else [])]:
                self._end(job, "interrupted")
            self._queue, self._current = [], None
        if worker:
            worker.end()

    def _job_of(self, run_id: str) -> Job | None:
        jobs = [*self._queue, *([self._current] if self._current else [])]
        return next((job for job in jobs if job.run.run_id == run_id), None)

    def _true_state(self, run: RunFolder, state: JobState) -> JobState:
        """A job is at work until the worker has let go of it; one that no process holds any more was interrupted."""
        job = self._job_of(run.run_id)
        if job is not None and job.kind == state.kind:
            return state if state.active else replace(state, status="running", finished=0.0)
        return state if not state.active or run.held() else state.ended("interrupted")

    def _start_next(self) -> None:
        """Give the worker the next job; a check at work makes room for an analysis."""
        analyses = [job for job in self._queue if job.kind == "analysis"]
        if self._current is None and self._queue:
            self._current = (analyses or self._queue)[0]
            self._queue.remove(self._current)
            self._send({"do": "job", "kind": self._current.kind, "path": str(self._current.run.path)})
        elif analyses and self._current and self._current.kind != "analysis" and not self._current.cancelled:
            self._send({"do": "stop", "status": "queued"})

    def _send(self, request: Mapping[str, Any]) -> None:
        self._started_worker().send(request)

    def _started_worker(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = WorkerProcess(self._engine_module)
            threading.Thread(target=self._listen, args=(self._worker,), daemon=True).start()
        return self._worker

    def _listen(self, worker: WorkerProcess) -> None:
        for message in worker.messages():
            with self._lock:
                if worker is not self._worker:
                    return
                if message["what"] == "ended":
                    self._ended(read_state(message["state"]))
                elif message["key"] in self._answers:
                    self._answers[message["key"]] = _answer(message)
        self._worker_ended(worker, worker.wait())

    def _ended(self, state: JobState) -> None:
        job, self._current = self._current, None
        if job is None:
            return
        if state.active and job.cancelled:  # it made room, and was cancelled before that was known here
            self._end(job, "cancelled", "run_cancelled")
        elif state.active:
            self._queue.insert(0, job)
        else:
            self._let_go(job, state)
        self._start_next()

    def _let_go(self, job: Job, state: JobState) -> None:
        """Release a job that has ended; its state is kept here where the disk had no room for it."""
        job.lock.release()
        with suppress(StorageError):  # deleted meanwhile, or no room: a check can be asked for later
            if job.run.path.exists() and job.run.state(job.kind).active:
                self._unwritten[job.run.run_id, job.kind] = state
            if job.kind == "analysis" and state.status == "done":
                kind = follow_up(job.run)
                if kind is not None:
                    self.submit(job.run, kind)

    def _worker_ended(self, worker: WorkerProcess, code: int) -> None:
        with self._lock:
            if worker is not self._worker:
                return
            self._worker = None
            for key, answer in self._answers.items():
                if answer.pending:
                    self._answers[key] = Answer(False, None, "worker_died", {"code": code})
            job, self._current = self._current, None
            if job is not None and job.cancelled:
                self._end(job, "cancelled", "run_cancelled")
            elif job is not None:
                self._end(job, "failed", "worker_died", code=code)
            self._start_next()

    def _end_worker_at(self, job: Job) -> None:
        """End a worker that did not stop a job in time."""
        with self._lock:
            if self._current is job and self._worker is not None:
                self._worker.kill()

    def _end(self, job: Job, status: Status, key: str = "", **values: Any) -> None:
        with suppress(StorageError):  # the folder was deleted, or there is no room: nothing can be kept there
            _write_end(job.run, job.run.state(job.kind), status, key, **values)
        job.lock.release()


def mark_interrupted() -> list[str]:
    """Mark the jobs that say they are at work while no process holds their run. Returns the ids of these runs."""
    marked = []
    for run in list_runs():
        with suppress(StorageError):
            active = [state for state in (run.state(), run.last_check()) if state and state.active]
            if active and not run.held():
                for state in active:
                    _write_end(run, state, "interrupted")
                marked.append(run.run_id)
    return marked


def _write_end(run: RunFolder, state: JobState, status: Status, key: str = "", **values: Any) -> None:
    if state.active:
        run.write_state(state.ended(status, key, values, MESSAGES[key].format(**values) if key else ""))


def _answer(message: Mapping[str, Any]) -> Answer:
    if "error_key" in message:
        return Answer(False, None, message["error_key"], message["error_values"])
    return Answer(False, message["value"])
