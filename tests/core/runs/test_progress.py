"""What progress records tell, worked by hand; timings of earlier runs of the same model."""

from dataclasses import replace

import pytest

from core.config import make_config
from core.examples.reading import from_pasted
from core.runs.progress import (
    Record,
    append_record,
    expected_seconds,
    measured_timings,
    read_records,
    stage_seconds,
)
from core.runs.run_folder import RunFolder, new_run_id, runs_folder
from core.schema import Manifest, ModelRecord

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
RECORDS = [
    Record(10.0, "load", 0, 1, {}),
    Record(12.0, "train", 0, 10, {}),
    Record(16.0, "train", 4, 10, {"loss": 0.5}),
]


def test_records_read_back_as_they_were_written(tmp_path):
    run = RunFolder(tmp_path)
    assert read_records(run) == []
    for record in RECORDS:
        append_record(run, record)
    assert read_records(run) == RECORDS


@pytest.mark.parametrize("line", ['{"time": 1.0', "[]", '{"time": "x", "stage": "load"}', "\x00", "{}"])
def test_a_damaged_line_is_left_out(tmp_path, line):
    run = RunFolder(tmp_path)
    append_record(run, RECORDS[0])
    with (tmp_path / "progress.jsonl").open("ab") as file:
        file.write(line.encode() + b"\n\xff\xfe\n")
    append_record(run, RECORDS[1])
    assert read_records(run) == RECORDS[:2]


def test_seconds_of_stages_by_hand():
    assert stage_seconds(RECORDS, now=17.0) == {"load": 2.0, "train": 5.0}


def finished(model: str, seconds: float, preset: str = "fast") -> RunFolder:
    config = make_config(model=model, examples=SET, preset=preset)
    run = RunFolder.create(runs_folder() / new_run_id(), config)
    run.write_model("manifest.json", Manifest(model=ModelRecord(name=model), timings={"train": seconds}))
    run.write_state(replace(run.state(), status="done"))
    return run


def test_timings_come_from_the_newest_finished_run_of_model_and_preset(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    assert measured_timings("m", "fast") is None
    first = finished("m", 1.0)
    finished("other", 2.0)
    finished("m", 3.0, "standard")
    assert measured_timings("m", "fast") == {"train": 1.0}
    first.write_state(replace(first.state(), status="failed"))
    assert measured_timings("m", "fast") is None
    damaged = finished("m", 4.0)
    (damaged.path / "manifest.json").write_text("{}", encoding="utf-8")
    assert measured_timings("m", "fast") is None


def test_a_preset_that_does_more_is_never_expected_to_take_less(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    assert expected_seconds("m") == {}
    finished("m", 3.0)  # the first run also loads the model
    finished("m", 1.0, "standard")
    finished("m", 0.5, "paper")
    assert expected_seconds("m") == {"fast": 3.0, "standard": 3.0, "paper": 0.5}
    for _ in range(2):
        finished("m", 0.8)
    assert expected_seconds("m") == {"fast": 0.8, "standard": 1.0, "paper": 0.5}
    assert expected_seconds("other") == {}


def test_a_look_at_many_runs_parses_none_of_them_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    for _ in range(3):
        finished("m", 1.0)
    measured_timings("other", "fast")
    monkeypatch.setattr(RunFolder, "read_json", lambda *_: pytest.fail("parsed again"))
    assert measured_timings("other", "fast") is None
