"""Candidates from scores, alone and combined with further signals."""

import numpy as np
import torch

from core.analysis.candidates import score, with_signals
from core.analysis.signals import Signals, weighted_mean
from core.discovery.autoencoder import Codes
from core.discovery.selection import HEAD_RULE, select


def test_candidates_and_frequencies_follow_from_the_combined_scores():
    generator = torch.Generator().manual_seed(3)
    latent = torch.randint(0, 5, (4, 6, 2, 6), generator=generator)
    codes = Codes(latent, torch.rand(latent.shape, generator=generator))
    plain = score(codes, 3, np.arange(6) // 2)
    attribution = np.array([0.01, 0.9, 0.1, -0.4, 0.2, 0.0])
    edges = np.random.default_rng(0).normal(size=(6, 6))
    result = with_signals(plain, Signals(attribution[None], rule="screened"), edges)
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


def test_heads_with_a_measured_effect_are_candidates_of_every_member():
    generator = torch.Generator().manual_seed(3)
    latent = torch.randint(0, 5, (4, 6, 2, 6), generator=generator)
    plain = score(Codes(latent, torch.rand(latent.shape, generator=generator)), 3, np.arange(6) // 2)
    exact = np.array([0.9, 0.06, 0.01, -0.06, 0.0, 0.0])
    signals = Signals(exact=np.tile(exact[None, :, None], (1, 1, 3)))
    edges = np.random.default_rng(0).normal(size=(6, 6))
    result = with_signals(plain, signals, edges)
    np.testing.assert_allclose(result.heads.score, signals.combined(plain.heads.score.numpy()))
    at_least = select(result.heads.score.numpy(), HEAD_RULE) | (np.abs(exact) >= 0.05)
    np.testing.assert_array_equal(result.head_selected, at_least)
    assert (result.head_frequency[[0, 1, 3]] == 1).all()
    both = weighted_mean({"codes": plain.edges.ravel(), "gradient": np.abs(edges).ravel()})
    np.testing.assert_allclose(result.edges, both.reshape(6, 6))
    among = np.outer(result.head_selected, result.head_selected)
    assert result.edge_selected.any() and not result.edge_selected[~among].any()
