"""The worker process: it holds the models and the device, analyses one run after the other, and answers
questions of the pages between two progress records.

It speaks JSON, one message a line: requests on standard input, replies on standard output. The run folder is
the truth; replies only wake the server. When standard input ends, the server is gone and the worker ends too.

    requests   {"do": "run", "path"}, {"do": "check", "path", "kind", "server", "ticket"},
               {"do": "cancel", "run"} with a run's id or a check's ticket, {"do": "ask", "key", "kind", "payload"}
    replies    {"what": "finished", "run", "state"}, {"what": "checked", "run", "ticket"},
               {"what": "answer", "key", "value"} or {…, "error_key", "error_values", "error_text"}
"""

import argparse
import importlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, TextIO

from core.config import RunConfig
from core.errors import ConfigError, HeadlightError, RunCancelled, StorageError
from core.heads import HeadId
from core.runs.job_state import CheckState, ended, read_check, write_check
from core.runs.progress import Record, append_record
from core.runs.run_folder import RunFolder, RunState, Status

log = logging.getLogger(__name__)

HEAD_QUESTION = ("layer", "head", "example", "partner", "query")
"""What a question of the kind `head` names beside the path of its run; see `core.inspection.head_view`."""
WHAT_IF_QUESTION = ("mode", "typed", "new_tokens")
"""What a question of the kind `what_if` names beside the path of its run and the heads; see
`core.inspection.ablated_generation`.
"""
STATE_INTERVAL = 0.2
"""Seconds between two writes of state.json within a stage."""


@dataclass(frozen=True)
class Engine:
    """The eight things that the worker needs of the engine."""

    analyse: Callable[..., Iterator[Any]]
    save: Callable[[Any, RunFolder], None]
    inspect: Callable[[str], dict[str, Any]]
    preview: Callable[..., dict[str, Any]]
    head_view: Callable[..., dict[str, Any]]
    what_if: Callable[..., dict[str, Any]]
    check: Callable[..., Iterator[Any]]
    new_pool: Callable[[], Any]

    @classmethod
    def load(cls, module: str = "") -> "Engine":
        """The engine of this package, or the eight names of another module."""
        if module:
            other = importlib.import_module(module)
            names = ("analyse", "save", "inspect", "preview", "head_view", "what_if", "check", "ModelPool")
            return cls(*(getattr(other, name) for name in names))
        from core.analysis.pipeline import analyse
        from core.inspection.ablated_generation import what_if
        from core.inspection.head_view import head_view
        from core.inspection.preview import inspect, preview
        from core.jobs.checks import check
        from core.model.loading import ModelPool
        from core.report.save import save

        return cls(analyse, save, inspect, preview, head_view, what_if, check, ModelPool)


class _PreemptedError(Exception):
    """A check makes room for a run."""


