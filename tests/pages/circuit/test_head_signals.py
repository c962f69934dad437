"""What each signal says of a head: only what the run has, shares as percentages."""

import pandas as pd

from pages.parts.circuit.head_signals import signals

NAN = float("nan")


def test_only_the_signals_that_a_run_has():
    row = pd.Series({"score": 0.5, "code_score": NAN, "screen": NAN, "attribution": 0.312, "effect": NAN})
    assert signals(row) == {"code_score": "0.5", "attribution": "31\u00a0%"}
    assert signals(pd.Series({"score": 0.5})) == {"code_score": "0.5"}


def test_all_of_them_in_order():
    values = {
        "score": 9.0,
        "code_score": 0.25,
        "screen": -0.1,
        "exact": 0.4,
        "attribution": 0.3,
        "effect": 0.2,
    }
    assert signals(pd.Series(values)) == {
        "code_score": "0.25",
        "screen": "−10\u00a0%",
        "exact": "40\u00a0%",
        "attribution": "30\u00a0%",
        "effect": "20\u00a0%",
    }


def test_an_effect_that_ranking_and_evidence_share_is_told_once():
    row = pd.Series({"score": 0.5, "exact": 0.871, "effect": 0.868})
    assert signals(row) == {"code_score": "0.5", "effect": "87\u00a0%"}
