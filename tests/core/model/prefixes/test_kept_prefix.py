"""Passes behind kept keys and values give what whole passes give, for every architecture, and read less."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.prefixes.kept_prefix import WHOLE, Prefixes, hidden_states, prefixes_hold
from core.model.recording import Recording
from tests.support.tiny_models import CONFIGS, tiny

LONG = list(range(4, 30))
SLIDING = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
KINDS = [
    *((kind, {}) for kind in CONFIGS),
    ("mistral", {"sliding_window": 4}),
    ("gemma2", SLIDING),
    ("gemma3_text", SLIDING),
]


@pytest.mark.parametrize(("kind", "changed"), KINDS)
def test_what_lies_behind_a_prefix_is_as_in_a_whole_pass(kind, changed):
    loaded = tiny(kind, seed=2, **changed)
    assert prefixes_hold(loaded, LONG[:20], 12)
    texts = [LONG[:20], LONG[:15], [*LONG[:10], 50, 51, 52]]
    prefix = Prefixes(loaded).of(texts, 9)
    with torch.no_grad():
        whole, behind = hidden_states(loaded, texts), hidden_states(loaded, texts, prefix)
    for row, text in enumerate(texts):
        torch.testing.assert_close(
            behind[row, : len(text) - 9], whole[row, 9 : len(text)], atol=1e-4, rtol=1e-3
        )


@pytest.fixture(scope="module")
def llama():
    return tiny("llama", seed=2)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(4, 8), min_size=8, max_size=14), min_size=1, max_size=4), st.integers(1, 7)
)
def test_any_prefixes_do(llama, texts, width):
    prefixes = Prefixes(llama)
    with torch.no_grad():
        whole = hidden_states(llama, texts)
        behind = hidden_states(llama, texts, prefixes.of(texts, width))
    for row, text in enumerate(texts):
        own = whole[row, width : len(text)]
        torch.testing.assert_close(behind[row, : len(own)], own, atol=1e-4, rtol=1e-3)


def test_what_prefixes_share_is_read_once(llama, monkeypatch):
    monkeypatch.setattr("core.model.prefixes.kept_prefix.FEWEST_SHARED", 5)
    read = []
    handle = llama.model.base_model.register_forward_pre_hook(
        lambda _model, _args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    prefixes = Prefixes(llama)
    texts = [[*LONG[:20], last, 9, 9] for last in (40, 41, 42)]
    prefix = prefixes.of(texts, 21)
    again = prefixes.of(texts, 21), prefixes.of([text[:6] for text in texts], 5)
    handle.remove()
    assert read == [20, 3]
    assert prefixes.forward_passes == 2
    with torch.no_grad():
        whole = hidden_states(llama, texts)
        for width, of_width in zip((21, 21, 5), (prefix, *again), strict=True):
            behind = hidden_states(llama, [text[: max(width + 1, 6)] for text in texts], of_width)
            torch.testing.assert_close(behind[:, 0], whole[:, width], atol=1e-4, rtol=1e-3)


def test_where_memory_does_not_do_whole_texts_are_read(llama, monkeypatch):
    monkeypatch.setattr("core.model.prefixes.kept_prefix.MOST_BYTES", -1)
    assert Prefixes(llama).of([LONG], 5) is WHOLE


def test_a_model_whose_tokens_see_ahead_is_found_out():
    """The first token of a whole pass reads the last one here, so no prefix can be kept."""
    loaded = tiny("llama", seed=2)
    embed = loaded.model.get_input_embeddings()
    handle = embed.register_forward_hook(lambda _module, _args, output: output + output[:, -1:])
    assert not prefixes_hold(loaded, LONG[:20], 12)
    handle.remove()
    assert prefixes_hold(loaded, LONG[:20], 12)


def test_a_model_that_takes_no_cache_is_found_out(monkeypatch):
    loaded = tiny("llama", seed=2)

    def forward(hidden_states, cache=None, **kwargs):
        if cache is not None:
            raise TypeError("no keys and values are taken here")
        return own(hidden_states, **kwargs)

    own = loaded.layers[1].forward
    monkeypatch.setattr(loaded.layers[1], "forward", forward)
    assert not prefixes_hold(loaded, LONG[:20], 12)


def test_a_recording_tries_once_and_counts_what_prefixes_took(llama):
    recording = Recording(llama, [LONG[:12], LONG[:14]])
    assert recording.keeps_prefixes([6, 9])
    passes = recording.forward_passes
    recording.prefix([0, 1], 6)
    assert recording.forward_passes == passes  # the longer prefix that was tried begins with it
    assert recording.keeps_prefixes([0, 0])
