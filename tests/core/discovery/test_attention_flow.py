"""Attention weights of examples at their slots, and what of a head's output reaches the answer."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.candidates import score
from core.discovery.attention_flow import OWN_POSITION, flow_between, flow_of, flow_through, links_of, once
from core.discovery.autoencoder import Codes
from core.examples.slots import MEAN
from core.model.attention_weights import Attention
from tests.support.codes import aligned

LAYERS = np.array([0, 0, 1, 1])


def test_flow_by_hand():
    # two layers of one head: at the last token (slot 1) the upper head looks at slot 0 with .75
    attention, layers = np.zeros((2, 2, 2)), np.array([0, 1])
    attention[1] = [[1, 0], [0.75, 0.25]]
    lengths = np.array([[1.0, 0.3], [1.0, 0.5]])  # slot, head
    result = flow_through(attention, lengths, layers, np.array([0.0, 0.4]), np.ones(2))
    np.testing.assert_allclose(result.T, [[0.4 * 0.5 * 0.75, 0.4 + 0.4 * 0.5 * 0.25], [0, 0.4]])
    half = flow_through(attention, lengths, layers, np.array([0.0, 0.4]), np.array([1, 0.5]))
    np.testing.assert_allclose(half[:, 0], [0.4 * 0.25 * 0.75, 0.4 + 0.4 * 0.25 * 0.25])
    whole = flow_through(attention, lengths, layers, np.array([0.0, 1.0]), np.ones(2))
    np.testing.assert_allclose(whole[:, 0], [0.5 * 0.75, 1])  # never above 1


def test_flow_of_layers_with_other_numbers_of_heads_and_of_a_layer_without():
    # layer 0 has one head, layer 1 none, layer 2 two, which both look from slot 1 at slot 0
    attention = np.zeros((3, 2, 2))
    attention[1:] = [[1, 0], [1, 0]]
    lengths = np.array([[1.0, 1.0, 1.0], [1.0, 0.25, 0.5]])
    result = flow_through(attention, lengths, np.array([0, 2, 2]), np.array([0.0, 1.0]), np.ones(2))
    np.testing.assert_allclose(result, [[0.75, 0, 0], [1, 1, 1]])
    links = links_of(attention, lengths, np.ones((2, 3)), np.array([0, 2, 2]))
    np.testing.assert_array_equal(links > 0, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])


def test_a_position_in_two_slots_counts_once():
    np.testing.assert_allclose(once(np.array([[4, 1, 4], [2, 1, 3]])), [0.75, 1, 0.75])
    np.testing.assert_allclose(once(np.array([[MEAN, 3]])), [1, 1])


def test_links_by_hand():
    # source writes 4 at slot 0; the target, which writes 1 at slot 1 (weight .5), looks there with .5
    attention = np.zeros((2, 2, 2))
    attention[1] = [[1, 0], [0.5, 0]]
    lengths = np.array([[4.0, 0.0], [3.0, 1.0]])
    weights = np.array([[1.0, 0.0], [1.0, 0.5]])
    result = links_of(attention, lengths, weights, np.array([0, 1]))
    at_slot_0, at_slot_1 = 0.5 * 0.5 * 4, OWN_POSITION * 0.5 * 3
    np.testing.assert_allclose(result, [[0, np.sqrt(max(at_slot_0, at_slot_1))], [0, 0]])


@given(st.integers(0, 10_000), st.integers(1, 5), st.booleans())
def test_reach_does_not_know_which_text_is_anomalous(seed, scale, paired):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(6, 3, 4, 5, generator=generator) * scale
    weights = torch.rand(4, 3, 3, generator=generator)
    positions = np.tile(np.arange(3), (6, 1))
    plan = aligned(3, positions, paired)
    order = [3, 1, 5, 0, 4, 2] if paired else torch.randperm(6, generator=generator).tolist()
    first = flow_between(outputs, Attention("computed", weights), LAYERS, plan)
    second = flow_between(outputs[order], Attention("computed", weights), LAYERS, plan)
    torch.testing.assert_close(first.weights, second.weights)
    np.testing.assert_allclose(first.links, second.links, rtol=1e-5)


def test_a_part_of_the_texts_has_its_own_lengths():
    outputs = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    weights = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(1))
    positions = np.tile(np.arange(3), (6, 1))
    part = np.array([0, 2, 3, 5])
    result = flow_between(outputs[part], Attention("computed", weights), LAYERS, aligned(3, positions), part)
    alone = flow_between(outputs[part], Attention("computed", weights), LAYERS, aligned(2, positions[part]))
    torch.testing.assert_close(result.weights, alone.weights)


def test_without_attention_all_counts_alike():
    outputs = torch.randn(4, 2, 4, 5)
    result = flow_between(outputs, Attention("no_weights"), LAYERS, aligned(2, np.tile([0, 1], (4, 1))))
    assert result.links is None
    assert bool((result.weights == 1).all())


def test_what_nobody_reads_later_does_not_count():
    # one head a layer; slot 0 is where both write most, but nobody looks there from the last token
    values = torch.tensor([[[[4.0], [4.0]], [[1.0], [1.0]]]]).expand(4, -1, -1, -1)
    attention = torch.zeros(2, 2, 2)
    attention[:, 1, 1] = attention[:, 0, 0] = 1
    result = flow_of(values, attention, np.array([0, 1]), np.tile([0, 1], (4, 1)))
    np.testing.assert_allclose(result.weights[0], [0, 0])
    np.testing.assert_allclose(result.weights[1], [1, 1])
    codes = Codes(
        torch.tensor([[[[0, 0], [0, 0]]], [[[1, 1], [1, 1]]]]).reshape(1, 2, 2, 2), torch.ones(1, 2, 2, 2)
    )
    weighed = result.weigh(codes)
    assert weighed.latent is codes.latent
    np.testing.assert_allclose(weighed.strength[0, 0], result.weights)
    assert bool((codes.strength == 1).all())


def test_an_edge_needs_joint_codes_and_a_link():
    latent = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1]]).reshape(1, 2, 1, 4)
    codes = Codes(latent, torch.full((1, 2, 1, 4), 4.0))
    links = np.zeros((4, 4), dtype=np.float32)
    links[0, 2] = 0.25
    plain, linked = score(codes, 1, LAYERS), score(codes, 1, LAYERS, links=links)
    assert plain.edges[0, 2] == pytest.approx(4)
    assert linked.edges[0, 2] == pytest.approx(1)
    assert linked.edges[0, 3] == 0
    torch.testing.assert_close(plain.heads.score, linked.heads.score)


def test_links_are_forward_only():
    result = links_of(np.ones((4, 1, 1)), np.ones((1, 4)), np.ones((1, 4)), LAYERS)
    np.testing.assert_array_equal(result > 0, [[0, 0, 1, 1], [0, 0, 1, 1], [0] * 4, [0] * 4])
