"""The worker process, its queue and its failures, with an engine that learns nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.config import RunConfig, make_config
from core.errors import StorageError
from core.examples.example_set import from_pasted
from core.jobs.backend import Answer, start, start_again
from core.jobs.local_backend import LocalBackend, mark_interrupted
from core.runs.progress import Record, read_records, seconds_left, stage_seconds
from core.runs.run_folder import RunFolder, RunState, new_run_id, runs_folder
from tests.support.paths import ROOT

STUB = "tests.support.stub_engine"


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalBackend]:
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    local = LocalBackend(STUB)
    yield local
    local.close()


def config(metric: str = "quick") -> RunConfig:
    examples, _ = from_pasted("a b\nc d\ne f", "a x\nc x\ne x")
    return make_config(model="some/model", examples=examples, scenario=metric)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def finish(backend: LocalBackend, run: RunFolder) -> str:
    wait_for(lambda: not backend.status(run.run_id).active)
    return backend.status(run.run_id).state.status


def answer(backend: LocalBackend, kind: str, payload: object) -> Answer:
    wait_for(lambda: not backend.ask(kind, payload).pending)  # type: ignore[arg-type]
    return backend.ask(kind, payload)  # type: ignore[arg-type]


def test_run_is_done_and_keeps_every_record(backend: LocalBackend) -> None:
    run = start(backend, config("quick:4"), name="mine")
    assert finish(backend, run) == "done"
    records = read_records(run)
    assert [record.stage for record in records] == ["load"] + ["train"] * 4
    assert [record.metrics["loss"] for record in records[1:]] == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert run.manifest().model.name == "some/model"
    assert run.meta().name == "mine"


@pytest.mark.parametrize(
    ("behaviour", "key"),
    [("refuse", "no_config"), ("break", "internal"), ("full", "disk_full"), ("die", "worker_died")],
)
def test_failure_is_told_and_the_next_run_succeeds(backend: LocalBackend, metric: str, key: str) -> None:
    failing = start(backend, config(metric))
    following = start(backend, config())
    assert finish(backend, failing) == "failed"
    state = failing.state()
    assert state.error_key == key
    assert state.error_text
    assert finish(backend, following) == "done"


def test_unexpected_error_leaves_its_traceback_in_the_log(backend: LocalBackend) -> None:
    run = start(backend, config("break"))
    assert finish(backend, run) == "failed"
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "a number that cannot be" in log


def test_folder_that_is_gone_when_the_worker_begins_leaves_the_worker_alive(backend: LocalBackend) -> None:
    process = answer(backend, "inspect", "a").value["pid"]  # type: ignore[index]
    first = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(first)))
    gone, following = start(backend, config()), start(backend, config())
    gone.delete()
    backend.cancel(first.run_id)
    assert finish(backend, following) == "done"
    assert not gone.path.exists()
    assert answer(backend, "inspect", "b").value["pid"] == process  # type: ignore[index]


def test_folder_that_goes_while_a_run_ends_does_not_stop_the_queue(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start(backend, config("slow:400")), start(backend, config())
    read = RunFolder.state

    def state(run: RunFolder) -> RunState:
        if run.run_id == first.run_id:
            raise StorageError("no_run", path=run.path)
        return read(run)

    monkeypatch.setattr(RunFolder, "state", state)
    backend.cancel(first.run_id)
    assert finish(backend, second) == "done"


def test_second_run_waits_and_shows_its_place(backend: LocalBackend) -> None:
    first, second, third = (start(backend, config(name)) for name in ("slow:400", "quick", "quick"))
    assert [backend.status(run.run_id).place for run in (first, second, third)] == [0, 1, 2]
    backend.cancel(second.run_id)
    assert second.state().status == "cancelled"
    assert backend.status(third.run_id).place == 1
    backend.cancel(first.run_id)
    assert finish(backend, first) == "cancelled"
    assert finish(backend, third) == "done"


def test_cancel_stops_between_records_without_a_new_worker(backend: LocalBackend) -> None:
    process = answer(backend, "inspect", "a").value["pid"]  # type: ignore[index]
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    backend.cancel(run.run_id)
    assert finish(backend, run) == "cancelled"
    assert run.state().error_key == "run_cancelled"
    assert answer(backend, "inspect", "b").value["pid"] == process  # type: ignore[index]


def test_cancel_replaces_a_worker_that_does_not_answer(backend: LocalBackend) -> None:
    process = answer(backend, "inspect", "a").value["pid"]  # type: ignore[index]
    run = start(backend, config("stuck"))
    wait_for(lambda: bool(read_records(run)))
    backend.cancel(run.run_id)
    backend.cancel(run.run_id)
    assert finish(backend, run) == "cancelled"
    assert answer(backend, "inspect", "b").value["pid"] != process  # type: ignore[index]


def test_late_cancel_keeps_a_finished_run(backend: LocalBackend) -> None:
    run = start(backend, config())
    assert finish(backend, run) == "done"
    backend.cancel(run.run_id)
    assert run.state().status == "done"


def test_questions_are_answered_while_a_run_goes_on(backend: LocalBackend) -> None:
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    assert answer(backend, "preview", config().model_dump(mode="json")).value == {"count": 6}
    assert backend.status(run.run_id).state.status == "running"
    backend.cancel(run.run_id)


def test_question_on_a_head_takes_the_settings_of_its_run(backend: LocalBackend) -> None:
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    question = {"layer": 1, "head": 2, "example": 0, "partner": None, "query": 3}
    found = answer(backend, "head", {"run": str(run.path), **question})
    assert found.value == {"model": config().model, **question}
    assert backend.status(run.run_id).state.status == "running"
    backend.cancel(run.run_id)
    gone = answer(backend, "head", {"run": str(run.path / "gone"), **question})
    assert gone.error_key == "no_run"


def test_question_that_fails_gives_its_key_and_can_be_asked_again(backend: LocalBackend) -> None:
    failed = answer(backend, "inspect", "missing")
    assert (failed.error_key, failed.error_values) == ("no_config", {"name": "missing"})
    assert backend.ask("inspect", "missing").error_key == "no_config"
    assert backend.ask("inspect", "missing", again=True).pending


def test_start_again_reuses_a_cancelled_folder_but_never_a_finished_one(backend: LocalBackend) -> None:
    done = start(backend, config())
    assert finish(backend, done) == "done"
    assert start_again(backend, done.run_id).run_id != done.run_id
    assert done.state().status == "done"
    stuck = start(backend, config("slow:400"))
    backend.cancel(stuck.run_id)
    assert finish(backend, stuck) == "cancelled"
    assert start_again(backend, stuck.run_id).run_id == stuck.run_id
    wait_for(lambda: backend.status(stuck.run_id).state.status == "running")
    backend.cancel(stuck.run_id)


def test_run_whose_end_found_no_room_is_failed_and_can_be_started_again(backend: LocalBackend) -> None:
    run = start(backend, config("full_once"))
    assert finish(backend, run) == "failed"
    assert backend.status(run.run_id).state.error_key == "disk_full"
    assert run.state().status == "running"
    assert start_again(backend, run.run_id).run_id == run.run_id
    assert finish(backend, run) == "done"
    assert run.state().status == "done"


def test_killed_server_leaves_no_worker_and_an_interrupted_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    run = RunFolder.create(runs_folder() / new_run_id(), config("stuck"))
    script = (
        "import sys, time; from pathlib import Path\n"
        "from core.jobs.local_backend import LocalBackend; from core.runs.run_folder import RunFolder\n"
        f"backend = LocalBackend({STUB!r}); backend.submit(RunFolder(Path(sys.argv[1]))); time.sleep(60)"
    )
    unheld = RunFolder.create(runs_folder() / new_run_id(), config())
    server = subprocess.Popen([sys.executable, "-c", script, str(run.path)], cwd=ROOT)
    wait_for(lambda: run.state().status == "running")
    assert unheld.state().status == "interrupted"
    assert mark_interrupted() == []
    worker = run.state().worker
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_for(lambda: not alive(worker))
    assert mark_interrupted() == [run.run_id]
    assert run.state().status == "interrupted"


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_time_left_comes_from_the_pace_and_from_an_earlier_run() -> None:
    records = [
        Record(100.0, "load", 1, 1, {}),
        *(Record(102.0 + step, "train", step, 10, {}) for step in range(5)),
    ]
    assert stage_seconds(records, now=107.0) == {"load": 2.0, "train": 5.0}
    assert seconds_left(records, None, now=106.0) == pytest.approx(6.0)
    assert seconds_left(records, {"train": 99.0, "codes": 3.0, "score": 1.0}, now=107.0) == pytest.approx(9.0)
    assert seconds_left(records[:1], None, now=101.0) is None
    assert seconds_left([], {"load": 1.0, "train": 2.0}) == 3.0


def test_cut_line_of_the_records_is_left_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    whole = '{"time": 1.0, "stage": "load", "step": 1, "total": 1, "metrics": {}}\n'
    (tmp_path / "progress.jsonl").write_text(whole + whole[:20], encoding="utf-8")
    assert len(read_records(run)) == 1
