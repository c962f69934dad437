"""The run folder and the files of a result."""

import json
from dataclasses import replace

import pytest

from core.config import make_config
from core.errors import StorageError
from core.examples.reading import from_pasted
from core.runs.job_state import JobState
from core.runs.run_folder import RunFolder, list_runs, new_run_id, open_run, runs_folder
from core.schema import FORMAT, Manifest, ModelRecord
from core.storage import BUNDLED_MODELS
from tests.support.old_runs import old_run

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
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


def test_a_run_of_a_bundled_model_names_no_folder_of_this_installation(tmp_path):
    model = str(BUNDLED_MODELS / "planted")
    run = RunFolder.create(tmp_path / "r", make_config(model=model, examples=SET))
    run.write_model("manifest.json", Manifest(model=ModelRecord(name=model)))
    for name in ("config.json", "manifest.json"):
        assert str(BUNDLED_MODELS.parent) not in (run.path / name).read_text(encoding="utf-8")
    assert run.config().model == run.manifest().model.name == model


def test_a_run_of_another_installation_finds_its_bundled_model(tmp_path):
    run = old_run(tmp_path)
    assert run.config().model == run.manifest().model.name == str(BUNDLED_MODELS / "four-tasks")


DAMAGE = {
    "config.json": ["{}", "[]", "null", "{half", '{"format": "2"}', '{"format": null}', "\xff", "["],
    "state.json": ["{}", "3", '{"status": "odd"}', '{"status": "done", "started": "x"}', '{"format": 99}'],
    "meta.json": ["7", '{"name": []}', '{"format": true}', ""],
}


@pytest.mark.parametrize(("name", "content"), [(n, c) for n, contents in DAMAGE.items() for c in contents])
def test_a_damaged_run_is_listed_refused_with_a_reason_and_can_be_deleted(tmp_path, name, content):
    _, run = (RunFolder.create(tmp_path / folder, CONFIG) for folder in ("a_whole_one", "damaged"))
    (run.path / name).write_bytes(content.encode("latin-1") * (100_000 if content == "[" else 1))
    assert [listed.run_id for listed in list_runs(tmp_path)] == ["damaged", "a_whole_one"]
    assert key_of(lambda: (run.config(), run.state(), run.meta())) in ("damaged_run", "newer_run")
    run.delete()
    assert [listed.run_id for listed in list_runs(tmp_path)] == ["a_whole_one"]


@pytest.mark.parametrize("name", ["config.json", "state.json", "meta.json"])
def test_a_run_with_a_missing_file_is_listed_and_can_be_deleted(tmp_path, name):
    run = RunFolder.create(tmp_path / "damaged", CONFIG)
    (run.path / name).unlink()
    (tmp_path / "notes.txt").write_text("no run")
    (tmp_path / "empty").mkdir()
    (listed,) = list_runs(tmp_path)
    assert key_of(lambda: (listed.config(), listed.state(), listed.meta())) == "no_run"
    listed.delete()
    assert list_runs(tmp_path) == []


def test_a_file_is_parsed_once_for_each_time_it_was_written(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    assert run.state() is run.state()
    run.write_state(replace(run.state(), status="running", step=3))
    assert (run.state().status, run.state().step) == ("running", 3)
    run.rename("other")
    assert run.meta().name == "other"


def test_a_run_that_got_its_settings_after_its_folder_is_listed(tmp_path):
    (tmp_path / "r").mkdir()
    assert list_runs(tmp_path) == []
    RunFolder.create(tmp_path / "r", CONFIG)
    assert [run.run_id for run in list_runs(tmp_path)] == ["r"]


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
