"""The queue of jobs in front of the worker, and what becomes of a job when something fails."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StorageError
from core.jobs.backend import start, start_again
from core.jobs.local_backend import LocalBackend, mark_interrupted
from core.runs.job_state import JobState
from core.runs.progress import read_records
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder, new_run_id, runs_folder
from tests.support.jobs import (
    answer,
    check_of,
    config,
    done_run,
    finish,
    finish_check,
    wait_for,
    wait_until_stuck,
    worker_of,
)
from tests.support.paths import ROOT
from tests.support.stub_engine import STUB


def test_run_is_done_and_keeps_every_record(backend):
    run = start(backend, config("quick:4"), name="mine")
    assert finish(backend, run) == "done"
    records = read_records(run)
    assert [record.stage for record in records] == ["load"] + ["train"] * 4
    assert [record.metrics["loss"] for record in records[1:]] == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert run.manifest().model.name == "some/model"
    assert run.meta().name == "mine"


FAILURES = [
    ("refuse", "no_config"),
    ("break", "internal"),
    ("panic", "internal"),
    ("full", "disk_full"),
    ("die", "worker_died"),
]


@pytest.mark.parametrize(("behaviour", "key"), FAILURES)
def test_failed_analysis_says_why_and_the_next_one_succeeds(backend, behaviour, key):
    failing = start(backend, config(behaviour))
    following = start(backend, config())
    assert finish(backend, failing) == "failed"
    state = failing.state()
    assert state.error_key == key
    assert state.error_text
    assert finish(backend, following) == "done"


@pytest.mark.parametrize(("behaviour", "key"), FAILURES)
def test_failed_check_says_why_and_the_next_one_succeeds(backend, behaviour, key):
    run = done_run(backend, behaviour)
    assert backend.check_status(run.run_id) is None
    backend.submit(run, "circuit")
    state = finish_check(backend, run)
    assert (state.status, state.error_key) == ("failed", key)
    run.rename("quick:3")
    backend.submit(run, "circuit")
    state = finish_check(backend, run)
    assert (state.status, state.stage, state.step, state.total) == ("done", "circuit", 3, 3)
    assert run.read_json("circuit.json") == {"format": 1, "state": "computed", "kind": "circuit"}
    assert run.state().status == "done"


@pytest.mark.parametrize("kind", ["preview", "inspect"])
def test_panic_in_a_question_is_an_answer_and_the_run_at_work_goes_on(backend, kind):
    process = worker_of(backend)
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    question = config("panic").model_dump(mode="json") if kind == "preview" else "panic"
    assert answer(backend, kind, question).error_key == "internal"
    assert backend.status(run.run_id).state.status == "running"
    assert worker_of(backend) == process
    backend.cancel(run.run_id)
    assert finish(backend, run) == "cancelled"


def test_unexpected_error_leaves_its_traceback_in_the_log(backend):
    run = start(backend, config("break"))
    assert finish(backend, run) == "failed"
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "a number that cannot be" in log


def test_folder_that_is_gone_when_the_worker_begins_leaves_the_worker_alive(backend):
    process = worker_of(backend)
    first = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(first)))
    gone, following = start(backend, config()), start(backend, config())
    gone.delete()
    backend.cancel(first.run_id)
    assert finish(backend, following) == "done"
    assert not gone.path.exists()
    assert worker_of(backend) == process


def test_folder_that_goes_while_a_run_ends_does_not_stop_the_queue(backend, monkeypatch):
    first, second = start(backend, config("slow:400")), start(backend, config())
    read = RunFolder.state

    def state(run, kind="analysis"):
        if run.run_id == first.run_id:
            raise StorageError("no_run", path=run.path)
        return read(run, kind)

    monkeypatch.setattr(RunFolder, "state", state)
    backend.cancel(first.run_id)
    assert finish(backend, second) == "done"


def test_deleted_run_ends_its_check_quietly(backend):
    process, run = worker_of(backend), done_run(backend, "slow:400")
    backend.submit(run, "circuit")
    wait_for(lambda: check_of(backend, run).step > 0)
    run.delete()
    assert finish(backend, start(backend, config())) == "done"
    assert not run.path.exists()
    assert worker_of(backend) == process


def test_second_run_waits_and_shows_its_place(backend):
    first, second, third = (start(backend, config(name)) for name in ("slow:400", "quick", "quick"))
    assert [backend.status(run.run_id).place for run in (first, second, third)] == [0, 1, 2]
    backend.cancel(second.run_id)
    assert second.state().status == "cancelled"
    assert backend.status(third.run_id).place == 1
    backend.cancel(first.run_id)
    assert finish(backend, first) == "cancelled"
    assert finish(backend, third) == "done"


def test_a_run_has_one_job_at_a_time(backend):
    run = done_run(backend, "slow:400")
    backend.submit(run, "circuit")
    backend.submit(run, "heads")
    wait_for(lambda: check_of(backend, run).step > 0)
    backend.submit(run, "heads")
    assert check_of(backend, run).kind == "circuit"
    backend.cancel(run.run_id)
    assert finish_check(backend, run).kind == "circuit"


def test_cancel_stops_between_records_without_a_new_worker(backend):
    process = worker_of(backend)
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    backend.cancel(run.run_id)
    assert finish(backend, run) == "cancelled"
    assert run.state().error_key == "run_cancelled"
    assert worker_of(backend) == process


def test_cancel_replaces_a_worker_that_does_not_answer(backend):
    process = worker_of(backend)
    run = start(backend, config("stuck"))
    wait_until_stuck(run)
    backend.cancel(run.run_id)
    backend.cancel(run.run_id)
    assert finish(backend, run) == "cancelled"
    assert worker_of(backend) != process


def test_late_cancel_keeps_a_finished_run(backend):
    run = done_run(backend)
    backend.cancel(run.run_id)
    assert run.state().status == "done"


def test_check_is_cancelled_and_can_be_asked_again(backend):
    run = done_run(backend, "slow:400")
    backend.submit(run, "circuit")
    wait_for(lambda: check_of(backend, run).step > 0)
    backend.cancel(run.run_id)
    assert finish_check(backend, run).status == "cancelled"
    run.rename("quick:1")
    backend.submit(run, "circuit")
    assert finish_check(backend, run).status == "done"


def test_queued_check_is_cancelled_at_once_never_begun_and_can_be_asked_again(backend):
    run, busy = done_run(backend), start(backend, config("slow:400"))
    backend.submit(run, "circuit")
    backend.cancel(run.run_id)
    state = check_of(backend, run)
    assert (state.status, state.error_key) == ("cancelled", "run_cancelled")
    backend.submit(run, "heads")
    assert check_of(backend, run).status == "queued"
    backend.cancel(busy.run_id)
    state = finish_check(backend, run)
    assert (state.kind, state.status) == ("heads", "done")
    assert run.read_json("circuit.json")["kind"] == "heads"
    assert run.state("circuit").status == "cancelled"


def test_run_that_has_to_be_killed_leaves_the_others_in_the_queue(backend):
    process = worker_of(backend)
    preempted, waiting, unwanted = done_run(backend, "slow:40"), done_run(backend), done_run(backend)
    backend.submit(preempted, "circuit")
    wait_for(lambda: check_of(backend, preempted).step > 0)
    stuck, following = start(backend, config("stuck")), start(backend, config())
    wait_until_stuck(stuck)
    backend.submit(waiting, "heads")
    backend.submit(unwanted, "circuit")
    backend.cancel(unwanted.run_id)
    backend.cancel(stuck.run_id)
    assert finish(backend, stuck) == "cancelled"
    assert finish(backend, following) == "done"
    assert finish_check(backend, preempted).status == "done"
    assert (finish_check(backend, waiting).kind, finish_check(backend, waiting).status) == ("heads", "done")
    assert check_of(backend, unwanted).status == "cancelled"
    assert read_circuit(unwanted) is None
    assert worker_of(backend) != process


def test_check_makes_room_for_a_run_and_answers_questions_meanwhile(backend):
    run = done_run(backend, "slow:40")
    backend.submit(run, "circuit")
    wait_for(lambda: check_of(backend, run).step > 0)
    assert answer(backend, "inspect", "m").value["name"] == "m"
    assert check_of(backend, run).active
    other = start(backend, config("quick:2"))
    assert finish(backend, other) == "done"
    assert check_of(backend, run).active
    assert finish_check(backend, run).status == "done"


def test_check_that_made_room_can_be_cancelled(backend):
    run = done_run(backend, "slow:400")
    backend.submit(run, "circuit")
    wait_for(lambda: check_of(backend, run).step > 0)
    other = start(backend, config("slow:400"))
    backend.cancel(run.run_id)
    assert finish_check(backend, run).status == "cancelled"
    backend.cancel(other.run_id)
    assert finish(backend, other) == "cancelled"


def test_quick_check_follows_a_run_by_itself(backend):
    run = start(backend, config("follow"), name="quick:2")
    assert finish(backend, run) == "done"
    wait_for(lambda: read_circuit(run) is not None)
    assert finish_check(backend, run).status == "done"


def test_questions_are_answered_while_a_run_goes_on(backend):
    run = start(backend, config("slow:400"))
    wait_for(lambda: bool(read_records(run)))
    assert answer(backend, "preview", config().model_dump(mode="json")).value == {"count": 6}
    assert answer(backend, "suggest", config().model_dump(mode="json")).value["alike"] == 6
    partners = {"direction": "normal", "make": False}
    payload = {"config": config().model_dump(mode="json"), **partners}
    assert answer(backend, "partners", payload).value == {"count": 6, **partners}
    question = {"layer": 1, "head": 2, "example": 0, "partner": None, "query": 3}
    head = answer(backend, "head", {"run": str(run.path), **question})
    assert head.value == {"model": config().model, **question}
    assert backend.status(run.run_id).state.status == "running"
    backend.cancel(run.run_id)
    gone = answer(backend, "head", {"run": str(run.path / "gone"), **question})
    assert gone.error_key == "no_run"


def test_what_if_is_asked_of_the_worker(backend):
    run = done_run(backend)
    payload = {"run": str(run.path), "heads": ["L0H1"], "mode": "mean", "typed": ["a"], "new_tokens": 2}
    assert answer(backend, "what_if", payload).value["heads"] == ["L0H1"]
    assert answer(backend, "what_if", {**payload, "heads": ["seven"]}).error_key == "bad_setting"


def test_question_that_fails_gives_its_key_and_can_be_asked_again(backend):
    failed = answer(backend, "inspect", "missing")
    assert (failed.error_key, failed.error_values) == ("no_config", {"name": "missing"})
    assert backend.ask("inspect", "missing").error_key == "no_config"
    assert backend.ask("inspect", "missing", again=True).pending


def test_start_again_reuses_a_cancelled_folder_but_never_a_finished_one(backend):
    done = done_run(backend)
    assert start_again(backend, done.run_id).run_id != done.run_id
    assert done.state().status == "done"
    stuck = start(backend, config("slow:400"))
    backend.cancel(stuck.run_id)
    assert finish(backend, stuck) == "cancelled"
    assert start_again(backend, stuck.run_id).run_id == stuck.run_id
    wait_for(lambda: backend.status(stuck.run_id).state.status == "running")
    backend.cancel(stuck.run_id)


def test_run_whose_end_found_no_room_is_failed_and_can_be_started_again(backend):
    run = start(backend, config("full_once"))
    assert finish(backend, run) == "failed"
    assert backend.status(run.run_id).state.error_key == "disk_full"
    assert run.state().status == "running"
    assert start_again(backend, run.run_id).run_id == run.run_id
    assert finish(backend, run) == "done"
    assert run.state().status == "done"


@pytest.mark.parametrize("kind", ["analysis", "circuit"])
def test_job_that_no_process_holds_is_interrupted(backend, kind):
    run = done_run(backend)
    run.write_state(JobState(kind, "running", started=1.0))

    def status():
        return (
            backend.status(run.run_id).state.status if kind == "analysis" else check_of(backend, run).status
        )

    assert status() == "interrupted"
    lock = run.hold()  # as another server does
    assert status() == "running"
    assert mark_interrupted() == []
    lock.release()
    assert mark_interrupted() == [run.run_id]
    assert run.state(kind).status == "interrupted"


def test_check_of_an_earlier_version_is_read(backend):
    run = done_run(backend)
    former = {
        "format": 1,
        "kind": "robustness",
        "status": "failed",
        "stage": "robustness",
        "step": 2,
        "total": 9,
    }
    run.write_json("check.json", {**former, "server": "s", "ticket": "t", "error_key": "no_run"})
    state = check_of(backend, run)
    assert (state.kind, state.stage, state.status, state.error_key) == (
        *["sensitivity"] * 2,
        "failed",
        "no_run",
    )
    backend.submit(run, "circuit")
    assert finish_check(backend, run).kind == "circuit"


def test_closing_the_server_interrupts_what_is_queued_and_at_work(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    local = LocalBackend(STUB)
    checked = done_run(local, "slow:400")
    local.submit(checked, "circuit")
    wait_for(lambda: check_of(local, checked).step > 0)
    waiting = done_run_folder = RunFolder.create(runs_folder() / new_run_id(), config())
    waiting.write_state(JobState(status="done"))
    local.submit(waiting, "heads")
    local.close()
    assert checked.state("circuit").status == "interrupted"
    assert done_run_folder.state("heads").status == "interrupted"


def test_killed_server_leaves_no_worker_and_an_interrupted_run(tmp_path, monkeypatch):
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


UNIX = ("fcntl", "resource", "termios", "grp", "pwd")
"""Modules that Windows lacks."""


def test_no_module_imports_what_only_unix_has():
    files = [*(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    imports = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(UNIX)})\b", re.MULTILINE)
    assert [str(file) for file in files if imports.search(file.read_text(encoding="utf-8"))] == []


WITHOUT_UNIX = f"import sys\nsys.modules.update(dict.fromkeys({UNIX}))\n"
"""The same for every Python process that finds it as sitecustomize."""


def test_the_server_and_its_worker_start_without_what_only_unix_has(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_UNIX, encoding="utf-8")
    script = (
        "import os, time; os.chdir(os.environ['HEADLIGHT_HOME'])\n"
        "import core.cli, pages.parts.session.state, pages.parts.data.results, pages.parts.runs.runs_table\n"
        "import core.benchmark.reading\n"
        "from core.jobs.backend import start; from core.jobs.local_backend import LocalBackend\n"
        "from tests.support.jobs import config, finish\n"
        f"backend = LocalBackend({STUB!r}); print(finish(backend, start(backend, config()))); backend.close()"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "HEADLIGHT_HOME": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "done"
