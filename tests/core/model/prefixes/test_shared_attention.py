"""Rows that share a prefix attend to one copy of it, and what they write is what whole passes write."""

import pytest
import torch

from core.model.prefixes import shared_attention
from core.model.prefixes.kept_prefix import Prefixes, hidden_states
from core.model.prefixes.shared_attention import shared_by_rows
from tests.support.tiny_models import CONFIGS, tiny

LONG = list(range(4, 24))
ROWS = [LONG, [*LONG[:12], 50, 51, 52], [*LONG[:10], 60, *LONG[11:15]]]
SLIDING = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
SHARED = [
    ("llama", {}),
    ("qwen3", {}),
    ("mistral", {"sliding_window": 4}),
    ("gpt2", {}),
    ("gpt_neox", {}),
    ("opt", {}),
]


@pytest.fixture
def computed(monkeypatch):
    """Numbers of the computations that took the prefix from one copy."""
    own, calls = shared_attention._attention, []
    monkeypatch.setattr(
        shared_attention, "_attention", lambda *given: calls.append(len(given)) or own(*given)
    )
    return calls


def behind(loaded, rows, width):
    prefix = Prefixes(loaded).of(rows, width)
    assert prefix.width == width
    with torch.no_grad():
        return hidden_states(loaded, rows, prefix), hidden_states(loaded, rows)


@pytest.mark.parametrize(("kind", "changed"), SHARED)
def test_rows_that_share_a_prefix_copy_nothing(kind, changed, computed):
    loaded = tiny(kind, seed=2, **changed)
    shared, whole = behind(loaded, ROWS, 9)
    assert len(computed) == loaded.shape.n_layers
    for row, text in enumerate(ROWS):
        torch.testing.assert_close(
            shared[row, : len(text) - 9], whole[row, 9 : len(text)], atol=1e-4, rtol=1e-3
        )


@pytest.mark.parametrize("kind", list(CONFIGS))
def test_other_attentions_get_copies_and_give_the_same(kind):
    settings = SLIDING if kind in ("gemma2", "gemma3_text") else {}
    shared, whole = behind(tiny(kind, seed=2, **settings), ROWS, 9)
    for row, text in enumerate(ROWS):
        torch.testing.assert_close(
            shared[row, : len(text) - 9], whole[row, 9 : len(text)], atol=1e-4, rtol=1e-3
        )


def test_rows_of_different_prefixes_and_single_rows_are_read_as_ever(computed):
    loaded = tiny("llama", seed=2)
    behind(loaded, [LONG, [30, *LONG[1:]]], 9)
    behind(loaded, [LONG], 9)
    assert not computed


def test_gradients_pass_through_what_is_shared():
    loaded = tiny("llama", seed=2)
    prefix = Prefixes(loaded).of(ROWS[:2], 9)
    embed = loaded.model.get_input_embeddings()
    found = []
    for rows in (ROWS[:2], None):
        given = []
        handle = embed.register_forward_hook(
            lambda _m, _a, out, g=given: g.append(out.requires_grad_()) or out
        )
        with torch.enable_grad():
            if rows is None:
                parts = [hidden_states(loaded, [row])[0, 9:].square().sum() for row in ROWS[:2]]
                gradients = torch.autograd.grad(sum(parts), given)
                found.append([one[0, 9:] for one in gradients])
            else:
                hidden = hidden_states(loaded, rows, prefix)
                lengths = [len(row) - 9 for row in rows]
                total = sum(hidden[place, :length].square().sum() for place, length in enumerate(lengths))
                (of_rows,) = torch.autograd.grad(total, given)
                found.append([of_rows[place, :length] for place, length in enumerate(lengths)])
        handle.remove()
    for shared, whole in zip(*found, strict=True):
        torch.testing.assert_close(shared, whole, atol=1e-4, rtol=1e-3)


def test_half_precision_keeps_the_fused_kernel(computed):
    loaded = tiny("llama", seed=2)
    loaded.model.to(torch.bfloat16)
    with shared_by_rows(loaded, 3) as shared:
        assert shared is None
