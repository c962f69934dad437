"""How long a run at work still takes.

What a stage costs follows from an earlier finished run with the same preset, of the same model where there is one:

1. Reading the texts (`capture`) is one plain pass of all of them. The seconds that it took here, over those that it
   took there, say how much larger texts and model are and how fast the machine is now; stages of changed runs
   (`blocks`, `screen`, `evidence`) grow with the number of heads as well. Texts from the cache say nothing; their
   tokens are counted then.
2. A stage that has ended corrects those that follow by how far off it was.
3. Within a stage its own pace counts the more, the more of it is done. A step is not worth as much as another one
   (gradients take longer than effects, and the total is an upper bound), so how far a stage is comes from the times at
   which the earlier run was at the same share of its steps.

Without an earlier run nothing is said before the last long stage: its own pace alone would be a guess at the rest.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from core.config import RunConfig
from core.errors import StorageError
from core.runs.progress import STAGES, Record, read_records, stage_seconds
from core.runs.run_folder import RunFolder, stamped_runs

BY_HEADS = ("blocks", "screen", "evidence")
"""Stages whose work grows with the number of heads, or of layers, which goes along with it."""
SHORTEST = 0.02
"""Seconds below which the time of a stage says nothing of the speed."""
MOST_OFF = 30.0
"""Most that an ended stage may correct the following ones by, as a factor."""


@dataclass(frozen=True)
class Size:
    """How much a run reads: tokens of all texts (characters where they are not counted), heads of the model."""

    tokens: float = 0.0
    characters: int = 0
    heads: float = 0.0


@dataclass(frozen=True)
class Earlier:
    """A finished run that expectations come from: seconds a stage, records, and its size."""

    seconds: Mapping[str, float]
    records: tuple[Record, ...]
    size: Size
    same_model: bool = True


def earlier_run(config: RunConfig) -> Earlier | None:
    """The newest finished run with this preset, one of this model if there is one; None where there is none."""
    kinds = ((path, stamp, _kind(path, stamp)) for path, stamp in stamped_runs())
    alike = [
        (path, stamp, kind[0])
        for path, stamp, kind in kinds
        if kind is not None and kind[1:] == (config.preset, config.evidence)
    ]
    for path, stamp, model in sorted(alike, key=lambda run: run[2] != config.model):
        if (known := _known(path, stamp)) is not None:
            return replace(known, same_model=model == config.model)
    return None


@lru_cache(maxsize=4096)
def _kind(path: str, _stamp: int) -> tuple[str, str, bool] | None:
    """Model, preset and evidence of a finished run; a page asks for those of all runs at every look."""
    run = RunFolder(Path(path))
    with suppress(StorageError):
        if run.state().status == "done" and not run.meta().sample:
            config = run.config()
            return config.model, config.preset, config.evidence
    return None


@lru_cache(maxsize=64)
def _known(path: str, _stamp: int) -> Earlier | None:
    """What is expected after a finished run; None where the evidence that it asked for found nothing to test."""
    run = RunFolder(Path(path))
    with suppress(StorageError):
        manifest, records = run.manifest(), read_records(run)
        if run.config().evidence and manifest.evidence != "computed":
            return None
        heads = float(sum(manifest.model.heads_by_layer) or manifest.model.n_layers * manifest.model.n_heads)
        size = replace(size_of(records, run.config()), heads=heads)
        return Earlier(manifest.timings, tuple(records), size)
    return None


def size_of(records: Sequence[Record], config: RunConfig) -> Size:
    """What is known of a run's size: the texts' characters, and what the record of their tokens tells."""
    characters = sum(len(example.text) for example in config.examples.examples)
    told = next((record.metrics for record in records if "tokens" in record.metrics), {})
    return Size(told.get("tokens", 0.0), characters, told.get("heads", 0.0))


def seconds_left(
    records: Sequence[Record], size: Size, earlier: Earlier | None, now: float | None = None
) -> float | None:
    """Seconds until the end, or None where nothing tells."""
    if not records:
        return sum(earlier.seconds.values()) if earlier and earlier.same_model else None
    now = time.time() if now is None else now
    stage = records[-1].stage
    if stage not in STAGES:
        return None
    taken = stage_seconds(records, now)
    later = STAGES[STAGES.index(stage) + 1 :]
    if earlier is None:
        return _by_pace(records, now) if stage in ("evidence", "report") else None
    expected = expectations(taken, stage, size, earlier, _cached(records))
    if expected is None:
        return None
    done = _done(records, earlier)
    before = expected.get(stage, 0.0)
    whole = before if done is None else (1 - done) * before + taken[stage]
    if done:
        own = min(1.0, 2 * done)
        whole = (1 - own) * whole + own * taken[stage] / done
    return max(0.0, whole - taken[stage]) + sum(expected.get(name, 0.0) for name in later)


def expectations(
    taken: Mapping[str, float], stage: str, size: Size, earlier: Earlier, cached: bool = False
) -> dict[str, float] | None:
    """Seconds expected of every stage; None before an unknown model has read the texts.

    `taken` are the seconds of the stages so far, of which `stage` still goes on.
    """
    scale = _scale(taken, stage, size, earlier, cached)
    if scale is None:
        return None
    heads = size.heads / earlier.size.heads if size.heads and earlier.size.heads else 1.0
    factors = {"load": 1.0, **dict.fromkeys(BY_HEADS, scale * heads)}
    if not earlier.same_model:  # dictionaries are trained a head, however large the rest of the model is
        factors["train"] = heads
    expected = {name: seconds * factors.get(name, scale) for name, seconds in earlier.seconds.items()}
    # What ended says how far off the following will be; the stage at work is corrected by what ended before it.
    factor = 1.0
    for name in ("train", "screen"):
        ended = name in taken and name != stage
        if ended and taken[name] > SHORTEST and expected.get(name, 0.0) > SHORTEST:
            factor = min(MOST_OFF, max(1 / MOST_OFF, taken[name] / expected[name]))
            if name == "train":  # another kind of work: it tells the machine's speed, not the work of passes
                factor = factor**0.5
    at = STAGES.index(stage)
    return {
        name: seconds * (factor if name in STAGES and STAGES.index(name) >= at else 1.0)
        for name, seconds in expected.items()
    }


def _scale(
    taken: Mapping[str, float], stage: str, size: Size, earlier: Earlier, cached: bool
) -> float | None:
    """How many times the earlier run's seconds a stage of passes takes."""
    there = earlier.size
    counted = size.tokens and there.tokens
    by_texts = size.tokens / there.tokens if counted else size.characters / max(1, there.characters)
    by_time = 0.0
    if "capture" in taken and stage not in ("capture", "load", "tokens") and not cached:
        before = earlier.seconds.get("capture", 0.0)
        if before > SHORTEST and taken["capture"] > SHORTEST and not _cached(earlier.records):
            by_time = taken["capture"] / before
    if earlier.same_model:
        return (by_texts * by_time) ** 0.5 if by_time else by_texts
    return by_time or None


