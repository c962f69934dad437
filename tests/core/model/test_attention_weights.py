"""Mean attention between the compared positions."""

import numpy as np
import pytest
import torch

from core.discovery.attention_flow import flow_between
from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model import _plain_passes, attention_calls
from core.model.activation_store import ActivationStore
from core.model.attention_weights import Attention, mean_attention
from core.model.head_outputs import head_outputs
from core.model.recording import Recording
from tests.support.attention import attention_by
from tests.support.codes import aligned
from tests.support.tiny_models import CONFIGS, tiny

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15], [5, 9, 8, 30]]
POSITIONS = np.array([[3, 1, 3], [2, 1, 2], [4, 1, 4], [3, 1, 3]])


@pytest.fixture
def store(tmp_path):
    store = ActivationStore(tmp_path / "cache")
    yield store
    store.close()


def attention_of(loaded, texts=TEXTS, positions=POSITIONS, store=None) -> tuple[Attention, int]:
    """Mean attention, and the forward passes it took."""
    slots = dict(enumerate(positions.tolist()))
    recording = Recording(loaded, texts, slots=slots, attention=True, store=store)
    return mean_attention(recording, positions), recording.forward_passes


def one_by_one(loaded, text):
    """Weights (layer, head, query, key) of one text, as the model itself gives them out."""
    with torch.inference_mode(), attention_by(loaded, "eager"):
        output = loaded.model.base_model(
            input_ids=torch.tensor([text]), output_attentions=True, use_cache=False
        )
    return torch.cat([layer[0] for layer in output.attentions])


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_weights_are_the_mean_of_one_by_one_passes_without_padding(kind):
    loaded = tiny(kind)
    usual = loaded.model.config._attn_implementation
    attention, _ = attention_of(loaded)
    expected = torch.stack(
        [one_by_one(loaded, text)[:, at][..., at] for text, at in zip(TEXTS, POSITIONS.tolist(), strict=True)]
    )
    assert attention.state == "computed"
    torch.testing.assert_close(attention.weights, expected.mean(0), atol=1e-3, rtol=1e-3)
    assert loaded.model.config._attn_implementation == usual


@pytest.mark.parametrize("limit", [None, 0], ids=["all positions kept", "compared ones kept"])
def test_attention_between_slots_is_the_mean_over_the_texts_that_have_both(monkeypatch, limit):
    if limit is not None:
        monkeypatch.setattr(_plain_passes, "ATTENTION_BYTES", limit)
        monkeypatch.setattr(_plain_passes, "Z_BYTES", limit)
    loaded, lacking = tiny(), POSITIONS.copy()
    lacking[:, 1] = [1, ABSENT, 1, ABSENT]
    places = [[place for place in row if place != ABSENT] for row in lacking.tolist()]
    recording = Recording(loaded, TEXTS, slots=dict(enumerate(places)), attention=True)
    attention = mean_attention(recording, lacking)
    assert attention.state == "computed"
    assert bool(head_outputs(recording, lacking)[1, 1].isnan().all())
    alone = [one_by_one(loaded, text) for text in TEXTS]
    last = torch.stack([weights[..., -1, -1] for weights in alone]).mean(0)
    torch.testing.assert_close(attention.weights[..., 0, 0], last, atol=1e-3, rtol=1e-3)
    to_first = torch.stack([alone[row][..., -1, 1] for row in (0, 2)]).mean(0)
    torch.testing.assert_close(attention.weights[..., 0, 1], to_first, atol=1e-3, rtol=1e-3)
    nobody = lacking.copy()
    nobody[:, 1] = ABSENT
    recording = Recording(
        loaded, TEXTS, slots={i: row[[0, 2]].tolist() for i, row in enumerate(nobody)}, attention=True
    )
    assert bool((mean_attention(recording, nobody).weights[..., 1] == 0).all())


