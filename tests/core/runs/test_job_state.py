"""How far a job is: what is kept in its file, and what is refused when it is read."""

import pytest

from core.errors import StorageError
from core.runs.job_state import JobState, read_state
from core.runs.run_folder import RunFolder


def test_state_survives_its_file_and_each_kind_has_its_own(tmp_path):
    run = RunFolder(tmp_path)
    assert run.last_check() is None
    state = JobState("heads", "running", "effects", 2, 8, started=1.0).ended(
        "failed", "no_run", {"path": "x"}
    )
    run.write_state(state)
    run.write_state(JobState(status="done", started=1.0, finished=4.0))
    assert run.last_check() == run.state("heads")
    read = run.state("heads")
    assert (read.status, read.error_key, read.error_values, read.share) == (
        "failed",
        "no_run",
        {"path": "x"},
        0.25,
    )
    assert run.state().seconds == 3.0
    run.write_state(JobState("circuit"))
    assert run.last_check().kind == "circuit"
    with pytest.raises(StorageError, match="no run"):
        run.state("sensitivity")


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "{half",
        "[]",
        '{"status": "flying"}',
        '{"status": "done", "kind": "other"}',
        '{"status": "done", "step": "x"}',
    ],
)
def test_damage_is_explained(tmp_path, content):
    (tmp_path / "state.json").write_text(content, encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be read"):
        RunFolder(tmp_path).state()


def test_words_of_an_earlier_version_are_read():
    former = {"format": 1, "kind": "robustness", "status": "done", "stage": "robustness", "server": "s"}
    assert read_state(former) == JobState("sensitivity", "done", "sensitivity")


def test_a_run_is_held_by_one_job(tmp_path):
    run = RunFolder(tmp_path / "run")
    assert not run.held()
    assert not run.path.exists()
    run.path.mkdir()
    lock = run.hold()
    assert run.held()
    with pytest.raises(StorageError, match="Another process"):
        run.hold()
    lock.release()
    assert not run.held()
