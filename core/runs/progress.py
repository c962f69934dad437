"""What the progress records of a run tell: the loss curve, the time of each stage."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter, ValidationError

from core.errors import StorageError
from core.runs.run_folder import RunFolder, stamped_runs

STAGES = (
    "load",
    "tokens",
    "capture",
    "partners",
    "blocks",
    "train",
    "codes",
    "score",
    "screen",
    "statistics",
    "evidence",
    "mechanisms",
    "report",
)
"""The stages of an analysis, in order.

`partners` only where texts have none, `blocks` only with evidence, `screen` only where it was asked for, `mechanisms`
only where effects were measured.
"""

LEAST_WORK_FIRST = ("fast", "standard")
"""Presets of which each does what those before it do, and more; the published recipe does other work."""
NEWEST = 5
"""Finished runs of a preset that an expected time rests on."""


@dataclass(frozen=True)
class Record:
    """One line of progress.jsonl; `time` in seconds since the epoch."""

    time: float
    stage: str
    step: int
    total: int
    metrics: Mapping[str, float]


_RECORD = TypeAdapter(Record)


def append_record(run: RunFolder, record: Record) -> None:
    """Add a line to the run's progress.jsonl. Raises OSError, for example for a full disk."""
    with (run.path / "progress.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**record.__dict__, "metrics": dict(record.metrics)}) + "\n")


def read_records(run: RunFolder) -> list[Record]:
    """Every whole line of progress.jsonl; a line that was cut by a kill, or is damaged, is left out."""
    records = []
    with suppress(OSError):
        for line in (run.path / "progress.jsonl").read_bytes().splitlines():
            with suppress(ValidationError):
                records.append(_RECORD.validate_json(line))
    return records


def stage_seconds(records: Sequence[Record], now: float | None = None) -> dict[str, float]:
    """Seconds spent in each stage so far; `now` ends the last stage where the run still goes on."""
    seconds: dict[str, float] = {}
    for record, following in pairwise(records):
        seconds[record.stage] = seconds.get(record.stage, 0.0) + following.time - record.time
    if records:
        last = records[-1]
        seconds[last.stage] = seconds.get(last.stage, 0.0) + max(0.0, (now or last.time) - last.time)
    return seconds


def measured_timings(model: str, preset: str) -> dict[str, float] | None:
    """Seconds a stage of the newest finished run with this model and preset, or None."""
    for path, stamp in stamped_runs():
        if _finished(path, stamp) == (model, preset):
            with suppress(StorageError):
                return RunFolder(Path(path)).manifest().timings
    return None


def expected_seconds(model: str) -> dict[str, float]:
    """Seconds that a run of the model is expected to take, by preset; empty where none has finished here.

    The median of the newest finished runs of each preset with evidence; a preset without one is left out. Single runs
    of a few seconds differ by more than the presets do, since the first of them also loads the model: so a preset of
    LEAST_WORK_FIRST is never expected to take less than one that stands before it.
    """
    taken: dict[str, list[float]] = {}
    for path, stamp in stamped_runs():
        kind = _finished(path, stamp)
        seconds = _taken(path, stamp) if kind is not None and kind[0] == model else None
        if kind is not None and seconds is not None and len(taken.get(kind[1], ())) < NEWEST:
            taken.setdefault(kind[1], []).append(seconds)
    expected = {preset: median(of_preset) for preset, of_preset in taken.items()}
    at_least = 0.0
    for preset in LEAST_WORK_FIRST:
        if preset in expected:
            at_least = expected[preset] = max(at_least, expected[preset])
    return expected


@lru_cache(maxsize=4096)
def _taken(path: str, _stamp: int) -> float | None:
    """Seconds of a finished run in all; None where it made no evidence, or its files cannot be read."""
    run = RunFolder(Path(path))
    with suppress(StorageError):
        return sum(run.manifest().timings.values()) if run.config().evidence else None
    return None


@lru_cache(maxsize=4096)
def _finished(path: str, _stamp: int) -> tuple[str, str] | None:
    """Model and preset of a finished run; a page asks for those of all runs at every look."""
    run = RunFolder(Path(path))
    with suppress(StorageError):
        if run.state().status == "done" and not run.meta().sample:
            config = run.config()
            return config.model, config.preset
    return None
