"""Goals beside what was measured, by hand."""

import dataclasses
import math

import pandas as pd
import pytest

from core.benchmark.names import LARGE_REAL, SMALL_REAL
from core.benchmark.tables.goals import behind_simple, goals, others_above, spread
from core.benchmark.tables.printed import goal_lines
from core.benchmark.tables.summaries import summary
from tests.support.benchmark_rows import row, table


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
    result = {goal.key: goal for goal in goals(summary(rows), pd.DataFrame(), speed)}
    assert (result["heads_auc"].measured, result["heads_auc"].met) == (0.96, False)
    assert (result["heads_auc_lowest"].measured, result["heads_auc_lowest"].met) == (0.94, True)
    assert result["heads_auc_lowest"].note == "b gpt2"
    assert result["false_discoveries_pairs"].measured == 0.125
    assert result["gpt2_seconds"].met is False
    assert result["gpt2_peak_mb"].met is True
    assert result["growth_heads"].measured == pytest.approx(2.0)
    assert result["growth_examples"].met is None
    assert (result["gpu_ratio"].measured, result["gpu_ratio"].met) == (15.0, True)
    assert result["screened_heads_auc"].met is None
    assert result["heads_auc_5"].met is None
    assert result["edges_1024_seconds"].measured is None
    printed = "\n".join(goal_lines(list(result.values())))
    assert "MISSED" in printed
    assert "not measured" in printed
    assert len({goal.key for goal in result.values()}) == len(result)


def test_a_method_with_few_draws_is_no_rival():
    rows = table(*(row("headlight-standard", 0.9, draw) for draw in range(4)), row("probe", 1.0))
    assert others_above(summary(rows)) == (0, "")


def test_real_models_and_forms_have_goals_of_their_own():
    """A model on which settings are chosen counts for none, a real one not among the others."""
    chat = dataclasses.replace(row("headlight-standard", 0.995, average_precision=0.8), model=LARGE_REAL[0])
    small = dataclasses.replace(row("headlight-standard", 0.7), model=SMALL_REAL[1])
    simple = dataclasses.replace(row("mean-difference", 0.75), model=SMALL_REAL[1])
    tuned = dataclasses.replace(row("headlight-standard", 0.1), model=SMALL_REAL[0], role="tuning")
    rows = table(
        row("headlight-standard", 0.99, strong_recall=1.0, strongest_tested=1.0, confirmed_precision=0.9),
        row("headlight-unpaired", 0.9, strong_recall=0.5, strongest_tested=0.0),
        row("headlight-unpaired", 0.96, task="b", strong_recall=1.0, strongest_tested=1.0),
        row("headlight-unequal-no-words", 0.95),
        *(chat, small, simple, tuned),
    )
    result = {goal.key: goal for goal in goals(summary(rows), pd.DataFrame(), pd.DataFrame())}
    assert result["heads_auc"].measured == 0.99
    assert (result["unpaired_auc"].measured, result["unpaired_auc_lowest"].measured) == (0.93, 0.9)
    assert result["unpaired_auc_lowest"].note == "a gpt2"
    assert (result["unequal_no_words_auc"].measured, result["unequal_auc"].measured) == (0.95, None)
    assert (result["real_pairs_auc"].measured, result["real_pairs_auc_lowest"].met) == (0.7, False)
    assert result["real_pairs_behind_simple"].measured == 0.05
    assert (result["large_pairs_auc"].met, result["large_pairs_average_precision"].met) == (True, False)
    assert result["strong_recall_no_partners"].measured == 0.75
    assert result["strongest_tested"].measured == pytest.approx(2 / 3, abs=1e-4)
    assert result["confirmed_precision"].measured == 0.9


def test_a_simple_way_is_held_against_ours_on_the_same_texts():
    rows = table(
        row("headlight-unequal", 0.8),
        row("mean-difference", 0.99),
        row("mean-difference-unequal", 0.7),
        row("untrained-unequal", 0.85),
        row("untrained-unpaired", 0.9),
    )
    ahead, where = behind_simple(summary(rows), "headlight-unequal")
    assert (round(ahead, 4), where) == (0.05, "a gpt2")
    assert math.isnan(behind_simple(summary(rows), "headlight-unpaired")[0])
