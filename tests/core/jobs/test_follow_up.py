"""The check that follows an analysis by itself, and how long it takes."""

from core.jobs.follow_up import LIGHT_WORK, SETS, follow_up, measured_seconds, work
from core.runs.run_folder import RunFolder, runs_folder
from tests.support.jobs import config


def test_light_work_follows_and_heavy_work_is_left_to_the_user(tmp_path):
    assert work(1000, 7) == 2 * 1000 * 7 * SETS
    run = RunFolder(tmp_path)
    run.write_bytes("examples.csv", b"label,tokens\nanomalous,7\nanomalous,3\nnormal,900000\n")
    for parameters, wanted in ((LIGHT_WORK / (20 * SETS), "circuit"), (LIGHT_WORK / (20 * SETS) + 1, None)):
        run.write_json(
            "manifest.json", {"evidence": "computed", "model": {"name": "m", "n_parameters": parameters}}
        )
        assert follow_up(run) == wanted
    run.write_json("manifest.json", {"evidence": "no_difference", "model": {"name": "m", "n_parameters": 1}})
    assert follow_up(run) is None


def test_seconds_come_from_the_newest_check_of_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    first, second = (RunFolder.create(runs_folder() / name, config()) for name in ("a", "b"))
    assert measured_seconds("some/model") is None
    first.write_json("circuit.json", {"complete": True, "state": "computed", "seconds": 4.0})
    second.write_json("circuit.json", {"complete": False, "state": "computed", "seconds": 1.0})
    assert measured_seconds("some/model") == 4.0
    assert measured_seconds("another") is None
