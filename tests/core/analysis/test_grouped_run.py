"""A whole run on a model in which one wrong answer comes by two routes through different heads."""

import pytest

from core.analysis.pipeline import analyse
from core.benchmark.tasks import two_routes
from core.config import make_config
from core.heads import HeadId
from core.scenarios.build.training import save
from core.schema import RunResult


@pytest.mark.slow
def test_a_run_tells_two_routes_apart_and_names_heads_of_each(tmp_path):
    planted = two_routes.build(seed=4)
    save(planted.loaded.model, planted.loaded.tokenizer, tmp_path)
    examples = two_routes.texts(["next", "second"] * 4, seed=3)
    *_, result = analyse(make_config(model=str(tmp_path), examples=examples, preset="fast", device="cpu"))
    assert isinstance(result, RunResult)
    groups = result.manifest.groups
    assert groups is not None
    assert groups.state == "several"
    assert [group.texts for group in groups.groups] == [(0, 2, 4, 6), (1, 3, 5, 7)]
    assert result.examples["mechanism"].tolist()[:8] == [1, 2] * 4
    assert result.examples["mechanism"].iloc[8:].isna().all()
    for group, route in zip(groups.groups, two_routes.ROUTES, strict=True):
        heads = {HeadId.parse(head) for head in group.heads}
        assert heads
        assert heads <= planted.heads[route]
