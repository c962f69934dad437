"""Candidates from scores, alone and combined with the attribution of a gradient screen."""

import numpy as np
import pytest
import torch

from core.analysis.candidates import score, screened
from core.causal.edge_attribution import Attributed
from core.discovery.autoencoder import Codes
from core.discovery.scoring import HeadScores, combined_draws, combined_heads
from core.discovery.selection import HEAD_RULE, select


def test_every_member_is_combined_with_the_same_attribution():
    members = torch.tensor([[8.0, 1.0, 9.0], [0.0, 9.0, 1.0]])
    plain = HeadScores(members.mean(dim=0), members, torch.tensor([0, 1, 0]))
    result = combined_heads(plain, np.array([-0.5, 1.0, 0.0]))
    assert result.per_member.flatten().tolist() == pytest.approx([2, 1, 0, 0, 3, 0])
    assert result.score.tolist() == pytest.approx([2**0.5, 5**0.5, 0])
    assert result.best_slot.tolist() == [0, 1, 0]


def test_drawn_texts_bring_their_own_attribution():
    by_pair = np.array([[0.2, -1.0], [0.4, 1.0], [0.6, 0.3]])
    result = combined_draws(np.array([[1.0, 1.0], [4.0, 1.0]]), np.array([[1, 1, 0], [0, 0, 3]]), by_pair)
    np.testing.assert_allclose(result, np.sqrt([[0.3, 0.0], [2.4, 0.3]]))


def test_candidates_and_frequencies_follow_from_the_combined_scores():
    generator = torch.Generator().manual_seed(3)
    latent = torch.randint(0, 5, (4, 6, 2, 6), generator=generator)
    codes = Codes(latent, torch.rand(latent.shape, generator=generator))
    plain = score(codes, 3, 2)
    attribution = np.array([0.01, 0.9, 0.1, -0.4, 0.2, 0.0])
    edges = np.random.default_rng(0).normal(size=(6, 6))
    result = screened(plain, Attributed(attribution[None], edges, 7, 5))
    heads = np.sqrt(plain.heads.score.numpy() * np.abs(attribution))
    np.testing.assert_allclose(result.heads.score, heads)
    np.testing.assert_array_equal(result.head_selected, select(heads, HEAD_RULE))
    assert result.head_selected.tolist() != plain.head_selected.tolist()
    size = np.abs(attribution)
    by_member = [select(np.sqrt(m * size), HEAD_RULE) for m in plain.heads.per_member.numpy()]
    np.testing.assert_allclose(result.head_frequency, np.mean(by_member, axis=0))
    np.testing.assert_allclose(result.edges, np.sqrt(plain.edges * np.abs(edges)))
    among = np.outer(result.head_selected, result.head_selected)
    assert not result.edge_selected[~among].any()
    assert result.codes is plain