def _cached(records: Sequence[Record]) -> bool:
    """Whether texts came from the cache, so that reading them tells nothing of the speed."""
    return any(record.metrics.get("cached", 0) > 0 for record in records)


def _done(records: Sequence[Record], earlier: Earlier) -> float | None:
    """Share of the present stage that is done, 0 to 1; None where its steps do not tell."""
    last = records[-1]
    if last.total <= 1 or last.step <= 0:
        return None
    share = min(1.0, last.step / last.total)
    profile = _profile(earlier.records, last.stage)
    if len(profile) < 3:
        return share
    for (low, before), (high, after) in pairwise(profile):
        if share <= high:
            return before + (after - before) * (share - low) / max(high - low, 1e-9)
    return min(1.0, profile[-1][1])


def _profile(records: Sequence[Record], stage: str) -> list[tuple[float, float]]:
    """Shares of the steps and of the time of a stage of a finished run, ascending; its end is the whole time."""
    own = [(record, following.time) for record, following in pairwise(records) if record.stage == stage]
    own = [(record, end) for record, end in own if record.total > 1]
    if not own:
        return []
    began, end = own[0][0].time, own[-1][1]
    points, highest = [(0.0, 0.0)], 0.0
    for record, _ in own:
        share = min(1.0, record.step / record.total)
        if share > highest:
            highest = share
            points.append((share, (record.time - began) / max(end - began, 1e-9)))
    return points


def _by_pace(records: Sequence[Record], now: float) -> float | None:
    """What is left of the present stage if it goes on as it went."""
    last = records[-1]
    first = next(record for record in records if record.stage == last.stage and record.total == last.total)
    done = last.step - first.step
    if done <= 0 or last.total <= 0:
        return None
    pace = (last.time - first.time) / done
    return max(0.0, pace * (last.total - last.step) - (now - last.time))