def test_a_slot_over_the_text_looks_as_its_tokens_do_and_is_looked_at_as_all_of_them():
    loaded = tiny()
    attention, _ = attention_of(loaded, TEXTS[:1], np.array([[MEAN, 3]]))
    weights, plain = attention.weights, one_by_one(loaded, TEXTS[0])
    assert attention.state == "over_text"
    torch.testing.assert_close(weights[..., 0, 0], torch.ones(12), atol=1e-2, rtol=0)
    torch.testing.assert_close(weights[..., 1, 0], torch.ones(12), atol=1e-2, rtol=0)
    torch.testing.assert_close(weights[..., 0, 1], plain[..., 3].mean(-1), atol=1e-3, rtol=0)
    torch.testing.assert_close(weights[..., 1, 1], plain[..., 3, 3], atol=1e-3, rtol=0)


def test_a_slot_over_some_tokens_leaves_out_the_others():
    loaded = tiny()
    attention, _ = attention_of(loaded, TEXTS[:1], np.array([[MEAN - 2, 1]]))
    weights, plain = attention.weights, one_by_one(loaded, TEXTS[0])
    assert attention.state == "over_text"
    torch.testing.assert_close(weights[..., 0, 0], plain[..., 2:, 2:].sum(-1).mean(-1), atol=1e-3, rtol=0)
    torch.testing.assert_close(weights[..., 0, 1], plain[..., 2:, 1].mean(-1), atol=1e-3, rtol=0)
    torch.testing.assert_close(weights[..., 1, 0], plain[..., 1, 2:].sum(-1), atol=1e-3, rtol=0)


@pytest.mark.parametrize("limit", [_plain_passes.ATTENTION_BYTES, 0])
def test_a_known_text_makes_no_forward_pass_and_gives_the_same(store, limit, monkeypatch):
    monkeypatch.setattr(_plain_passes, "ATTENTION_BYTES", limit)
    loaded = tiny()
    first, passes = attention_of(loaded, store=store)
    again, more = attention_of(loaded, store=store)
    assert (passes, more) == (1, 0)
    torch.testing.assert_close(first.weights, again.weights, rtol=0, atol=0)
    torch.testing.assert_close(first.weights, attention_of(loaded)[0].weights, atol=1e-3, rtol=0)


def test_a_changed_position_recomputes_nothing_where_all_are_kept(store):
    loaded = tiny()
    attention_of(loaded, store=store)
    assert attention_of(loaded, positions=POSITIONS[:, :2], store=store)[1] == 0
    assert attention_of(loaded, [*TEXTS, [9, 9]], np.array([[1, 0]] * 5), store)[1] == 1


def test_why_there_are_no_weights_is_named(monkeypatch):
    loaded = tiny()
    assert attention_of(loaded, positions=POSITIONS[:, :1])[0].state == "one_position"
    for limit, most in (("MOST_WEIGHTS", 4 * 5 * 5), ("SLOT_WEIGHTS", 3 * 4 * 3 * 3)):
        monkeypatch.setattr(_plain_passes, limit, most)
        assert attention_of(loaded)[0].state == "computed"
        monkeypatch.setattr(_plain_passes, limit, most - 1)
        assert attention_of(loaded)[0].state == "too_long"
        monkeypatch.undo()
    monkeypatch.setattr(attention_calls.AttentionCall, "weights", lambda *_: None)
    silent, passes = attention_of(loaded)
    assert (silent.state, silent.weights, passes) == ("no_weights", None, 1)


def test_texts_of_unequal_length_follow_no_positions():
    positions = np.array([[MEAN, 3], [MEAN, 2], [MEAN, 4], [MEAN, 3]])
    attention, _ = attention_of(tiny(), positions=positions)
    assert attention.state == "over_text"
    outputs = torch.randn(4, 2, 12, 5, generator=torch.Generator().manual_seed(0))
    flow = flow_between(outputs, attention, np.arange(12) // 4, aligned(2, positions))
    assert bool((flow.weights[1] == 1).all())
    assert bool((flow.weights[0, 8:] == 0).all())


def test_numbers_that_are_not_finite_are_named_and_not_cached(store, monkeypatch):
    between = _plain_passes.AttentionRecorder.rows
    monkeypatch.setattr(
        _plain_passes.AttentionRecorder, "rows", lambda self: [row * torch.nan for row in between(self)]
    )
    entries = 3 * len(TEXTS)
    assert attention_of(tiny(), store=store)[0].state == "not_finite"
    assert len(store) == entries - len(TEXTS)
