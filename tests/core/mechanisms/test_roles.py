"""The standard roles: each test on patterns made by hand, the choice of a role, and the planted model, whose truth is
known."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.mechanisms.roles import (
    ON_RANDOM,
    ON_TEXTS,
    ROLES,
    copying_at,
    mean_scores,
    pattern_scores,
    resting_at,
    role_of,
    role_scores,
)

IDS = [7, 5, 6, 9, 5, 6]  # 5 and 6 stand twice
WORDS = ["<s>", "a", "b", "c", "a", "B".casefold()]


def looking(*keys: int) -> torch.Tensor:
    """One head whose query q gives all its attention to keys[q]."""
    weights = torch.zeros(1, len(keys), len(keys))
    weights[0, range(len(keys)), list(keys)] = 1.0
    return weights


def scores(*keys: int, marks=()):
    return pattern_scores(looking(*keys), IDS, marks, WORDS)[0]


def test_a_head_that_looks_one_back():
    own = scores(0, 0, 1, 2, 3, 4)
    assert own["previous_token"] == 1
    assert own["duplicate_token"] == own["induction"] == own["first_token"] == 0


def test_a_head_that_looks_at_the_earlier_place_of_a_token():
    own = scores(0, 0, 0, 0, 1, 2)
    assert own["duplicate_token"] == 1
    assert own["induction"] == 0
    assert own["first_token"] == pytest.approx(2 / 4)


def test_a_head_that_looks_behind_the_earlier_place_of_a_token():
    own = scores(0, 0, 0, 0, 2, 3)
    assert own["induction"] == 1
    assert own["duplicate_token"] == 0


def test_what_follows_directly_is_no_induction_but_the_token_itself():
    weights = looking(0, 0, 1, 3)
    own = pattern_scores(weights, [7, 5, 5, 5], (), ["<s>", "a", "a", "a"])[0]
    # the token behind the first 5 is the query itself at place 2, so place 3 alone is asked
    assert own["induction"] == 0
    assert own["duplicate_token"] == pytest.approx(1 / 2)


def test_heads_that_rest_on_marks_the_first_token_or_the_word_itself():
    assert scores(0, 0, 0, 3, 3, 3, marks=[3])["delimiter"] == 1
    assert scores(0, 0, 0, 0, 0, 0)["first_token"] == 1
    assert scores(0, 1, 2, 3, 1, 5)["same_word"] == 1
    assert scores(0, 0, 1, 2, 3, 4)["delimiter"] is None


def test_texts_that_repeat_nothing_say_nothing_of_repetition():
    own = pattern_scores(looking(0, 0, 1), [1, 2, 3], (), ["a", "b", "c"])[0]
    assert own["induction"] is None
    assert own["duplicate_token"] is None


def test_copying_is_the_rank_of_what_is_looked_at():
    change = torch.tensor([0.0, 3.0, -1.0, 1.0, 2.0])  # five words; 1 is raised most, 2 lowered most
    attention = torch.tensor([0.5, 0.25, 0.25])
    assert copying_at(attention, [0, 1, 1], change) == 1
    assert copying_at(attention, [0, 2, 2], change) == -1
    assert copying_at(attention, [0, 1, 2], change) == 0
    assert copying_at(torch.tensor([0.95, 0.05]), [0, 1], change) is None
    assert copying_at(attention, [0, 1, 1], torch.zeros(5)) == 0


@given(st.lists(st.sampled_from([-1.5, 0.0, 0.25, 3.0]), min_size=4, max_size=30), st.data())
def test_copying_is_the_share_of_other_words_that_rise_less_and_ties_count_half(change, data):
    ids = data.draw(st.lists(st.integers(0, len(change) - 1), min_size=2, max_size=6))
    attention = torch.tensor([0.0] + [1 / (len(ids) - 1)] * (len(ids) - 1))
    shares = []
    for token in ids[1:]:
        others = [value for word, value in enumerate(change) if word != token]
        less = sum(value < change[token] for value in others) + sum(v == change[token] for v in others) / 2
        shares.append(2 * less / len(others) - 1)
    score = copying_at(attention, ids, torch.tensor(change))
    assert score == pytest.approx(sum(shares) / len(shares), abs=1e-6)


def test_means_are_taken_where_a_score_was_measured_and_negative_is_copying_turned_round():
    means = mean_scores([{"induction": 0.5, "copying": -1.0}, {"induction": None, "copying": -0.5}])
    assert means["induction"] == 0.5
    assert means["negative"] == 0.75
    assert means["delimiter"] is None


def test_a_role_that_is_passed_twice_goes_before_one_that_is_passed_once():
    assert role_of({"copying": 1.0, "induction": 0.1}, {"copying": 0.7, "induction": 0.9}) == "copying"
    assert role_of({"copying": 1.0, "induction": 0.9}, {"copying": 0.7, "induction": 0.9}) == "induction"
    assert role_of({"copying": 0.98}, {"copying": 0.13}) == "", "it reads one word and writes another"
    assert role_of({"copying": 0.98}, {"copying": None}) == "copying", "one test alone was possible"
    assert role_of({"previous_token": 0.39}, {"previous_token": None}) == ""


def test_a_head_rests_only_where_it_is_read():
    resting = {"delimiter": 0.9}
    assert role_of(resting, {}, {"delimiter": 0.6}) == "delimiter"
    assert role_of(resting, {}, {"delimiter": 0.0}) == ""
    at = resting_at(torch.tensor([0.125, 0.5, 0.25, 0.125]), [1], ["<s>", ".", "a", "a"], 3)
    assert at == {"first_token": 0.125, "delimiter": 0.5, "same_word": 0.375}


def test_every_role_is_kept_with_both_scores_and_its_bound():
    kept = role_scores({"copying": 0.95}, {"copying": None})
    assert [(one.role, one.measured_on) for one in kept] == [
        (role, where) for role in ROLES for where in ("texts", "random")
    ]
    by_name = {(one.role, one.measured_on): one for one in kept}
    assert by_name["copying", "texts"].score == 0.95
    assert by_name["copying", "texts"].least == ON_TEXTS["copying"]
    assert by_name["copying", "random"].least == ON_RANDOM["copying"]
