"""Runs for the engine that learns nothing, and how to wait for them."""

import time
from collections.abc import Callable

from core.config import RunConfig, make_config
from core.examples.reading import from_pasted
from core.jobs.backend import Answer, start
from core.jobs.local_backend import LocalBackend
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder


def config(behaviour: str = "quick") -> RunConfig:
    """Settings whose scenario tells the engine what to do."""
    examples = from_pasted("a b\nc d\ne f", "a x\nc x\ne x").examples
    return make_config(model="some/model", examples=examples, scenario=behaviour)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def wait_until_stuck(run: RunFolder) -> None:
    """Wait until the engine does not answer any more."""
    log = run.path / "log.txt"
    wait_for(lambda: log.exists() and "stuck" in log.read_text(encoding="utf-8"))


def finish(backend: LocalBackend, run: RunFolder) -> str:
    """How the analysis ends."""
    wait_for(lambda: not backend.status(run.run_id).active)
    return backend.status(run.run_id).state.status


def check_of(backend: LocalBackend, run: RunFolder) -> JobState:
    """The last check of a run, which there is."""
    state = backend.check_status(run.run_id)
    assert state is not None
    return state


def finish_check(backend: LocalBackend, run: RunFolder) -> JobState:
    """The last check of a run, when it has ended."""
    wait_for(lambda: not check_of(backend, run).active)
    return check_of(backend, run)


def done_run(backend: LocalBackend, name: str = "quick:3") -> RunFolder:
    """A run that is done; its name tells the engine what its checks do."""
    run = start(backend, config("quick:1"), name=name)
    assert finish(backend, run) == "done"
    return run


def answer(backend: LocalBackend, kind: str, payload: object) -> Answer:
    """The answer to a question that has not been asked before."""
    wait_for(lambda: not backend.ask(kind, payload).pending)  # type: ignore[arg-type]
    return backend.ask(kind, payload)  # type: ignore[arg-type]


def worker_of(backend: LocalBackend) -> int:
    """The process id of the worker at work."""
    wait_for(lambda: not backend.ask("inspect", "worker", again=False).pending)
    backend.ask("inspect", "worker", again=True)
    value = answer(backend, "inspect", "worker").value
    assert value is not None
    return int(value["pid"])
