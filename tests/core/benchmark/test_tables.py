"""From measurements to summary, goals and files, by hand; and how jobs are shared out."""

import json
import math
import multiprocessing

import numpy as np
import pandas as pd
import pytest

from core.benchmark import plan, work
from core.benchmark import run as running
from core.benchmark.measuring import Measured
from core.benchmark.metrics.memory import forget_peak, peak_mb
from core.benchmark.metrics.settings import SETTINGS, moved, sweep_rows
from core.benchmark.metrics.speed import SpeedRow
from core.benchmark.run import Results, run_benchmark
from core.benchmark.tables import goals as goals_module
from core.benchmark.tables.goals import goal_lines, goals, others_above, spread
from core.benchmark.tables.rows import COLUMNS, Row
from core.benchmark.tables.summaries import summary
from core.benchmark.tasks.task import TaskName, load_task
from core.config import PRESETS
from core.errors import ConfigError, ModelError, StorageError
from core.model.loading import ModelPool


def table(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([vars(row) for row in rows])


def row(method: str, auc: float, draw: int = 0, seed: int = 0, task: str = "a", **more) -> Row:
    values = {"examples": 8, "unit": "head", **more}
    return Row(task, "gpt2", method, draw=draw, seed=seed, auc=auc, **values)


def test_summary_takes_seeds_together_before_draws():
    rows = table(
        row("m", 0.8, 0, 0, shuffles=2),
        row("m", 1.0, 0, 1),
        row("m", 0.5, 1, 0, shuffles=3),
        row("m", 0.5, 1, 1),
    )
    (one,) = summary(rows).to_dict("records")
    assert (one["draws"], one["seeds"], one["role"]) == (2, 2, "test")
    assert one["auc"] == pytest.approx(0.7)
    assert one["auc_sd"] == pytest.approx(0.2)
    assert one["auc_seed_sd"] == pytest.approx(0.1 / 2**0.5, abs=1e-5)
    assert one["auc_lowest"] == 0.5
    assert one["shuffles"] == 5
    assert math.isnan(one["evidence_passes"])
    assert math.isnan(one["jaccard"])


def test_one_seed_has_no_spread_over_seeds():
    (one,) = summary(table(row("m", 0.8), row("m", 0.6, 1))).to_dict("records")
    assert math.isnan(one["auc_seed_sd"])


def test_summary_keeps_methods_models_units_and_sizes_apart():
    rows = table(row("m", 0.1), row("n", 0.2), row("m", 0.3, unit="edge"), row("m", 0.4, examples=5))
    assert summary(rows)["auc"].tolist() == [0.1, 0.2, 0.3, 0.4]


def test_others_above_compares_what_is_printed_and_leaves_out_the_untrained():
    rows = table(
        row("headlight-standard", 0.9),
        row("k-means", 0.9004),
        row("untrained", 1.0),
        row("eap-ig", 1.0),
        row("headlight-standard", 0.8, task="b"),
        row("probe", 0.81, task="b"),
        row("paper-250", 0.9, task="b"),
    )
    assert others_above(summary(rows)) == (1, "b gpt2: probe, paper-250")
    assert others_above(summary(rows), "headlight-standard", ["eap-ig"]) == (1, "a gpt2: eap-ig")
    assert math.isnan(others_above(summary(table(row("probe", 0.5))))[0])


def test_spread_by_hand():
    def swept(task, value, auc, default=False):
        return {
            "task": task,
            "model": "m",
            "setting": "latents",
            "value": value,
            "auc": auc,
            "is_default": default,
        }

    sweep = pd.DataFrame(
        [
            swept("a", 16, 0.1),
            swept("a", 32, 0.9),
            swept("a", 64, 0.95, True),
            swept("a", 64, 0.97, True),
            swept("a", 128, 0.93),
            swept("b", 32, 0.5),
            swept("b", 64, 0.5, True),
        ]
    )
    largest, note = spread(sweep, "latents", 2.0)
    assert largest == pytest.approx(0.06)
    assert note == "a m; mean of the tasks 0.030"
    assert math.isnan(spread(sweep, "sparsity", 2.0)[0])
    assert math.isnan(spread(pd.DataFrame(), "latents", 2.0)[0])


def test_goals_met_missed_and_not_measured():
    rows = table(
        row("headlight-standard", 0.98, shuffles=4, false_discoveries=0.5, average_precision=0.9),
        row("headlight-standard", 0.94, task="b", shuffles=12, false_discoveries=0.0, average_precision=0.7),
        row("headlight-standard", 0.9, unit="edge", auc_true_heads=0.9),
    )
    speed = pd.DataFrame(
        [
            {"what": "gpt2-standard", "device": "cpu", "seconds": 12.0, "peak_mb": 1200.0},
            {"what": "gpt2-xl-standard", "device": "cuda", "seconds": 30.0, "forward_seconds": 2.0},
            {"what": "heads", "device": "cpu", "seconds": 1.0, "heads": 10},
            {"what": "heads", "device": "cpu", "seconds": 4.0, "heads": 20},
        ]
    )
    found = {goal.key: goal for goal in goals(summary(rows), pd.DataFrame(), speed)}
    assert (found["heads_auc"].measured, found["heads_auc"].met) == (0.96, False)
    assert (found["heads_auc_lowest"].measured, found["heads_auc_lowest"].met) == (0.94, True)
    assert found["heads_auc_lowest"].note == "b gpt2"
    assert found["false_discoveries_pairs"].measured == 0.125
    assert found["gpt2_seconds"].met is False
    assert found["gpt2_peak_mb"].met is True
    assert found["growth_heads"].measured == pytest.approx(2.0)
    assert found["growth_examples"].met is None
    assert (found["gpu_ratio"].measured, found["gpu_ratio"].met) == (15.0, True)
    assert found["screened_heads_auc"].met is None
    assert found["heads_auc_5"].met is None
    assert found["edges_1024_seconds"].measured is None
    printed = "\n".join(goal_lines(list(found.values())))
    assert "MISSED" in printed
    assert "not measured" in printed
    assert len({goal.key for goal in found.values()}) == len(found)
    assert goals_module.OURS == "headlight-standard"


def test_a_moved_setting_keeps_its_kind_and_the_others():
    default = PRESETS["standard"]
    assert moved(default, "latents", 128.0) == default.model_copy(update={"latents": 128})
    assert moved(default, "sparsity", 0.2).sparsity == 0.2
    for setting, values in SETTINGS.items():
        assert any(moved(default, setting, value) == default for value in values), setting


def test_the_sweep_measures_every_value_and_agrees_with_itself(monkeypatch):
    monkeypatch.setattr("core.benchmark.metrics.settings.SETTINGS", {"members": (1, 8), "epochs": (0, 60)})
    monkeypatch.setattr("core.benchmark.metrics.settings.SEEDS", 1)
    task = load_task(TaskName("planted-induction"), ModelPool(size=1))
    rows = list(sweep_rows(task, 3, 0))
    assert [(one.setting, one.value, one.is_default) for one in rows] == [
        ("members", 1, False),
        ("members", 8, True),
        ("epochs", 0, False),
        ("epochs", 60, True),
    ]
    assert all(one.agreement == 1.0 for one in rows if one.is_default)
    assert all(0 <= one.agreement <= 1 and one.selected > 0 for one in rows)


def test_the_peak_of_memory_counts_from_the_moment_it_is_asked_to():
    if not forget_peak():
        pytest.skip("this system does not tell")
    before = peak_mb()
    held = np.ones(400 * 2**17)
    assert peak_mb() >= before + 200
    del held
    forget_peak()
    assert peak_mb() < before + 200


def twice(number: int) -> int:
    return 2 * number


def test_jobs_are_all_done_here_or_in_processes():
    assert sorted(work.done([1, 2, 3], 1, twice)) == [(1, 2), (2, 4), (3, 6)]
    assert sorted(work.done([1.0, 4.0, 9.0], 2, math.sqrt)) == [(1, 1), (4, 2), (9, 3)]


def test_a_failing_job_ends_the_others():
    with pytest.raises(ValueError):
        list(work.done([4.0, -1.0, *[9.0] * 50], 2, math.sqrt))
    assert not multiprocessing.active_children()


def test_a_task_that_cannot_be_loaded_is_told_and_the_others_go_on(tmp_path):
    gone = TaskName("indirect-object", str(tmp_path / "gone"), published=True)
    found = work.do(work.Job(gone, 8, 0, "quick"))
    assert not found.rows
    ((method, reason),) = found.failed
    assert method == "every method"
    assert "gone" in reason


def test_results_hold_every_reason_once():
    results = Results()
    job = work.Job(TaskName("indirect-object"), 8, 0, "quick")
    for _ in range(2):
        results.add(job, Measured(failed=[("acdc-kl", "no memory")]))
    results.add(job, Measured(rows=[row("headlight-standard", 0.5)]))
    expected = {"task": "indirect-object", "model": "bundled", "method": "acdc-kl", "reason": "no memory"}
    assert results.not_run == [expected]
    assert results.tables()["summary"]["auc"].tolist() == [0.5]
    assert len(results.tables()["benchmark"]) == 1


def test_the_whole_run_on_one_small_task(tmp_path, monkeypatch):
    """Files, tables and goals of a run with one cheap method."""
    monkeypatch.setattr(running, "bundled_names", lambda: [TaskName("planted-induction")])
    monkeypatch.setitem(plan.PLANS, "quick", {"pair-difference-norm": plan.Repeats(2)})
    made = SpeedRow("gpt2-standard", "cpu", 144, 10, 8, 12.5, 900.0, 0.5)
    monkeypatch.setattr(running, "speed_rows", lambda quick: iter([made]))
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
    assert {entry["model"] for entry in about["not_run"]} <= {"gpt2-small"}


def test_jobs_of_published_circuits_are_those_with_eight_texts_a_side():
    jobs = running.jobs_of([TaskName("greater-than", "x", published=True), TaskName("induction")], "full")
    assert {job.examples for job in jobs if job.task.published} == {8}
    own = [job for job in jobs if not job.task.published]
    assert {job.examples for job in own} == {3, 5, 8, 10, 25}
    assert sum(job.sweep for job in own) == 1


def test_passes_of_the_evidence_are_those_of_the_seed_that_gathered_it():
    rows = table(
        row("m", 0.8, evidence_passes=12), row("m", 0.8, seed=1), row("m", 0.8, 1, evidence_passes=14)
    )
    assert summary(rows)["evidence_passes"].tolist() == [13]


def test_nothing_measured_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "bundled_names", lambda: [TaskName("gone", str(tmp_path / "gone"))])
    monkeypatch.setattr(running, "speed_rows", lambda quick: iter([]))
    monkeypatch.setattr(work, "load_task", broken)
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


def test_a_method_with_few_draws_is_no_rival():
    rows = table(*(row("headlight-standard", 0.9, draw) for draw in range(4)), row("probe", 1.0))
    assert others_above(summary(rows)) == (0, "")
