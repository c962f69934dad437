"""A measured benchmark read back: every file that can be missing or broken, and the comparison worked by hand."""

import json
from pathlib import Path

import pandas as pd
import pytest

from core.benchmark import reading as measured
from core.benchmark.plan import PLANS
from core.benchmark.reading import GROUPS, NUMBERS, comparison, found, main_examples, read, standings
from core.benchmark.tables.summaries import MEANS, SUMS
from core.errors import StorageError

HEAD = {"examples": 8, "unit": "head", "role": "test", "draws": 2, "seeds": 1}
BY_HAND = {
    "headlight-standard": (0.9, 0.8, 1.0),
    "untrained": (0.95, 0.7, 1.0),
    "k-means": (0.8, 0.81, 1.0),
    "probe": (0.91, None, 0.5),
    "paper": (0.5, 0.6, 0.7),
    "paper-250": (0.6, 0.5, 0.76),
    "eap-ig": (0.99, 0.9, 1.0),
    "exact-patching": (1.0, 1.0, 1.0),
    "headlight-screened": (1.0, 1.0, 1.0),
    "mean-difference": (0.9004, 0.1, 0.1),
}
CASES = ("a · gpt2", "a · llama", "b · gpt2")


def table(values: dict[str, tuple[float | None, ...]] = BY_HAND) -> pd.DataFrame:
    rows = []
    for method, aucs in values.items():
        for case, auc in zip(CASES, aucs, strict=True):
            task, model = case.split(" · ")
            if auc is not None:
                rows.append({"task": task, "model": model, "method": method, **HEAD, "auc": auc})
    return pd.DataFrame(rows)


def write(
    folder: Path, summary: pd.DataFrame | None = None, about: str = "{}", **others: pd.DataFrame
) -> Path:
    folder.mkdir(exist_ok=True)
    tables = {"summary": table() if summary is None else summary, **others}
    for name, content in tables.items():
        content.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig")
    (folder / "about.json").write_text(about, encoding="utf-8")
    return folder


def test_what_was_not_measured_is_empty(tmp_path: Path) -> None:
    result = read(write(tmp_path, about='{"date": "2026-11-24"}'))
    assert len(result.summary) == len(table())
    assert set(NUMBERS) <= set(result.summary)
    assert result.summary["wrong_at_q"].isna().all()
    assert result.summary["auc"].dtype == float
    assert set(result.summary["case"]) == set(CASES)
    assert [len(part) for part in (result.goals, result.sweep, result.speed)] == [0, 0, 0]
    assert result.about["date"] == "2026-11-24"


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
    assert found() == []
    (here / "benchmark").mkdir()
    (here / "benchmark" / "benchmark.csv").write_text("task\n")
    assert found() == [], "measurements without a summary are no result"
    home.mkdir(exist_ok=True)
    folders = [write(folder) for folder in (tmp_path / "project", here / "benchmark", home / "benchmark")]
    assert found() == folders


def test_standings_by_hand(tmp_path: Path) -> None:
    result = standings(read(write(tmp_path)).summary, "head", 8)
    ours = result.set_index("method").loc["headlight-standard"]
    assert ours["mean"] == pytest.approx(0.9)
    assert (ours["lowest"], ours["lowest_case"], ours["cases"], ours["draws"]) == (0.8, "a · llama", 3, 2)
    assert list(result["method"]) == [
        "headlight-screened",
        "headlight-standard",
        "untrained",
        "k-means",
        "probe",
        "paper-250",
        "paper",
        "mean-difference",
        "exact-patching",
        "eap-ig",
    ]
    assert result.set_index("method").loc["probe", "cases"] == 2


def test_standings_of_what_was_not_measured_are_empty(tmp_path: Path) -> None:
    summary = read(write(tmp_path)).summary
    assert standings(summary, "edge", 8).empty
    assert standings(summary, "head", 3).empty
    assert standings(summary, "head", 8, "average_precision").empty


def test_comparison_by_hand(tmp_path: Path) -> None:
    one = comparison(read(write(tmp_path)).summary)
    assert one is not None
    assert (one.examples, one.cases) == (8, 3)
    assert (one.ours.mean, one.ours.lowest_case) == (pytest.approx(0.9), "a · llama")
    assert one.look is not None and one.look.method == "k-means", "probe lacks a case"
    assert one.look.above_ours == 1
    assert one.published is not None and one.published.method == "paper-250"
    assert one.change is not None and one.change.method == "eap-ig", "neither the ceiling nor ours"
    assert one.change.above_ours == 2
    assert one.untrained is not None and one.untrained.above_ours == 1
    assert one.above == (("a · gpt2", "probe"), ("a · llama", "k-means")), ".9004 is shown as ours is"


def test_comparison_needs_ours_and_may_lack_others(tmp_path: Path) -> None:
    assert comparison(read(write(tmp_path, table({"paper": (0.5, 0.5, 0.5)}))).summary) is None
    alone = comparison(read(write(tmp_path, table({"headlight-standard": (0.5, 0.5, 0.5)}))).summary)
    assert alone is not None
    assert (alone.look, alone.published, alone.change, alone.untrained, alone.above) == (None,) * 4 + ((),)


def test_main_number_of_texts_is_that_of_most_methods(tmp_path: Path) -> None:
    few = table({"paper": (0.5, 0.5, 0.5)}).assign(examples=3)
    assert main_examples(read(write(tmp_path, pd.concat([few, table()]))).summary) == 8


def test_every_method_of_the_benchmark_has_its_group() -> None:
    planned = {name for plan in PLANS.values() for name in plan}
    assert planned == {name for members in GROUPS.values() for name in members}
    assert measured.group_of("a new one") == "other"


def test_every_column_that_is_read_is_written() -> None:
    own = {"draws", "seeds", "auc_sd", "auc_seed_sd", "auc_lowest"}
    assert set(NUMBERS) <= {*MEANS, *SUMS, *own}


def test_measured_result_of_the_project_can_be_read() -> None:
    if (measured.PROJECT / "summary.csv").exists():
        result = read(measured.PROJECT)
        assert comparison(result.summary) is not None
        assert json.dumps(result.about)
