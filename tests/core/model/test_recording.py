"""Each text is read once, whatever is asked of it; the cache and the bounds of memory change nothing but the passes."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch

from core.errors import ModelError
from core.examples.slots import MEAN
from core.generators import result_of
from core.model import _plain_passes
from core.model.activation_store import ActivationStore
from core.model.hooks import on_every_z
from core.model.loaded_model import LoadedModel
from core.model.next_token import last_logits
from core.model.recording import Recording
from tests.support.attention import attention_by
from tests.support.tiny_models import CONFIGS, tiny

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15], [5, 9, 8, 30]]
SLOTS = {0: (3, 1), 1: (2, 1), 2: (4, 1), 3: (3, 1)}


@pytest.fixture
def store(tmp_path):
    store = ActivationStore(tmp_path / "cache")
    yield store
    store.close()


def whole(loaded: LoadedModel, texts=TEXTS, slots=SLOTS, **more) -> Recording:
    """A recording of everything."""
    return Recording(loaded, texts, slots=slots, attention=True, streams=True, **more)


def ask_everything(recording: Recording) -> list[torch.Tensor]:
    """What every kind of stage asks of a recording of TEXTS."""
    everyone = range(len(recording.texts))
    with torch.no_grad(), recording.resumed(everyone, 2):
        resumed = last_logits(recording.loaded, recording.texts)
    attention = [recording.attention(text, SLOTS[text]) for text in everyone]
    z = [of_layer for text in everyone for of_layer in recording.z_at(text, SLOTS[text])]
    return [recording.log_probabilities(), *recording.padded_z(everyone), *z, *attention, resumed]


def same(one: Iterable[torch.Tensor], other: Iterable[torch.Tensor]) -> bool:
    """Whether the layers are equal to the last bit."""
    return all(torch.equal(*layers) for layers in zip(one, other, strict=True))


@pytest.fixture
def reads():
    """Token ids of every row that a model reads in padded batches, in order."""
    rows, handles = [], []

    def watch(loaded: LoadedModel) -> list[list[int]]:
        def look(_module, _args, kwargs, _output):
            if kwargs.get("attention_mask") is None:
                return
            lengths = kwargs["attention_mask"].sum(dim=1).tolist()
            rows.extend(ids[:n] for ids, n in zip(kwargs["input_ids"].tolist(), lengths, strict=True))

        handles.append(loaded.model.base_model.register_forward_hook(look, with_kwargs=True))
        return rows

    yield watch
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("kind", sorted(set(CONFIGS) - {"falcon"}))
def test_one_pass_serves_everything_and_equals_passes_of_single_texts(kind, reads):
    loaded = tiny(kind)
    rows = reads(loaded)
    recording = whole(loaded)
    values = ask_everything(recording)
    assert sorted(rows[: len(TEXTS)]) == sorted(TEXTS)
    assert recording.forward_passes == 1
    assert len(rows) == 2 * len(TEXTS)  # the resumed run that this test makes itself is the second
    with torch.no_grad():
        plain = last_logits(loaded, TEXTS)
    torch.testing.assert_close(values[0], plain.log_softmax(-1), atol=1e-4, rtol=1e-3)
    for text, ids in enumerate(TEXTS):
        z: dict[int, torch.Tensor] = {}
        with torch.no_grad(), on_every_z(loaded, lambda layer, value, z=z: z.update({layer: value[0]})):
            loaded.model(input_ids=torch.tensor([ids]))
        alone = [z[layer] for layer in range(3)]
        torch.testing.assert_close(recording.z([text])[0], alone, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "opt", "gemma3_text"])
def test_reading_attention_weights_changes_no_bit_of_what_heads_write(kind):
    loaded = tiny(kind)
    assert loaded.model.config._attn_implementation == "sdpa"
    with_weights, without = whole(loaded), Recording(loaded, TEXTS)
    for one, other in zip(with_weights.z(range(4)), without.z(range(4)), strict=True):
        assert same(one, other)
    with torch.no_grad(), attention_by(loaded, "eager"):
        ids = torch.tensor([TEXTS[2]])
        layers = loaded.model.base_model(input_ids=ids, output_attentions=True, use_cache=False).attentions
    expected = torch.cat([layer[0] for layer in layers])[:, [4, 1]][..., [4, 1]]
    torch.testing.assert_close(with_weights.attention(2, (4, 1)), expected, atol=1e-3, rtol=1e-3)
    assert loaded.model.config._attn_implementation == "sdpa"


def test_attention_of_a_type_that_calls_the_kernel_itself_takes_no_pass_of_its_own():
    recording = whole(tiny("falcon"))
    ask_everything(recording)
    assert recording.forward_passes == 1


def test_a_part_of_a_recording_is_the_same_recording(reads):
    loaded = tiny()
    recording = whole(loaded)
    part = recording.of([3, 0]).of([1, 0])
    rows = reads(loaded)
    assert part.texts == [TEXTS[0], TEXTS[3]]
    torch.testing.assert_close(part.log_probabilities(), recording.log_probabilities()[[0, 3]])
    assert same(part.z([1])[0], recording.z([3])[0])
    assert len(rows) == len(TEXTS)
    assert (part.forward_passes, recording.forward_passes) == (1, 1)


def test_a_second_run_makes_no_forward_pass_also_after_a_restart(tmp_path):
    loaded = tiny()
    store = ActivationStore(tmp_path / "c")
    first = whole(loaded, store=store)
    result_of(first.read())
    store.close()
    again = ActivationStore(tmp_path / "c")
    second = whole(loaded, store=again)
    result_of(second.read())
    assert (first.forward_passes, first.cached_texts) == (1, 0)
    assert (second.forward_passes, second.cached_texts) == (0, 4)
    assert torch.equal(first.log_probabilities(), second.log_probabilities())
    assert same(first.padded_z(range(4)), second.padded_z(range(4)))
    assert torch.equal(first.attention(2, (4, 1)), second.attention(2, (4, 1)))
    assert second.forward_passes == 0
    ask_everything(second)
    ask_everything(second)
    assert second.forward_passes == 1  # the streams are in no cache
    again.close()


def test_a_changed_text_recomputes_only_that_text(store, reads):
    loaded = tiny()
    result_of(whole(loaded, store=store).read())
    rows = reads(loaded)
    changed = whole(loaded, [*TEXTS[:3], [6, 9, 8, 31]], store=store)
    result_of(changed.read())
    assert rows == [[6, 9, 8, 31]]
    assert (changed.forward_passes, changed.cached_texts) == (1, 3)


def test_other_positions_of_a_known_text_are_read_from_the_cache(store):
    loaded = tiny()
    result_of(whole(loaded, store=store).read())
    other = whole(loaded, slots=dict.fromkeys(range(4), (0, MEAN)), store=store)
    result_of(other.read())
    assert other.forward_passes == 0
    mean = [of_layer[0] for of_layer in other.z_at(1, (MEAN,))]
    torch.testing.assert_close(mean, [of_layer.mean(dim=0) for of_layer in other.z([1])[0]])
    assert whole(tiny(seed=1), store=store).of([0]).cached_texts == 0


def test_a_damaged_entry_is_read_again(store):
    loaded = tiny()
    first = whole(loaded, store=store)
    result_of(first.read())
    store._cache.set(first._passes._key("z", 2), b"damaged")
    again = whole(loaded, store=store)
    result_of(again.read())
    assert (again.cached_texts, again.forward_passes) == (3, 1)
    torch.testing.assert_close(again.z([2])[0], first.z([2])[0], atol=1e-5, rtol=1e-4)


def test_beyond_the_bound_of_memory_only_compared_positions_are_kept_and_more_passes_are_counted(monkeypatch):
    loaded = tiny()
    unbounded = ask_everything(whole(loaded))
    monkeypatch.setattr(_plain_passes, "Z_BYTES", 0)
    monkeypatch.setattr(_plain_passes, "ATTENTION_BYTES", 0)
    recording = whole(loaded)
    for one, other in zip(unbounded, ask_everything(recording), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    assert recording.forward_passes == 2
    assert [len(of_layer) for of_layer in recording._passes._z[0]] == [2, 2, 2]
    recording.z([0])
    assert recording.forward_passes == 3


def test_beyond_the_bound_of_memory_the_store_holds_z_in_blocks_of_layers(monkeypatch, store):
    loaded = tiny()
    unbounded = ask_everything(whole(loaded))
    for name in ("Z_BYTES", "BLOCK_BYTES"):
        monkeypatch.setattr(_plain_passes, name, 0)
    recording = whole(loaded, store=store)
    for one, other in zip(unbounded, ask_everything(recording), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert recording.forward_passes == 1
    assert [len(of_layer) for of_layer in recording._passes._z[0]] == [2, 2, 2]
    assert [len(block) for block in recording._passes._blocks(0)] == [1, 1, 1]
    again = whole(loaded, store=store)
    assert all(same(*z) for z in zip(again.z(range(4)), recording.z(range(4)), strict=True))
    assert again.forward_passes == 0
    store._cache.delete(recording._passes._key("z1", 2))
    torch.testing.assert_close(recording.z([2])[0], again.z([0, 2])[1], atol=1e-5, rtol=1e-4)
    assert (recording.forward_passes, again.forward_passes) == (2, 1)


def test_fewer_tokens_are_read_at_a_time_where_memory_does_not_hold_z(monkeypatch, store):
    monkeypatch.setattr(_plain_passes, "Z_BYTES", 0)
    monkeypatch.setattr(
        _plain_passes, "BATCH_Z_BYTES", 10 * 3 * 24 * 4
    )  # ten tokens of 3 layers of 24 numbers
    recording = whole(tiny(), store=store)
    assert list(recording.read()) == [2, 4]


def test_streams_beyond_the_bound_of_memory_are_not_kept(monkeypatch):
    monkeypatch.setattr("core.model.partial_forward.MOST_BYTES", 0)
    recording = whole(tiny())
    ask_everything(recording)
    assert recording.forward_passes == 1
    assert not recording._passes.streams.has(0)


def test_reading_can_be_left_between_batches_and_taken_up_again(monkeypatch, reads):
    monkeypatch.setattr(_plain_passes, "MOST_WEIGHTS", 4 * 5 * 8)  # batches of eight tokens
    loaded = tiny()
    rows = reads(loaded)
    recording = whole(loaded)
    running = recording.read()
    assert next(running) == 1
    running.close()
    assert len(rows) == 1
    assert not any(loaded.projection(layer)._forward_pre_hooks for layer in range(3))
    assert list(recording.read())[-1] == 4
    assert sorted(rows) == sorted(TEXTS)


def test_numbers_that_are_not_finite_are_an_error_that_names_the_layer_and_leave_no_hook():
    loaded = tiny()
    with torch.no_grad():
        loaded.layers[1].attn.c_attn.weight.fill_(float("inf"))
    with pytest.raises(ModelError, match="layer 1") as caught:
        whole(loaded).log_probabilities()
    assert caught.value.key == "bad_activations"
    assert all(not loaded.projection(layer)._forward_pre_hooks for layer in range(3))
    assert all(not layer._forward_hooks for layer in loaded.layers)


def test_texts_that_are_not_compared_are_read_too_without_their_weights(reads):
    loaded = tiny()
    rows = reads(loaded)
    recording = whole(loaded, slots={0: (3, 1), 3: (3, 1)})
    assert recording.log_probabilities().shape[0] == 4
    assert recording.attention(0, (3, 1)) is not None
    assert recording.attention(1, (2, 1)) is None
    assert len(rows) == 4


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(), RuntimeError("CUDA error: out of memory")])
def test_without_memory_for_weights_the_texts_are_read_without_them(error, monkeypatch):
    def full(*_):
        raise error

    monkeypatch.setattr(_plain_passes.AttentionRecorder, "keep", full)
    recording = whole(tiny())
    assert recording.attention(0, SLOTS[0]) is None
    assert recording.attention_state == "memory"
    assert np.isfinite(recording.log_probabilities()).all()
