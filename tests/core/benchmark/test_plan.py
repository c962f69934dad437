"""How often each method is measured."""

import math

from core.benchmark.plan import EXAMPLES, PLANS, Repeats, draws_of, planned
from core.benchmark.run import draws_words
from core.benchmark.tables.rows import Row


def test_the_full_run_covers_the_sizes_that_the_readme_names():
    assert EXAMPLES["full"] == (3, 5, 8, 10, 25)
    assert math.isnan(Row("t", "m", "x", 8, 0, 0, "head").auc)


def test_the_printed_draws_name_every_method_that_takes_part_with_its_number():
    assert draws_words("full").startswith("headlight-standard 10 × 3 seeds, ")
    assert "paper-ensemble 2, " in draws_words("full")
    assert "heads switched off 1; labels shuffled 2 times" in draws_words("quick")


def test_plan_by_hand():
    assert dict(planned("full", 8, 9))["headlight-standard"] == range(3)
    assert dict(planned("full", 5, 9))["headlight-standard"] == range(1)
    assert "acdc-kl" in dict(planned("full", 8, 0))
    assert "acdc-kl" not in dict(planned("full", 8, 1))
    assert "acdc-kl" not in dict(planned("full", 5, 0))
    assert (draws_of("full", 8), draws_of("full", 25), draws_of("quick", 8)) == (10, 10, 2)
    assert draws_of("quick", 5) == 0
    new = ("headlight-unequal", "headlight-last", "headlight-mean")
    assert all(PLANS["full"][name] == Repeats(10) and PLANS["quick"][name] == Repeats(1) for name in new)
