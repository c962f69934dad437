"""The printed tables, by hand."""

from core.benchmark.metrics.ablations import AblationRow
from core.benchmark.tables.printed import ablation_lines, overall_lines, task_lines
from tests.support.benchmark_rows import row, table


def test_methods_of_a_task_are_means_of_their_draws_with_heads_first():
    rows = table(row("m", 0.8), row("m", 0.6, 1), row("m", 0.3, unit="edge"))
    title, _, heads, _, edges = task_lines(rows)
    assert title == "\na on gpt2"
    assert heads.split()[:5] == ["m", "8", "head", "0.700", "0.100"]
    assert edges.split()[:5] == ["m", "8", "edge", "0.300", "0.000"]


def test_all_tasks_count_alike_and_shuffles_are_added_up():
    verdicts = {"evidence_passes": 2, "shuffles": 3, "confirmed_precision": 0.5}
    rows = table(row("m", 0.8), row("m", 0.6, 1), row("m", 0.1, task="b", **verdicts))
    lines = list(overall_lines(rows))
    assert lines[2].split()[3:5] == ["0.400", "0.300"]
    assert lines[3] == "verdicts"
    assert "0.500" in lines[-1] and " 3 " in lines[-1]


def test_ablations_are_printed_with_the_suggested_ones_once_more():
    shares = dict.fromkeys(("fault_before", "fault_after", "right_before", "right_after"), 0.5)
    others = dict.fromkeys(("fault_gone", "still_right", "anomalous_right_after", "fault_on_normal"), 0.25)
    one = AblationRow(
        "a", 0, "L0H1 L0H2", "mean", 8, **shares, **others, seconds=1.0, forward_passes=2,
        found_by="minimal_circuit", complete=True, suggested=True,
    )  # fmt: skip
    assert list(ablation_lines([])) == []
    lines = list(ablation_lines([one]))
    assert [line.split()[2] for line in lines[2:]] == ["minimal_circuit", "suggested"]
    assert lines[2].split()[4] == "2.000"
