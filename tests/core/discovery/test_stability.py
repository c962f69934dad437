"""Stability of the selection from codes made by hand, with answers worked by hand."""

import json

import numpy as np
import pytest
import torch

from core.discovery.autoencoder import Codes
from core.discovery.redrawn import DRAWS, selections
from core.discovery.scoring import head_scores
from core.discovery.selection import HEAD_RULE, select
from core.discovery.stability import jaccard, members_overlap
from tests.support.codes import made_codes, of, random_codes


def test_overlaps_by_hand():
    first, second = np.array([True, True, True, False]), np.array([False, True, True, True])
    assert jaccard(first, second) == 2 / 4
    assert jaccard(first & False, second & False) == 1.0
    # selected at or above the mean: heads {0}, {0, 1}, {1}
    selected = selections(np.array([[4.0, 1, 0, 0], [4, 4, 0, 0], [1, 4, 0, 0]]), None)
    assert members_overlap(selected) == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert np.isnan(members_overlap(selected[:1]))


def test_a_head_that_one_text_alone_lifts_is_often_not_selected_again():
    steady = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    single = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    codes = made_codes(steady, single, [0] * 12, [0] * 12, n_anomalous=6)
    result = of(codes, 6)
    assert result.selected.tolist() == [True, False, False, False]
    assert result.again[0] == 1.0
    # the second reaches the mean (1 + k / 6) / 4 with k >= 2 of 6 draws
    binomial = 1 - (5 / 6) ** 6 - (5 / 6) ** 5
    assert result.again[1] == pytest.approx(binomial, abs=4 * np.sqrt(binomial * (1 - binomial) / DRAWS))
    assert result.jaccard == pytest.approx(1 - result.again[1] / 2)


def test_the_mirror_is_the_score_of_the_other_side():
    codes = random_codes(examples=10)
    swapped = Codes(*(torch.cat([field[:, 5:], field[:, :5]], dim=1) for field in codes))
    result = of(codes, 5)
    np.testing.assert_allclose(result.mirror_score, head_scores(swapped, 5).score.numpy())
    np.testing.assert_array_equal(result.mirror_selected, select(result.mirror_score, HEAD_RULE))
    assert result.mirror_overlap == pytest.approx(jaccard(result.selected, result.mirror_selected))


def test_different_tokens_of_both_sides_are_counted():
    codes = random_codes(examples=4)
    assert of(codes, 2, texts=[[1, 2, 3], [1, 2], [4], [4, 4]]).tokens == (3, 1)


def test_nothing_selected_gives_no_numbers_and_plain_json():
    result = of(made_codes([0] * 8, [0] * 8, n_anomalous=4), 4)
    content = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert (content["jaccard"], content["diversity"], content["mirror_overlap"]) == (None, None, None)
    assert result.notes() == []
    assert json.dumps(result.of_heads(["L0H0", "L0H1"]), allow_nan=False)
