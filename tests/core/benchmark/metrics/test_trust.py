"""Whether levels of trust keep their word: what holds, the kinds of texts, and one whole run of each."""

import numpy as np
import pandas as pd
import pytest

from core.benchmark.metrics.trust import (
    TrustRow,
    by_level,
    different,
    holds,
    judged,
    mislabelled,
    mixed,
    other_behaviour,
    shuffled,
    text_sets,
    trust_lines,
    without_pairs,
)
from core.benchmark.tasks.task import TaskName
from core.examples.example_set import Example, ExampleSet
from core.heads import HeadId

A, B, C, D, E = (HeadId(0, i) for i in range(5))


@pytest.mark.parametrize(
    ("confirmed", "truth", "expected"),
    [
        ({A: 0.5}, {A}, 1.0),
        ({A: 0.5, B: 0.6}, {A}, 0.0),
        ({A: 0.6, B: 0.5}, {A}, 0.0),
        ({A: 0.9, B: 0.5, C: 0.4, D: 0.3, E: 0.1}, {A, B, C, D}, 1.0),
        ({A: 0.1, B: 0.5, C: 0.4, D: 0.3, E: 0.9}, {A, B, C, D}, 0.0),
        ({A: 0.5}, set(), 0.0),
    ],
)
def test_the_main_statement_holds_by_hand(confirmed, truth, expected):
    assert holds(confirmed, frozenset(truth)) == expected


def test_nothing_claimed_is_not_judged():
    assert np.isnan(holds({}, frozenset({A})))


def pairs(count, word):
    return ExampleSet(
        examples=tuple(
            Example(label=label, text=f"{word} {label} {number}", pair=str(number))
            for label in ("anomalous", "normal")
            for number in range(1, count + 1)
        )
    )


def test_mislabelled_pairs_have_two_labels_exchanged():
    before, after = pairs(8, "x"), mislabelled(pairs(8, "x"))
    changed = [a.pair for a, b in zip(before.examples, after.examples, strict=True) if a.label != b.label]
    assert sorted(changed) == ["1", "1", "2", "2"]
    assert after.count("anomalous") == after.count("normal") == 8


def test_mixed_pairs_are_half_of_each_and_every_pair_is_whole():
    texts = mixed(pairs(8, "x"), pairs(8, "y")).examples
    assert sorted(example.text[0] for example in texts) == ["x"] * 8 + ["y"] * 8
    of_pair = {}
    for example in texts:
        of_pair.setdefault((example.pair, example.text[0]), []).append(example.label)
    assert len(of_pair) == 8 and {tuple(labels) for labels in of_pair.values()} == {("anomalous", "normal")}


def test_texts_that_stand_there_twice_are_kept_once_where_there_are_no_pairs():
    paired = pairs(2, "x")
    twice = ExampleSet(examples=(*paired.examples, *paired.examples))
    assert different(twice) is twice
    assert different(without_pairs(twice)) == without_pairs(paired)


def test_shuffled_labels_are_as_many_and_never_the_true_ones():
    texts = without_pairs(pairs(3, "x"))
    for seed in range(30):
        dealt = shuffled(texts, np.random.default_rng(seed))
        same = sum(a.label == b.label for a, b in zip(texts.examples, dealt.examples, strict=True))
        assert dealt.count("anomalous") == 3 and 0 < same < 6


def test_shares_by_level_by_hand():
    rows = pd.DataFrame(
        TrustRow("t", "m", "pairs", 0, level, holds=value).__dict__
        for level, value in [("high", 1.0), ("high", 0.0), ("high", np.nan), ("low", 0.0), ("medium", 1.0)]
    )
    found = by_level(rows).set_index("level")
    assert found.loc["high"].tolist() == [3, 2, 0.5]
    assert found.loc["medium"].tolist() == [1, 1, 1.0]
    assert found.loc["low", "holds"] == 0
    assert found.loc["none", "runs"] == 0 and np.isnan(found.loc["none", "holds"])


def test_a_run_of_the_planted_circuit_claims_what_is_true_and_one_with_shuffled_labels_nothing(planted):
    """With a truth that names other heads, the same claim does not hold."""
    sets = text_sets(planted, None, 8, 0)
    assert {"pairs", "mislabelled", "unpaired", "shuffled"} <= sets.keys() and "mixed" not in sets
    blank = TrustRow(planted.name, planted.model, "pairs", 0, "none")
    row = judged(blank, planted, *sets["pairs"])
    assert row.holds == 1 and row.true == row.confirmed > 0
    assert row.level in ("high", "medium") and row.removed > 0.5 and row.tested == len(planted.head_truth())
    false = judged(blank, planted, sets["pairs"][0], frozenset({HeadId(0, 0)}) - planted.true_heads)
    assert false.holds == 0 and false.true == 0
    none = judged(blank, planted, *sets["shuffled"])
    assert (none.level, none.confirmed) == ("none", 0) and np.isnan(none.holds)


def test_the_other_behaviour_is_one_of_the_same_model():
    names = [TaskName("a", "one"), TaskName("b", "one"), TaskName("c", "two"), TaskName("d", "one")]
    others = [other_behaviour(name, names) for name in names]
    assert others == [names[1], names[3], None, names[0]]


def test_lines_tell_what_holds_at_each_level():
    row = TrustRow("t", "m", "pairs", 0, "high", holds=1.0)
    assert trust_lines([]) == []
    assert trust_lines([row])[2].split() == ["high", "1", "runs", "1", "claims", "1.000"]
