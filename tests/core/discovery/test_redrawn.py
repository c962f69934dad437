"""Scores of texts drawn with replacement."""

import numpy as np
import pytest

from core.discovery.autoencoder import Codes
from core.discovery.redrawn import DRAWS, draw_examples, drawn_scores
from core.discovery.scoring import head_scores
from tests.support.codes import random_codes


@pytest.mark.parametrize("statistic", ["strength", "count"])
def test_every_text_drawn_once_gives_the_score_itself(statistic):
    codes = random_codes()
    ones = np.ones((2, 5), dtype=int), np.ones((2, 7), dtype=int)
    drawn = drawn_scores(codes, *ones, statistic)
    expected = head_scores(codes, 5, statistic).score.numpy()
    np.testing.assert_allclose(drawn, [expected, expected], rtol=1e-5)


@pytest.mark.parametrize("statistic", ["strength", "count"])
def test_texts_drawn_several_times_count_as_if_they_stood_there_several_times(statistic):
    codes = random_codes()
    anomalous, normal = draw_examples(12, 5, paired=False, seed=3, draws=6)
    drawn = drawn_scores(codes, anomalous, normal, statistic)
    for row in range(6):
        rows = np.concatenate(
            [np.repeat(np.arange(5), anomalous[row]), np.repeat(np.arange(5, 12), normal[row])]
        )
        again = Codes(*(field[:, rows] for field in codes))
        np.testing.assert_allclose(drawn[row], head_scores(again, 5, statistic).score.numpy(), rtol=1e-5)


def test_blocks_of_heads_change_nothing(monkeypatch):
    codes = random_codes()
    drawn = draw_examples(12, 6, paired=True, seed=1)
    at_once = drawn_scores(codes, *drawn)
    monkeypatch.setattr("core.discovery.redrawn.BLOCK_NUMBERS", 1)
    np.testing.assert_allclose(drawn_scores(codes, *drawn), at_once)


def test_pairs_are_drawn_together_and_sides_keep_their_size():
    anomalous, normal = draw_examples(16, 8, paired=True, seed=0)
    assert anomalous.shape == (DRAWS, 8)
    np.testing.assert_array_equal(anomalous, normal)
    anomalous, normal = draw_examples(15, 8, paired=False, seed=0)
    assert (normal.shape, set(normal.sum(axis=1)), set(anomalous.sum(axis=1))) == ((DRAWS, 7), {7}, {8})
    assert not np.array_equal(anomalous[:, :7], normal)
