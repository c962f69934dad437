"""A job from its first step to its end: what its run says afterwards, and what is let go."""

from errno import ENOSPC

import pytest

from core.errors import ModelError, RunCancelled, StorageError
from core.jobs.carrying_out import Postponed, carry_out, saved, survivable
from core.runs.progress import read_records
from core.runs.run_folder import RunFolder
from core.schema import Progress
from tests.support.jobs import config
from tests.support.stub_engine import Panic, Result


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", config())


def steps(error=None, closed=None):
    try:
        yield Progress("load", 1, 1)
        if error is not None:
            raise error
        yield Progress("train", 1, 2, {"loss": 0.5})
        yield Progress("train", 2, 2, {"loss": 0.25})
    finally:
        if closed is not None:
            closed.append(True)


def test_the_end_is_written_with_the_last_record(run):
    seen = []
    state, error = carry_out(run, "analysis", steps(), seen.append)
    assert error is None
    assert (state.status, state.stage, state.step, state.total, state.metrics) == (
        "done",
        "train",
        2,
        2,
        {"loss": 0.25},
    )
    assert run.state().status == "done"
    assert [record.stage for record in seen] == [record.stage for record in read_records(run)]


@pytest.mark.parametrize(
    ("error", "status", "key"),
    [
        (ModelError("no_config", name="m"), "failed", "no_config"),
        (OSError(ENOSPC, "no room"), "failed", "disk_full"),
        (MemoryError(), "failed", "out_of_memory"),
        (ValueError("a number"), "failed", "internal"),
        (Panic("out of bounds"), "failed", "internal"),
        (RunCancelled(), "cancelled", "run_cancelled"),
        (KeyboardInterrupt(), "interrupted", ""),
        (Postponed(), "queued", ""),
    ],
)
def test_what_stops_a_job_is_in_its_state(run, error, status, key):
    state, stopped = carry_out(run, "circuit", steps(error), lambda record: None)
    assert stopped is error
    written = run.state("circuit")
    assert (written.status, written.error_key, bool(written.error_text)) == (status, key, bool(key))
    assert survivable(error) == (status != "interrupted")
    assert state.kind == "circuit"
    assert run.state().status == "queued"


def test_a_job_that_is_left_lets_go_of_what_it_holds(run):
    closed = []

    def cancel(record):
        if record.stage == "train":
            raise RunCancelled

    carry_out(run, "heads", steps(closed=closed), cancel)
    assert closed == [True]
    assert run.state("heads").status == "cancelled"


def test_only_a_result_that_is_reached_is_saved(run):
    results = []

    def items(error):
        yield from steps(error)
        yield Result("m")

    def save(result, folder):
        results.append((result, folder))

    carry_out(run, "analysis", saved(items(ValueError()), save, run), lambda record: None)
    assert results == []
    carry_out(run, "analysis", saved(items(None), save, run), lambda record: None)
    assert results == [(Result("m"), run)]


def test_a_state_that_cannot_be_written_is_still_told(run, monkeypatch):
    write = RunFolder.write_state

    def full(folder, state):
        if not state.active:
            raise StorageError("disk_full", path=folder.path)
        write(folder, state)

    monkeypatch.setattr(RunFolder, "write_state", full)
    state, error = carry_out(run, "analysis", steps(), lambda record: None)
    assert (state.status, error) == ("done", None)
    assert run.state().status == "running"
