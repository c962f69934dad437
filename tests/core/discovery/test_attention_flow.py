"""Attention weights of examples at their slots, and what of a head's output reaches the answer."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.candidates import score
from core.discovery.attention_flow import OWN_POSITION, flow_between, flow_of, flow_through, links_of, once
from core.discovery.autoencoder import Codes
from core.examples.alignment import MEAN, Alignment
from core.model import attention_weights as module
from core.model.activation_store import ActivationStore
from core.model.attention_weights import Attention, eager_attention, mean_attention
from tests.support.tiny_models import CONFIGS, tiny

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15], [5, 9, 8, 30]]
POSITIONS = np.array([[3, 1, 3], [2, 1, 2], [4, 1, 4], [3, 1, 3]])


@pytest.fixture
def store(tmp_path):
    store = ActivationStore(tmp_path / "cache")
    yield store
    store.close()


def one_by_one(loaded, text):
    """Weights (layer, head, query, key) of one text, as the model itself gives them out."""
    with torch.inference_mode(), eager_attention(loaded):
        found = loaded.model.base_model(
            input_ids=torch.tensor([text]), output_attentions=True, use_cache=False
        )
    return torch.stack([layer[0] for layer in found.attentions])


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_weights_are_the_mean_of_one_by_one_passes_without_padding(kind):
    loaded = tiny(kind)
    usual = loaded.model.config._attn_implementation
    found = mean_attention(loaded, TEXTS, POSITIONS)
    expected = torch.stack(
        [
            one_by_one(loaded, text)[:, :, at][..., at]
            for text, at in zip(TEXTS, POSITIONS.tolist(), strict=True)
        ]
    )
    assert found.state == "computed"
    torch.testing.assert_close(found.weights, expected.mean(0), atol=1e-3, rtol=1e-3)
    assert loaded.model.config._attn_implementation == usual


def test_a_slot_over_the_text_looks_as_its_tokens_do_and_is_looked_at_as_all_of_them():
    loaded = tiny()
    found = mean_attention(loaded, [TEXTS[0]], np.array([[MEAN, 3]])).weights
    plain = one_by_one(loaded, TEXTS[0])
    torch.testing.assert_close(found[..., 0, 0], torch.ones(3, 4), atol=1e-2, rtol=0)
    torch.testing.assert_close(found[..., 1, 0], torch.ones(3, 4), atol=1e-2, rtol=0)
    torch.testing.assert_close(found[..., 0, 1], plain[..., 3].mean(-1), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[..., 1, 1], plain[..., 3, 3], atol=1e-3, rtol=0)


@pytest.mark.parametrize("limit", [module.ALL_POSITIONS_LIMIT, 0])
def test_a_known_text_makes_no_forward_pass_and_gives_the_same(store, limit, monkeypatch):
    monkeypatch.setattr(module, "ALL_POSITIONS_LIMIT", limit)
    loaded = tiny()
    first = mean_attention(loaded, TEXTS, POSITIONS, store)
    again = mean_attention(loaded, TEXTS, POSITIONS, store)
    assert (first.forward_passes, again.forward_passes) == (1, 0)
    torch.testing.assert_close(first.weights, again.weights, rtol=0, atol=0)
    torch.testing.assert_close(
        first.weights, mean_attention(loaded, TEXTS, POSITIONS).weights, atol=1e-3, rtol=0
    )


def test_a_changed_position_recomputes_nothing_where_all_are_kept(store):
    loaded = tiny()
    mean_attention(loaded, TEXTS, POSITIONS, store)
    assert mean_attention(loaded, TEXTS, POSITIONS[:, :2], store).forward_passes == 0
    assert mean_attention(loaded, [*TEXTS, [9, 9]], np.array([[1, 0]] * 5), store).forward_passes == 1


def test_why_there_are_no_weights_is_told(monkeypatch):
    loaded = tiny()
    assert mean_attention(loaded, TEXTS, POSITIONS[:, :1]).state == "one_position"
    for limit, most in (("MOST_WEIGHTS", 4 * 5 * 5), ("SLOT_WEIGHTS", 3 * 4 * 3 * 3)):
        monkeypatch.setattr(module, limit, most)
        assert mean_attention(loaded, TEXTS, POSITIONS).state == "computed"
        monkeypatch.setattr(module, limit, most - 1)
        assert mean_attention(loaded, TEXTS, POSITIONS).state == "too_long"
        monkeypatch.undo()
    monkeypatch.setattr(module, "_use", lambda *_: None)
    silent = mean_attention(loaded, TEXTS, POSITIONS)
    assert (silent.state, silent.weights, silent.forward_passes) == ("no_weights", None, 1)


def test_numbers_that_are_not_finite_are_told_and_not_kept(store, monkeypatch):
    run_batch = module._run_batch
    monkeypatch.setattr(module, "_run_batch", lambda *given: [row * torch.nan for row in run_batch(*given)])
    assert mean_attention(tiny(), TEXTS, POSITIONS, store).state == "not_finite"
    assert len(store) == 0


def test_texts_of_unequal_length_follow_no_positions():
    found = mean_attention(tiny(), TEXTS, np.array([[MEAN, 3], [MEAN, 2], [MEAN, 4], [MEAN, 3]]))
    assert found.state == "over_text"
    outputs = torch.randn(4, 2, 12, 5, generator=torch.Generator().manual_seed(0))
    flow = flow_between(outputs, found, aligned(2, np.array([[MEAN, 3], [MEAN, 2], [MEAN, 4], [MEAN, 3]])))
    assert bool((flow.weights[1] == 1).all())
    assert bool((flow.weights[0, 8:] == 0).all())


def test_full_memory_is_told(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "_run_batch", full)
    assert mean_attention(tiny(), TEXTS, POSITIONS).state == "memory"


def test_flow_by_hand():
    # two layers of one head: at the last token (slot 1) the upper head looks at slot 0 with .75
    attention = np.zeros((2, 1, 2, 2))
    attention[1, 0] = [[1, 0], [0.75, 0.25]]
    lengths = np.array([[[1.0], [0.3]], [[1.0], [0.5]]])  # slot, layer, head
    found = flow_through(attention, lengths, np.array([0.0, 0.4]), np.ones(2))
    np.testing.assert_allclose(found, [[0.4 * 0.5 * 0.75, 0.4 + 0.4 * 0.5 * 0.25], [0, 0.4]])
    half = flow_through(attention, lengths, np.array([0.0, 0.4]), np.array([1, 0.5]))
    np.testing.assert_allclose(half[0], [0.4 * 0.25 * 0.75, 0.4 + 0.4 * 0.25 * 0.25])
    whole = flow_through(attention, lengths, np.array([0.0, 1.0]), np.ones(2))
    np.testing.assert_allclose(whole[0], [0.5 * 0.75, 1])  # never above 1


def test_a_position_in_two_slots_counts_once():
    np.testing.assert_allclose(once(np.array([[4, 1, 4], [2, 1, 3]])), [0.75, 1, 0.75])
    np.testing.assert_allclose(once(np.array([[MEAN, 3]])), [1, 1])


def test_links_by_hand():
    # source writes 4 at slot 0; the target, which writes 1 at slot 1 (weight .5), looks there with .5
    attention = np.zeros((2, 1, 2, 2))
    attention[1, 0] = [[1, 0], [0.5, 0]]
    lengths = np.array([[4.0, 0.0], [3.0, 1.0]])
    weights = np.array([[1.0, 0.0], [1.0, 0.5]])
    found = links_of(attention, lengths, weights)
    at_slot_0, at_slot_1 = 0.5 * 0.5 * 4, OWN_POSITION * 0.5 * 3
    np.testing.assert_allclose(found, [[0, np.sqrt(max(at_slot_0, at_slot_1))], [0, 0]])


def aligned(n_anomalous, positions, paired=True):
    kept = tuple(range(len(positions)))
    return Alignment(
        mode="aligned",
        reason="",
        kept=kept,
        n_anomalous=n_anomalous,
        slots=tuple(map(str, range(positions.shape[1]))),
        positions=positions,
        pairs_source="given" if paired else "none",
    )


@given(st.integers(0, 10_000), st.integers(1, 5), st.booleans())
def test_reach_does_not_know_which_text_is_anomalous(seed, scale, paired):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(6, 3, 4, 5, generator=generator) * scale
    weights = torch.rand(2, 2, 3, 3, generator=generator)
    positions = np.tile(np.arange(3), (6, 1))
    plan = aligned(3, positions, paired)
    order = [3, 1, 5, 0, 4, 2] if paired else torch.randperm(6, generator=generator).tolist()
    first = flow_between(outputs, Attention("computed", weights), plan)
    second = flow_between(outputs[order], Attention("computed", weights), plan)
    torch.testing.assert_close(first.weights, second.weights)
    np.testing.assert_allclose(first.links, second.links, rtol=1e-5)


def test_a_part_of_the_texts_has_its_own_lengths():
    outputs = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    weights = torch.rand(2, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    positions = np.tile(np.arange(3), (6, 1))
    part = np.array([0, 2, 3, 5])
    found = flow_between(outputs[part], Attention("computed", weights), aligned(3, positions), part)
    alone = flow_between(outputs[part], Attention("computed", weights), aligned(2, positions[part]))
    torch.testing.assert_close(found.weights, alone.weights)


def test_without_attention_all_counts_alike():
    outputs = torch.randn(4, 2, 4, 5)
    found = flow_between(outputs, Attention("no_weights"), aligned(2, np.tile([0, 1], (4, 1))))
    assert found.links is None
    assert bool((found.weights == 1).all())


def test_what_nobody_reads_later_does_not_count():
    # one head a layer; slot 0 is where both write most, but nobody looks there from the last token
    values = torch.tensor([[[[4.0], [4.0]], [[1.0], [1.0]]]]).expand(4, -1, -1, -1)
    attention = torch.zeros(2, 1, 2, 2)
    attention[:, :, 1, 1] = attention[:, :, 0, 0] = 1
    found = flow_of(values, attention, np.tile([0, 1], (4, 1)))
    np.testing.assert_allclose(found.weights[0], [0, 0])
    np.testing.assert_allclose(found.weights[1], [1, 1])
    codes = Codes(
        torch.tensor([[[[0, 0], [0, 0]]], [[[1, 1], [1, 1]]]]).reshape(1, 2, 2, 2), torch.ones(1, 2, 2, 2)
    )
    weighed = found.weigh(codes)
    assert weighed.latent is codes.latent
    np.testing.assert_allclose(weighed.strength[0, 0], found.weights)
    assert bool((codes.strength == 1).all())


def test_an_edge_needs_joint_codes_and_a_link():
    latent = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1]]).reshape(1, 2, 1, 4)
    codes = Codes(latent, torch.full((1, 2, 1, 4), 4.0))
    links = np.zeros((4, 4), dtype=np.float32)
    links[0, 2] = 0.25
    plain, linked = score(codes, 1, 2), score(codes, 1, 2, links=links)
    assert plain.edges[0, 2] == pytest.approx(4)
    assert linked.edges[0, 2] == pytest.approx(1)
    assert linked.edges[0, 3] == 0
    torch.testing.assert_close(plain.heads.score, linked.heads.score)


def test_links_are_forward_only():
    found = links_of(np.ones((2, 2, 1, 1)), np.ones((1, 4)), np.ones((1, 4)))
    np.testing.assert_array_equal(found > 0, [[0, 0, 1, 1], [0, 0, 1, 1], [0] * 4, [0] * 4])
