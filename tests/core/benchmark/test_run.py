"""The whole run: results, files, lines."""

import json

import pandas as pd
import pytest

from core.benchmark import plan, processes
from core.benchmark import run as running
from core.benchmark.draws import DrawResult
from core.benchmark.metrics.speed import SpeedRow
from core.benchmark.names import LARGE_REAL, SMALL_REAL
from core.benchmark.run import Results, run_benchmark
from core.benchmark.tables.rows import COLUMNS
from core.benchmark.tasks.real.models import VARIABLE
from core.benchmark.tasks.task import NotRun, TaskName
from core.errors import ConfigError, ModelError, StorageError
from tests.support.benchmark_rows import row


def test_results_hold_every_reason_once():
    results = Results()
    job = processes.Job(TaskName("indirect-object"), 8, 0, "quick")
    for _ in range(2):
        results.add(job, DrawResult(failed=[("acdc-kl", "no memory")]))
    results.add(job, DrawResult(rows=[row("headlight-standard", 0.5)]))
    expected = {"task": "indirect-object", "model": "bundled", "method": "acdc-kl", "reason": "no memory"}
    assert results.not_run == [expected]
    assert results.tables()["summary"]["auc"].tolist() == [0.5]
    assert len(results.tables()["benchmark"]) == 1


def test_the_whole_run_on_one_small_task(tmp_path, monkeypatch):
    """Files, tables and goals of a run with one cheap method."""
    monkeypatch.setattr(running, "bundled_names", lambda: [TaskName("planted-induction")])
    monkeypatch.setitem(plan.PLANS, "quick", {"pair-difference-norm": plan.Repeats(2)})
    measured = SpeedRow("gpt2-standard", "cpu", 144, 10, 8, 12.5, 900.0, 0.5)
    monkeypatch.setattr(running, "speed_rows", lambda quick: iter([measured]))
    monkeypatch.setattr(running, "group_rows", lambda quick: iter([]))
    lines = list(run_benchmark(tmp_path, quick=True, workers=1))
    assert any(line.startswith("pair-difference-norm") for line in lines)
    assert any("not measured" in line for line in lines)
    rows = pd.read_csv(tmp_path / "benchmark.csv", encoding="utf-8-sig")
    assert list(rows.columns) == list(COLUMNS)
    assert rows["draw"].tolist() == [0, 0, 1, 1]
    assert len(pd.read_csv(tmp_path / "summary.csv", encoding="utf-8-sig")) == 2
    assert set(pd.read_csv(tmp_path / "goals.csv", encoding="utf-8-sig")["met"].dropna()) <= {True, False}
    assert pd.read_csv(tmp_path / "speed.csv", encoding="utf-8-sig")["seconds"].tolist() == [12.5]
    about = json.loads((tmp_path / "about.json").read_text())
    assert about["size"] == "quick"
    assert {entry["model"] for entry in about["not_run"]} <= {"gpt2-small", *SMALL_REAL, *LARGE_REAL}


def test_jobs_of_published_circuits_are_those_with_eight_texts_a_side():
    jobs = running.jobs_of([TaskName("greater-than", "x", published=True), TaskName("induction")], "full")
    assert {job.examples for job in jobs if job.task.published} == {8}
    own = [job for job in jobs if not job.task.published]
    assert {job.examples for job in own} == {3, 5, 8, 10, 25}
    assert sum(job.sweep for job in own) == 1


def test_real_models_are_named_where_they_are_not_measured(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    left_out = {(one.task, one.model) for one in running.tasks_of("full", None) if isinstance(one, NotRun)}
    assert {model for _, model in left_out} >= {*SMALL_REAL, *LARGE_REAL}
    known = TaskName("made", str(tmp_path), "test", real="slm4096")
    monkeypatch.setattr(running, "real_names", lambda role=None: [known])
    assert known in running.tasks_of("full", None)
    assert NotRun("made", "slm4096", "a quick run leaves real models out") in running.tasks_of("quick", None)
    assert running.tasks_of("full", tmp_path) == [known]


def test_jobs_of_real_models_are_few_where_the_model_is_large():
    small, large = (TaskName("x", "y", real=model) for model in ("slm4096", LARGE_REAL[0]))
    jobs = [job for job in running.jobs_of([small, large], "full") if not job.trust]
    assert {job.examples for job in jobs} == {8}
    assert [sum(job.task == one for job in jobs) for one in (small, large)] == [10, 2]
    assert not any(job.sweep for job in jobs)


def test_nothing_measured_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "bundled_names", lambda: [TaskName("gone", str(tmp_path / "gone"))])
    monkeypatch.setattr(running, "speed_rows", lambda quick: iter([]))
    monkeypatch.setattr(running, "group_rows", lambda quick: iter([]))
    monkeypatch.setattr(processes, "load_task", broken)
    lines = list(run_benchmark(tmp_path / "out", quick=True, workers=1))
    assert lines[-1] == "nothing could be measured"
    assert not json.loads((tmp_path / "out" / "about.json").read_text())["complete"]


def broken(*_arguments):
    raise ModelError("no_weights", name="gone")


def test_a_folder_without_models_and_one_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no model with true circuits"):
        list(run_benchmark(tmp_path / "out", quick=True, tuning=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        list(run_benchmark(tmp_path / "file" / "out", quick=True))
