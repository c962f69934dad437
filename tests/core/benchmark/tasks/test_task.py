"""Tasks: fresh draws of texts, true circuits as arrays."""

import numpy as np

from core.benchmark.tasks.task import FIRST_SEEDS, Task, TaskName, bundled_names, load_task
from core.heads import EdgeId, HeadId
from core.model.loading import ModelPool
from core.scenarios.loader import load_scenario, load_truth, scenario_names


def test_every_scenario_with_a_truth_is_a_task():
    bundled = {name.name for name in bundled_names() if not name.folder}
    assert bundled == {name for name in scenario_names() if load_truth(name)}


def test_draws_are_fresh_and_repeatable(planted):
    first = planted.draw(4, 0)
    assert planted.draw(4, 0) == first
    assert planted.draw(4, 1) != first
    bundled = load_scenario(planted.name).examples_file.read_text(encoding="utf-8-sig")
    assert not any(example.text in bundled for example in first.examples)
    assert load_truth(planted.name).seed not in FIRST_SEEDS.values()
    tuning = load_task(TaskName(planted.name, role="tuning"), ModelPool(size=8))
    assert not {one.text for one in tuning.draw(20, 0).examples} & {
        one.text for one in planted.draw(20, 0).examples
    }


def test_truth_as_arrays(planted):
    truth = planted.head_truth()
    assert truth.sum() == len(planted.true_heads)
    n_heads = planted.loaded.shape.n_heads
    for source, target in planted.true_edges:
        assert planted.edge_truth()[
            source.layer * n_heads + source.head, target.layer * n_heads + target.head
        ]
    small = Task(
        "x", planted.loaded, frozenset({HeadId(0, 1)}), frozenset({EdgeId(HeadId(0, 1), HeadId(2, 0))})
    )
    assert np.argwhere(small.edge_truth()).tolist() == [[1, 2 * n_heads]]
