"""One worker process on this machine, with a queue in front of it.

The worker is a fresh interpreter (`python -m core.jobs.worker`), not a multiprocessing child: a spawned child
would run the dashboard's main script again.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import core
from core.errors import MESSAGES, StorageError
from core.jobs.backend import Answer, JobStatus, QuestionKind
from core.runs.job_state import (
    CHECK_FILE,
    CheckKind,
    CheckState,
    ended,
    follow_up,
    read_check,
    write_check,
)
from core.runs.progress import measured_timings, read_records, seconds_left
from core.runs.run_folder import ACTIVE, RunFolder, RunState, Status, list_runs, open_run

CANCEL_GRACE = 1.5
"""Seconds that a worker has to stop by itself before it is ended."""
_REMEMBERED = 64
SILENCE = 30.0
"""Seconds after which a check that another server began, and no longer writes about, counts as interrupted."""


class LocalBackend:
    """One worker process on this machine. Every method may be called from any thread."""

    def __init__(self, engine_module: str = "") -> None:
        self._engine_module = engine_module
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._queue: list[RunFolder] = []
        self._current: RunFolder | None = None
        self._cancelling: set[str] = set()
        self._locks: dict[str, TextIO] = {}
        self._unwritten: dict[str, RunState] = {}
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._server = uuid.uuid4().hex
        self._checks: dict[str, CheckState] = {}
        mark_interrupted()
        self._worker()  # importing the engine takes seconds: begin before the first question

    def submit(self, run: RunFolder) -> None:
        """Put the run at the end of the queue and start it if nothing else is at work."""
        with self._lock:
            if run.run_id in self._locks:
                return
            self._locks[run.run_id] = _hold(run)
            self._unwritten.pop(run.run_id, None)
            self._queue.append(run)
            self._start_next()

    def status(self, run_id: str) -> JobStatus:
        """How far the run is; raises StorageError where there is none."""
        run = open_run(run_id)
        with self._lock:
            state = self._unwritten.get(run_id) or run.state()
            waiting = [queued.run_id for queued in self._queue]
        place = waiting.index(run_id) + 1 if run_id in waiting else 0
        if state.status != "running":
            return JobStatus(run_id, state, place, max(0.0, state.finished - state.started))
        config = run.config()
        left = seconds_left(read_records(run), measured_timings(config.model, config.preset))
        return JobStatus(run_id, state, place, time.time() - state.started, left)

    def cancel(self, run_id: str) -> None:
        """Stop a queued run at once and a running one within CANCEL_GRACE seconds."""
        with self._lock:
            for run in [queued for queued in self._queue if queued.run_id == run_id]:
                self._queue.remove(run)
                self._end(run, "cancelled", "run_cancelled")
            current = self._current
            if current is None or current.run_id != run_id or run_id in self._cancelling:
                return
            self._cancelling.add(run_id)
            self._send({"do": "cancel", "run": run_id})
            timer = threading.Timer(CANCEL_GRACE, self._end_worker_of, args=(current, self._process))
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

    def check(self, run_id: str, kind: CheckKind) -> None:
        """Begin a deeper check of a finished run; nothing happens where one is at work on it."""
        run = open_run(run_id)
        with self._lock:
            if run_id in self._checks and (last := read_check(run)) is not None and last.active:
                return
            self._begin_check(run, CheckState(kind, server=self._server, ticket=uuid.uuid4().hex))

    def check_status(self, run_id: str) -> CheckState | None:
        """How far the last check of the run is; one that no server holds any more is interrupted."""
        run = open_run(run_id)
        with self._lock:
            held, state = run_id in self._checks, read_check(run)
        if state is None or not state.active or held:
            return state
        silent = time.time() - (run.path / CHECK_FILE).stat().st_mtime > SILENCE
        return ended(state, "interrupted") if state.server == self._server or silent else state

    def cancel_check(self, run_id: str) -> None:
        """Stop the check of a run, a queued one at once; what it has found stays."""
        with self._lock:
            if run_id not in self._checks:
                return
            ticket = self._checks[run_id].ticket
            self._cancelling.add(ticket)
            self._send({"do": "cancel", "run": ticket})
            try:
                run = open_run(run_id)
                state = read_check(run)
                if state is not None and state.status == "queued" and state.ticket == ticket:
                    write_check(run, ended(state, "cancelled", "run_cancelled"))
                    self._checked(run_id, ticket)
            except StorageError:
                return  # deleted meanwhile, or no room: the worker tells when it has stopped

    def close(self) -> None:
        """End the worker; a run at work is marked interrupted."""
        with self._lock:
            process, self._process = self._process, None
            self._end_checks("interrupted")
            for run in [*self._queue, *([self._current] if self._current else [])]:
                self._end(run, "interrupted")
            self._queue, self._current = [], None
        if process:
            process.kill()
            process.wait()

    def _start_next(self) -> None:
        if self._current is None and self._queue:
            self._current = self._queue.pop(0)
            self._send({"do": "run", "path": str(self._current.path)})

    def _send(self, request: Mapping[str, Any]) -> None:
        process = self._worker()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request, default=str) + "\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # the listening thread sees the same end and tells what it means

    def _worker(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = _start_worker(self._engine_module)
            threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        return self._process

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            with self._lock:
                what = message.pop("what")
                if what == "answer":
                    self._answered(message.pop("key"), _answer(message))
                elif what == "checked":
                    self._checked(message["run"], message["ticket"])
                else:
                    self._finished(message["run"], message["state"])
                    self._follow_up(message["run"])
        self._worker_ended(process, process.wait())

    def _begin_check(self, run: RunFolder, state: CheckState) -> None:
        write_check(run, state)
        self._checks[run.run_id] = state
        request = {"kind": state.kind, "server": state.server, "ticket": state.ticket}
        self._send({"do": "check", "path": str(run.path), **request})

    def _checked(self, run_id: str, ticket: str) -> None:
        self._cancelling.discard(ticket)
        if run_id in self._checks and self._checks[run_id].ticket == ticket:
            del self._checks[run_id]

    def _answered(self, key: str, answer: Answer) -> None:
        if key in self._answers:
            self._answers[key] = answer

    def _finished(self, run_id: str, state: dict[str, Any]) -> None:
        run, self._current = self._current, None
        if run is None or run.run_id != run_id:
            self._current = run
            return
        try:
            if run.path.exists() and run.state().status in ACTIVE:
                self._unwritten[run_id] = RunState(**state)
        except StorageError:
            pass  # deleted at this moment: nobody asks for its state any more
        self._release(run)
        self._start_next()

    def _follow_up(self, run_id: str) -> None:
        """Begin the check that follows a run that is done."""
        try:
            run = open_run(run_id)
            kind = follow_up(run) if run.state().status == "done" else None
            if kind is not None:
                self.check(run_id, kind)
        except StorageError:
            return  # deleted meanwhile, or no room: the check can be asked for later

    def _end_checks(self, status: Status, key: str = "", **values: Any) -> None:
        for run_id in list(self._checks):
            self._end_check(run_id, status, key, values)

    def _end_check(
        self, run_id: str, status: Status, key: str = "", values: Mapping[str, Any] | None = None
    ) -> None:
        self._checked(run_id, self._checks[run_id].ticket)
        try:
            run = open_run(run_id)
            state = read_check(run)
            if state is not None and state.active:
                write_check(run, ended(state, status, key, values))
        except StorageError:
            pass  # deleted meanwhile, or no room: nothing can be kept there

    def _send_checks_again(self) -> None:
        """Give the checks that an ended worker held to the next one; they begin anew."""
        for run_id, state in list(self._checks.items()):
            if state.ticket in self._cancelling:
                self._end_check(run_id, "cancelled", "run_cancelled")
                continue
            self._checked(run_id, state.ticket)
            try:
                self._begin_check(open_run(run_id), state)
            except StorageError:
                continue  # deleted meanwhile, or no room: it can be asked for later

    def _worker_ended(self, process: "subprocess.Popen[str]", code: int) -> None:
        with self._lock:
            if process is not self._process:
                return
            self._process = None
            run, self._current = self._current, None
            stopped = run is not None and run.run_id in self._cancelling
            if not stopped:
                self._end_checks("failed", "worker_died", code=code)
            for key, answer in self._answers.items():
                if answer.pending:
                    self._answers[key] = Answer(False, None, "worker_died", {"code": code})
            if run is not None and stopped:
                self._end(run, "cancelled", "run_cancelled")
            elif run is not None:
                self._end(run, "failed", "worker_died", code=code)
            self._start_next()
            self._send_checks_again()

    def _end_worker_of(self, run: RunFolder, process: "subprocess.Popen[str] | None") -> None:
        with self._lock:
            if self._current is run and process is self._process and process is not None:
                process.kill()

    def _end(self, run: RunFolder, status: Status, key: str = "", **values: Any) -> None:
        try:
            _write_end(run, status, key, **values)
        except StorageError:
            pass  # the folder was deleted, or there is no room: nothing can be kept there
        finally:
            self._release(run)

    def _release(self, run: RunFolder) -> None:
        self._cancelling.discard(run.run_id)
        lock = self._locks.pop(run.run_id, None)
        if lock:
            lock.close()


def mark_interrupted() -> list[str]:
    """Mark the runs that say they are at work while no server holds them. Returns their ids."""
    marked = []
    for run in list_runs():
        try:
            if run.state().status not in ACTIVE:
                continue
            _hold(run).close()
            _write_end(run, "interrupted")
        except (BlockingIOError, StorageError):
            continue
        marked.append(run.run_id)
    return marked


def _hold(run: RunFolder) -> TextIO:
    """Lock the run for this process; the lock goes with the process, however it ends."""
    file = (run.path / ".lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def _write_end(run: RunFolder, status: Status, key: str = "", **values: Any) -> None:
    state = run.state()
    if state.status not in ACTIVE:
        return
    text = MESSAGES[key].format(**values) if key else ""
    run.write_state(
        replace(
            state, status=status, finished=time.time(), error_key=key, error_values=values, error_text=text
        )
    )


def _start_worker(engine_module: str) -> "subprocess.Popen[str]":
    root = str(Path(core.__file__ or "").parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-m", "core.jobs.worker", "--engine", engine_module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
    )


def _answer(message: Mapping[str, Any]) -> Answer:
    if "error_key" in message:
        return Answer(False, None, message["error_key"], message["error_values"])
    return Answer(False, message["value"])
