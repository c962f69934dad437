"""An engine for tests of the jobs: as many steps as the examples' first text says, and nothing learned."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from errno import ENOSPC
from typing import Any

from core.config import RunConfig
from core.errors import ModelError, StorageError
from core.runs.run_folder import RunFolder, RunState


@dataclass(frozen=True)
class Progress:
    stage: str
    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    model: str


class ModelPool:
    """Nothing to hold."""

    filled = False


def analyse(config: RunConfig, models: ModelPool | None = None) -> Iterator[Progress | Result]:
    """The scenario's name chooses what happens."""
    yield Progress("load", 1, 1)
    metric, _, amount = config.scenario.partition(":")
    if metric == "refuse":
        raise ModelError("no_config", name=config.model)
    if metric == "break":
        raise ValueError("a number that cannot be")
    if metric == "full":
        raise OSError(ENOSPC, "no space left")
    if metric == "full_once" and not ModelPool.filled:
        ModelPool.filled = True
        _refuse_next_state()
        raise OSError(ENOSPC, "no space left")
    if metric == "die":
        os._exit(9)
    if metric == "stuck":
        time.sleep(60)
    steps = int(amount or 3)
    for step in range(steps):
        if metric == "slow":
            time.sleep(0.05)
        yield Progress("train", step + 1, steps, {"loss": 1.0 / (step + 1)})
    yield Result(config.model)


def _refuse_next_state() -> None:
    """Let the next state of a run find no room, as on a full disk."""
    write = RunFolder.write_state

    def full(run: RunFolder, state: RunState) -> None:
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


def inspect(source: str) -> dict[str, Any]:
    """The name, or the error of a folder without config."""
    if source == "missing":
        raise ModelError("no_config", name=source)
    return {"name": source, "pid": os.getpid()}


def preview(config: RunConfig, models: ModelPool) -> dict[str, Any]:
    """How many examples came over."""
    return {"count": len(config.examples.examples)}


def head_view(config: RunConfig, models: ModelPool, **question: Any) -> dict[str, Any]:
    """The question, and the model of the run that it is about."""
    return {"model": config.model, **question}


def what_if(
    config: RunConfig, heads: list[Any], *, mode: str, typed: list[str], new_tokens: int, models: ModelPool
) -> dict[str, Any]:
    """The question, and the model of the run that it is about."""
    return {"model": config.model, "heads": [str(head) for head in heads], "mode": mode, "typed": typed}


def check(kind: str, run: RunFolder, models: ModelPool) -> Iterator[Progress]:
    """As many steps as the name of the run says; `break`, `refuse` and `die` as in an analysis."""
    metric, _, amount = run.meta().name.partition(":")
    steps = int(amount or 2)
    for step in range(steps):
        yield Progress("circuit", step + 1, steps)
        if metric == "refuse":
            raise ModelError("no_config", name="m")
        if metric == "break":
            raise ValueError("a number that cannot be")
        if metric == "die":
            os._exit(9)
        if metric == "slow":
            time.sleep(0.05)
    run.write_json("circuit.json", {"format": 1, "state": "computed", "kind": kind})
