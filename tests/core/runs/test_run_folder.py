"""The run folder and the files of a result."""

import json

import pytest

from core.config import make_config
from core.errors import StorageError
from core.examples.reading import from_pasted
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder, list_runs, new_run_id, open_run, runs_folder
from core.schema import FORMAT
from core.storage import write_atomically

SET, _ = from_pasted("a\nb\nc", "d\ne\nf")
CONFIG = make_config(model="m", examples=SET)


def key_of(call) -> str:
    with pytest.raises(StorageError) as caught:
        call()
    return caught.value.key


def test_a_run_reads_back_as_it_was_written(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG, name="first", owner="me")
    again = RunFolder(tmp_path / "r")
    assert again.config() == CONFIG
    assert (again.meta().name, again.meta().owner) == ("first", "me")
    assert again.state().status == "queued"
    run.write_state(JobState(status="running", stage="train", step=3, total=9, metrics={"loss": 0.5}))
    assert (again.state().stage, again.state().metrics["loss"]) == ("train", 0.5)
    run.rename("second")
    assert (again.meta().name, again.meta().owner) == ("second", "me")


def test_runs_are_listed_newest_first_and_opened_by_id():
    ids = sorted(new_run_id() for _ in range(3))
    for run_id in ids:
        RunFolder.create(runs_folder() / run_id, CONFIG)
    assert [run.run_id for run in list_runs()] == ids[::-1]
    assert open_run(ids[0]).run_id == ids[0]
    open_run(ids[0]).delete()
    assert key_of(lambda: open_run(ids[0])) == "no_run"


@pytest.mark.parametrize("run_id", ["", "..", "../runs", "a/b", "nothing", "a" * 3000])
def test_an_id_never_leaves_the_folder(run_id):
    assert key_of(lambda: open_run(run_id)) == "no_run"


def test_a_folder_in_use_is_not_overwritten(tmp_path):
    (tmp_path / "precious.txt").write_text("keep")
    assert key_of(lambda: RunFolder.create(tmp_path, CONFIG)) == "out_folder_in_use"
    assert (tmp_path / "precious.txt").read_text() == "keep"


def test_a_second_run_into_the_same_folder_removes_the_old_result(tmp_path):
    RunFolder.create(tmp_path / "r", CONFIG).write_bytes("heads.csv", b"old")
    RunFolder.create(tmp_path / "r", CONFIG)
    assert not (tmp_path / "r" / "heads.csv").exists()


def test_newer_damaged_and_missing_folders(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    assert key_of(run.manifest) == "no_run"
    run.write_json("manifest.json", {"format": FORMAT + 1})
    with pytest.raises(StorageError, match="newer Headlight.*Update Headlight") as caught:
        run.manifest()
    assert caught.value.key == "newer_run"
    config = json.loads((run.path / "config.json").read_text())
    run.write_json("config.json", config | {"format": FORMAT + 1})
    assert key_of(run.config) == "newer_run"
    run.write_json("config.json", config | {"unheard": 1})
    assert key_of(run.config) == "damaged_run"
    (run.path / "state.json").write_text("{half")
    assert key_of(run.state) == "damaged_run"


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    write_atomically(tmp_path / "x", b"old")

    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.run_folder.Path.replace", broken)
    assert key_of(lambda: write_atomically(tmp_path / "x", b"new")) == "disk_full"
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []
