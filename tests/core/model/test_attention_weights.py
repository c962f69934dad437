"""Attention weights of examples at their slots."""

import numpy as np
import pytest
import torch

from core.discovery.attention_flow import flow_between
from core.examples.alignment import MEAN
from core.model import attention_weights as module
from core.model.activation_store import ActivationStore
from core.model.attention_weights import eager_attention, mean_attention
from tests.support.codes import aligned
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
