"""An engine for tests of the jobs: as many steps as the examples' first text says, and nothing learned."""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from typing import Any

from core.config import RunConfig
from core.errors import ModelError, StorageError
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder
from core.schema import Progress

STUB = __name__


class Panic(BaseException):
    """Like the panic of Rust code in a tokenizer: no Exception."""


@dataclass(frozen=True)
class Result:
    model: str


class ModelPool:
    """Nothing to hold."""

    filled = False


@contextmanager
def interruptible(look: Callable[[], None], tell: Any = None) -> Iterator[None]:
    """No module that could look: what the engine does is stopped between two records."""
    yield


def analyse(config: RunConfig, models: ModelPool | None = None) -> Generator[Progress | Result, None, None]:
    """The scenario's name chooses what happens."""
    yield Progress("load", 1, 1)
    behaviour, _, amount = config.scenario.partition(":")
    if behaviour == "full_once" and not ModelPool.filled:
        ModelPool.filled = True
        _refuse_next_state()
        raise OSError(ENOSPC, "no space left")
    _fail(behaviour, config.model)
    steps = int(amount or 3)
    for step in range(steps):
        if behaviour == "slow":
            time.sleep(0.05)
        yield Progress("train", step + 1, steps, {"loss": 1.0 / (step + 1)})
    yield Result(config.model)


def _fail(behaviour: str, name: str) -> None:
    if behaviour == "refuse":
        raise ModelError("no_config", name=name)
    if behaviour == "break":
        raise ValueError("a number that cannot be")
    if behaviour == "panic":
        raise Panic("index out of bounds")
    if behaviour == "full":
        raise OSError(ENOSPC, "no space left")
    if behaviour == "die":
        os._exit(9)
    if behaviour == "stuck":
        os.write(2, b"stuck")  # into the log of the run
        time.sleep(60)


def _refuse_next_state() -> None:
    """Let the next state of a run find no room, as on a full disk."""
    write = RunFolder.write_state

    def full(run: RunFolder, state: JobState) -> None:
        RunFolder.write_state = write  # type: ignore[method-assign]
        raise StorageError("disk_full", path=run.path)

    RunFolder.write_state = full  # type: ignore[method-assign]


def save(result: Result, run: RunFolder) -> None:
    """A manifest that names the model."""
    manifest: dict[str, Any] = {"format": 1, "model": {"name": result.model}, "timings": {"train": 1.5}}
    if run.config().scenario == "follow":
        manifest["evidence"] = "computed"
        manifest["model"]["n_parameters"] = 1000
        run.write_bytes("examples.csv", b"label,tokens\nanomalous,7\nnormal,9\n")
    run.write_json("manifest.json", manifest)


def inspect(source: str, adapter: str = "") -> dict[str, Any]:
    """The name, or the error of a folder without config."""
    _fail(source, source)
    if source == "missing":
        raise ModelError("no_config", name=source)
    return {"name": source, "pid": os.getpid()}


def preview(config: RunConfig, models: ModelPool) -> dict[str, Any]:
    """How many examples came over."""
    _fail(config.scenario, config.model)
    return {"count": len(config.examples.examples)}


def suggest_answers(config: RunConfig, models: ModelPool) -> dict[str, Any]:
    """The texts came over."""
    return {"state": "alike", "examples": [], "offered": [], "alike": len(config.examples.examples)}


def make_draft_partners(config: RunConfig, *, models: ModelPool, **question: Any) -> dict[str, Any]:
    """The question, and how many examples came over."""
    return {"count": len(config.examples.examples), **question}


def head_view(config: RunConfig, models: ModelPool, **question: Any) -> dict[str, Any]:
    """The question, and the model of the run that it is about."""
    return {"model": config.model, **question}


def what_if(
    config: RunConfig, heads: list[Any], *, mode: str, typed: list[str], new_tokens: int, models: ModelPool
) -> dict[str, Any]:
    """The question, and the model of the run that it is about."""
    return {"model": config.model, "heads": [str(head) for head in heads], "mode": mode, "typed": typed}


def check(kind: str, run: RunFolder, models: ModelPool) -> Generator[Progress, None, None]:
    """As many steps as the name of the run says; failures as in an analysis."""
    behaviour, _, amount = run.meta().name.partition(":")
    steps = int(amount or 2)
    for step in range(steps):
        yield Progress("circuit", step + 1, steps)
        _fail(behaviour, "m")
        if behaviour == "slow":
            time.sleep(0.05)
    run.write_json("circuit.json", {"format": 1, "state": "computed", "kind": kind})
