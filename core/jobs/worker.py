"""The worker process: it holds the models and the device, does one job after the other, and answers questions of the
pages between two progress records. A job that is to stop does so at the next module of its model, and the models stay.

It speaks JSON, one message a line: requests on standard input, replies on standard output. The run folder is
the truth; replies only wake the server. When standard input ends, the server is gone and the worker ends too.

    requests   {"do": "job", "kind", "path"}, {"do": "stop", "status"} with cancelled or queued, for the job at work,
               {"do": "ask", "key", "kind", "payload"}; the payload of `head` and `what_if` names the path of a run and
               the arguments of the function of that name
    replies    {"what": "ended", "state"}, {"what": "answer", "key", "value"} or {…, "error_key", "error_values", …}
"""

import argparse
import importlib
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from core.config import RunConfig
from core.errors import ConfigError, RunCancelled
from core.heads import parse_unit
from core.jobs.carrying_out import Postponed, as_failure, carry_out, saved, survivable
from core.runs.compared import compared_config
from core.runs.job_state import JobKind
from core.runs.run_folder import RunFolder
from core.schema import Progress

ENGINE = "core.jobs._engine"


class Worker:
    """One loop over requests; a second thread only reads them, so that a stop is seen at once."""

    def __init__(self, engine_module: str, replies: TextIO) -> None:
        self._engine_module = engine_module
        self._engine: ModuleType | None = None
        self._pool: Any = None
        self._replies = replies
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stop = ""

    def read(self, requests: TextIO) -> None:
        """Sort requests into the inbox until the server is gone, then end the process."""
        for line in requests:
            request = json.loads(line)
            if request["do"] == "stop":
                self._stop = request["status"]
                continue
            if request["do"] == "job":
                self._stop = ""  # a stop that stands before it was meant for the job before
            self._inbox.put(request)
        os._exit(0)

    def serve(self) -> None:
        """Work on the requests, one after the other, for as long as the process lives."""
        self._inbox.put({"do": "ask", "key": "", "kind": "ready", "payload": None})
        while True:
            request = self._inbox.get()
            if request["do"] == "job":
                self.do(RunFolder(Path(request["path"])), request["kind"])
            else:
                self._answer(request)

    def do(self, run: RunFolder, kind: JobKind) -> None:
        """Do a job, and tell the server when it has ended."""
        with _output_into(run.path / "log.txt"):
            state, error = carry_out(run, kind, self._steps(run, kind), self._between, self._stoppable)
        self._reply(what="ended", state=asdict(state))
        if error is not None and not survivable(error):
            raise error

    def _steps(self, run: RunFolder, kind: JobKind) -> Generator[Progress, None, None]:
        engine, pool = self._loaded()
        if kind == "analysis":
            yield from saved(engine.analyse(run.config(), pool), engine.save, run)
        else:
            yield from engine.check(kind, run, pool)

    @contextmanager
    def _stoppable(self, tell: Callable[[Progress], None] | None) -> Iterator[None]:
        """The work inside looks for a stop at every module of the model."""
        with self._loaded()[0].interruptible(self._stop_if_asked, tell):
            yield

    def _stop_if_asked(self) -> None:
        if self._stop == "cancelled":
            raise RunCancelled
        if self._stop:
            raise Postponed

    def _between(self, _record: Progress) -> None:
        """Answer the questions that came in; the server sends the next job when this one has ended.

        A question that is being answered when the job is to stop is answered once the job has ended.
        """
        self._stop_if_asked()
        while not self._inbox.empty():
            request = self._inbox.get()
            try:
                with self._stoppable(None):
                    self._answer(request)
            except (RunCancelled, Postponed):
                self._inbox.put(request)
                raise
            self._stop_if_asked()

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            value = self._ask(request["kind"], request["payload"])
        except (RunCancelled, Postponed):
            raise
        except BaseException as error:
            if not survivable(error):
                raise
            self._reply(what="answer", key=request["key"], **asdict(as_failure(error, request["kind"])))
        else:
            self._reply(what="answer", key=request["key"], value=value)

    def _ask(self, kind: str, payload: Any) -> Mapping[str, Any]:
        engine, pool = self._loaded()
        if kind == "ready":
            return {}
        if kind == "inspect":
            return engine.inspect(**payload) if isinstance(payload, dict) else engine.inspect(payload)
        if kind == "hub":
            return engine.ask_hub(payload)
        if kind == "preview":
            return engine.preview(RunConfig.model_validate(payload), pool)
        if kind == "suggest":
            return engine.suggest_answers(RunConfig.model_validate(payload), pool)
        if kind == "partners":
            asked = dict(payload)
            config = RunConfig.model_validate(asked.pop("config"))
            return engine.make_draft_partners(config, models=pool, **asked)
        if kind not in ("head", "what_if"):
            raise ConfigError("bad_setting", name="ask", detail=f"no such question: “{kind}”")
        arguments = dict(payload)
        run = RunFolder(Path(arguments.pop("run")))
        if kind == "head":  # its examples are counted as in examples.csv, made partners among them
            return engine.head_view(compared_config(run), pool, **arguments)
        heads = [parse_unit(name) for name in arguments.pop("heads")]
        return engine.what_if(run.config(), heads, models=pool, **arguments)

    def _loaded(self) -> tuple[ModuleType, Any]:
        """The engine and its models; importing it takes seconds, so it is done once the worker answers already."""
        if self._engine is None:
            self._engine = importlib.import_module(self._engine_module)
            self._pool = self._engine.ModelPool()
        return self._engine, self._pool

    def _reply(self, **message: Any) -> None:
        self._replies.write(json.dumps(message, default=str) + "\n")
        self._replies.flush()


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
    parser.add_argument("--engine", default=ENGINE, help="module that takes the engine's place, for tests")
    arguments = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    worker = Worker(arguments.engine, replies)
    threading.Thread(target=worker.read, args=(sys.stdin,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