class Worker:
    """One loop over requests; a second thread only reads them, so that cancelling is seen at once."""

    def __init__(self, engine_module: str, replies: TextIO) -> None:
        self._engine_module = engine_module
        self._engine: Engine | None = None
        self._pool: Any = None
        self._replies = replies
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._later: list[dict[str, Any]] = []
        self._cancelled: set[str] = set()

    def read(self, requests: TextIO) -> None:
        """Sort requests into the inbox until the server is gone, then end the process."""
        for line in requests:
            request = json.loads(line)
            if request["do"] == "cancel":
                self._cancelled.add(request["run"])
                continue
            if request["do"] == "run":
                self._cancelled.discard(Path(request["path"]).name)
            self._inbox.put(request)
        os._exit(0)

    def serve(self) -> None:
        """Work on the requests, one after the other, for as long as the process lives."""
        self._inbox.put({"do": "ask", "key": "", "kind": "ready", "payload": None})
        while True:
            request = self._next()
            if request["do"] == "run":
                self._run(RunFolder(Path(request["path"])))
            elif request["do"] == "check":
                self._check(request)
            else:
                self._answer(request)

    def _next(self) -> dict[str, Any]:
        """The next request: runs before checks."""
        self._between()
        if not self._later:
            return self._inbox.get()
        first = next((request for request in self._later if request["do"] == "run"), self._later[0])
        self._later.remove(first)
        return first

    def _run(self, run: RunFolder) -> None:
        with _output_into(run.path / "log.txt"):
            state = self._outcome(run)
            try:
                run.write_state(state)
            except StorageError:
                log.exception("the state of run %s could not be written", run.run_id)
        self._reply(what="finished", run=run.run_id, state=asdict(state))

    def _outcome(self, run: RunFolder) -> RunState:
        state = RunState(status="running", started=time.time(), worker=os.getpid())
        try:
            state = self._analyse(run, state)
        except Exception as error:
            failure = as_failure(error, str(run.path))
            status: Status = "cancelled" if failure["error_key"] == "run_cancelled" else "failed"
            return replace(state, status=status, finished=time.time(), **failure)
        return replace(state, status="done", finished=time.time())

    def _analyse(self, run: RunFolder, state: RunState) -> RunState:
        run.write_state(state)
        written = time.monotonic()
        engine, pool = self._loaded()
        result = None
        for item in engine.analyse(run.config(), pool):
            if run.run_id in self._cancelled:
                raise RunCancelled
            if not hasattr(item, "stage"):
                result = item
                continue
            append_record(run, Record(time.time(), item.stage, item.step, item.total, item.metrics))
            fresh = item.stage == state.stage and time.monotonic() - written < STATE_INTERVAL
            state = replace(
                state, stage=item.stage, step=item.step, total=item.total, metrics=dict(item.metrics)
            )
            if not fresh:
                run.write_state(state)
                written = time.monotonic()
            self._between()
        engine.save(result, run)
        return state

    def _between(self) -> None:
        """Answer the questions that came in; keep runs and checks for later."""
        while True:
            try:
                request = self._inbox.get_nowait()
            except queue.Empty:
                return
            if request["do"] == "ask":
                self._answer(request)
            else:
                self._later.append(request)

    def _check(self, request: dict[str, Any]) -> None:
        run = RunFolder(Path(request["path"]))
        names = {name: request[name] for name in ("kind", "server", "ticket")}
        state = CheckState(**names, status="running", started=time.time())
        try:
            if state.ticket in self._cancelled:
                raise RunCancelled
            write_check(run, state)
            with _output_into(run.path / "log.txt"):
                self._work_on(run, state)
        except _PreemptedError:
            self._later.append(request)
            self._keep_check(run, replace(state, status="queued", started=0.0))
            return
        except Exception as error:
            failure = as_failure(error, str(run.path))
            status: Status = "cancelled" if failure["error_key"] == "run_cancelled" else "failed"
            self._end_check(run, state, status, failure["error_key"], failure["error_values"])
        else:
            self._end_check(run, state, "done")
        self._reply(what="checked", run=run.run_id, ticket=state.ticket)

    def _work_on(self, run: RunFolder, state: CheckState) -> None:
        engine, pool = self._loaded()
        written = 0.0
        for item in engine.check(state.kind, run, pool):
            if state.ticket in self._cancelled:
                raise RunCancelled
            fresh = item.stage == state.stage and time.monotonic() - written < STATE_INTERVAL
            if not fresh:
                state = replace(state, stage=item.stage, step=item.step, total=item.total)
                write_check(run, state)
                written = time.monotonic()
            self._between()
            if any(waiting["do"] == "run" for waiting in self._later):
                raise _PreemptedError

    def _end_check(
        self, run: RunFolder, begun: CheckState, status: Status, key: str = "", values: Any = None
    ) -> None:
        try:
            last = read_check(run) or begun
        except StorageError:
            last = begun
        if last.active and last.ticket == begun.ticket:  # else it was ended, or asked for anew
            self._keep_check(run, ended(last, status, key, values))

    def _keep_check(self, run: RunFolder, state: CheckState) -> None:
        try:
            write_check(run, state)
        except StorageError:
            log.exception("the state of the check of run %s could not be written", run.run_id)

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            value = self._ask(request["kind"], request["payload"])
        except Exception as error:
            self._reply(what="answer", key=request["key"], **as_failure(error, request["kind"]))
        else:
            self._reply(what="answer", key=request["key"], value=value)

    def _ask(self, kind: str, payload: Any) -> dict[str, Any]:
        engine, pool = self._loaded()
        if kind == "ready":
            return {}
        if kind == "inspect":
            return engine.inspect(payload)
        if kind == "preview":
            return engine.preview(RunConfig.model_validate(payload), pool)
        if kind == "head":
            config = RunFolder(Path(payload["run"])).config()
            return engine.head_view(config, pool, **{name: payload[name] for name in HEAD_QUESTION})
        if kind == "what_if":
            config = RunFolder(Path(payload["run"])).config()
            heads = [HeadId.parse(name) for name in payload["heads"]]
            return engine.what_if(config, heads, **{n: payload[n] for n in WHAT_IF_QUESTION}, models=pool)
        raise ConfigError("bad_setting", name="ask", detail=f"no such question: “{kind}”")

    def _loaded(self) -> tuple[Engine, Any]:
        if self._engine is None:
            self._engine = Engine.load(self._engine_module)
            self._pool = self._engine.new_pool()
        return self._engine, self._pool

    def _reply(self, **message: Any) -> None:
        self._replies.write(json.dumps(message, default=str) + "\n")
        self._replies.flush()


def as_failure(error: BaseException, place: str) -> dict[str, Any]:
    """Key, values and English text of what went wrong: the one place where unexpected errors are caught."""
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        error = StorageError("disk_full", path=place)
    if not isinstance(error, HeadlightError):
        log.error("unexpected error", exc_info=error)
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        error = HeadlightError("internal", detail=detail)
    values = {name: str(value) for name, value in error.values.items()}
    return {"error_key": error.key, "error_values": values, "error_text": str(error)}


@contextmanager
def _output_into(path: Path) -> Iterator[None]:
    """All that the process writes, native libraries included, goes into the file.

    Where the file cannot be opened (folder deleted, disk full), it goes where it went before.
    """
    try:
        file = path.open("ab")
    except OSError:
        yield
        return
    before = os.dup(2)
    try:
        with file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


def main() -> None:
    """Entry point of `python -m core.jobs.worker`; only the server starts it."""
    parser = argparse.ArgumentParser(description="Worker process of the dashboard")
    parser.add_argument("--engine", default="", help="module that takes the engine's place, for tests")
    arguments = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    worker = Worker(arguments.engine, replies)
    threading.Thread(target=worker.read, args=(sys.stdin,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
