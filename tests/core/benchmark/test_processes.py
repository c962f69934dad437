"""Draws shared out over processes."""

import math
import multiprocessing

import pytest

from core.benchmark import processes, sharing
from core.benchmark.tasks.task import TaskName


def twice(number: int) -> int:
    return 2 * number


@pytest.mark.slow
def test_jobs_are_all_done_here_or_in_processes():
    assert sorted(sharing.done([1, 2, 3], 1, twice)) == [(1, 2), (2, 4), (3, 6)]
    assert sorted(sharing.done([1.0, 4.0, 9.0], 2, math.sqrt)) == [(1, 1), (4, 2), (9, 3)]


@pytest.mark.slow
def test_a_failing_job_ends_the_others():
    with pytest.raises(ValueError):
        list(sharing.done([4.0, -1.0, *[9.0] * 50], 2, math.sqrt))
    assert not multiprocessing.active_children()


def test_a_task_that_cannot_be_loaded_is_told_and_the_others_go_on(tmp_path):
    gone = TaskName("indirect-object", str(tmp_path / "gone"), published=True)
    result = processes.do(processes.Job(gone, 8, 0, "quick"))
    assert not result.rows
    ((method, reason),) = result.failed
    assert method == "every method"
    assert "gone" in reason
