"""A measured benchmark read back: every file that can be missing or broken."""

import json
from pathlib import Path

import pandas as pd
import pytest

from core.benchmark import reading as measured
from core.benchmark.names import FORMER, GROUPS
from core.benchmark.plan import PLANS
from core.benchmark.reading import NUMBERS, read, result_folders
from core.benchmark.tables.summaries import MEANS, SUMS
from core.errors import StorageError
from tests.support.small_benchmark import CASES, table, write


def test_what_was_not_measured_is_empty(tmp_path: Path) -> None:
    result = read(write(tmp_path, about='{"date": "2026-11-24"}'))
    assert len(result.summary) == len(table())
    assert set(NUMBERS) <= set(result.summary)
    assert result.summary["wrong_at_q"].isna().all()
    assert result.summary["auc"].dtype == float
    assert set(result.summary["case"]) == set(CASES)
    assert [len(part) for part in (result.goals, result.sweep, result.speed)] == [0, 0, 0]
    assert result.about["date"] == "2026-11-24"


def test_former_names_of_methods_are_read_as_the_new_ones(tmp_path: Path) -> None:
    old = table().iloc[:2].assign(method=list(FORMER))
    result = read(write(tmp_path, pd.concat([table(), old])))
    renamed = result.summary[result.summary["method"].isin(FORMER.values())]
    assert list(renamed["method"]) == list(FORMER.values())
    assert set(renamed["group"]) == {"ours"}


def test_goals_are_read_as_met_missed_or_neither(tmp_path: Path) -> None:
    goals = pd.DataFrame(
        {
            "key": ["one", "two", "three"],
            "wanted": [1, 2, 3],
            "measured": [1.5, 1.5, None],
            "met": [True, "false", None],
            "note": ["'=1", None, "-"],
        }
    )
    result = read(write(tmp_path, goals=goals)).goals
    assert list(result["met"]) == [True, False, None]
    assert list(result["note"]) == ["=1", "", "-"]
    assert result["comparison"].isna().all()


def test_rows_of_models_that_settings_were_chosen_on_are_left_out(tmp_path: Path) -> None:
    tuned = table().assign(role="tuning", model="tuned")
    result = read(write(tmp_path, pd.concat([table(), tuned])))
    assert set(result.summary["case"]) == set(CASES)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("summary.csv", None),
        ("summary.csv", ""),
        ("summary.csv", "task,model,method,unit,examples\n"),
        ("summary.csv", "task,model,method,examples,auc\na,b,paper,8,1\n"),
        ("summary.csv", "task,model,method,unit,examples,auc\na,b,paper,head,8,high\n"),
        ("summary.csv", "task,model,method,unit,examples,auc\na,,paper,head,8,1\n"),
        ("summary.csv", "task,model,method,unit,examples,auc\na,b,paper,head,,1\n"),
        ("about.json", None),
        ("about.json", "{"),
        ("about.json", "[]"),
        ("goals.csv", "name,wanted\nx,1\n"),
        ("sweep.csv", "setting,value\nlatents,many\n"),
        ("speed.csv", ""),
    ],
)
def test_broken_result_says_which_file(tmp_path: Path, file: str, content: str | None) -> None:
    folder = write(tmp_path)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(StorageError) as raised:
        read(folder)
    assert raised.value.key == "damaged_benchmark"
    assert raised.value.values["file"] == file


def test_bytes_that_are_no_text_are_a_broken_result(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "about.json").write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError):
        read(folder)


def test_results_are_looked_for_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HEADLIGHT_HOME", str(home))
    monkeypatch.setattr(measured, "PROJECT", tmp_path / "project")
    assert result_folders() == []
    (here / "benchmark").mkdir()
    (here / "benchmark" / "benchmark.csv").write_text("task\n")
    assert result_folders() == [], "measurements without a summary are no result"
    home.mkdir(exist_ok=True)
    folders = [write(folder) for folder in (tmp_path / "project", here / "benchmark", home / "benchmark")]
    assert result_folders() == folders


def test_every_method_of_the_benchmark_has_its_group() -> None:
    planned = {name for plan in PLANS.values() for name in plan}
    assert planned == {name for members in GROUPS.values() for name in members}
    assert measured.group_of("a new one") == "other"


def test_every_column_that_is_read_is_written() -> None:
    own = {"draws", "seeds", "auc_sd", "auc_seed_sd", "auc_lowest"}
    assert set(NUMBERS) <= {*MEANS, *SUMS, *own}


def test_measured_result_of_the_project_can_be_read() -> None:
    if (measured.PROJECT / "summary.csv").exists():
        assert json.dumps(read(measured.PROJECT).about)
