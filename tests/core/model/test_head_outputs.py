"""The store without pickle, and captured head outputs against a plain computation."""

import os
import sqlite3

import numpy as np
import pytest
import torch
from safetensors.torch import save

from core.errors import ModelError, StorageError
from core.model.activation_store import ActivationStore, BytesDisk
from core.model.head_outputs import MEAN, batches_of, capture, reading_heads
from tests.support.tiny_models import tiny

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15], [5, 9, 8, 30]]
POSITIONS = np.array([[3, 1], [2, 1], [4, 1], [3, 1]])


@pytest.fixture
def store(tmp_path):
    store = ActivationStore(tmp_path / "cache")
    yield store
    store.close()


def forward_count(loaded):
    calls = []
    handle = loaded.model.base_model.register_forward_hook(lambda *_: calls.append(1))
    return calls, handle


def test_outputs_equal_one_by_one_passes_without_padding():
    for kind in ("gpt2", "llama", "gpt_neox", "bloom", "opt"):
        loaded = tiny(kind)
        found = capture(loaded, TEXTS, POSITIONS)
        frames = loaded.head_frames().reshape(
            3, loaded.shape.n_heads, loaded.shape.d_head, loaded.shape.d_head
        )
        for row, text in enumerate(TEXTS):
            read = {}
            with (
                torch.inference_mode(),
                reading_heads(loaded, lambda layer, z, read=read: read.update({layer: z})),
            ):
                loaded.model(input_ids=torch.tensor([text]))
            expected = torch.stack(
                [torch.einsum("hij,phj->phi", frames[layer], read[layer][0]) for layer in range(3)], dim=1
            ).flatten(1, 2)[POSITIONS[row]]
            torch.testing.assert_close(found.outputs[row], expected, atol=1e-4, rtol=1e-3)


def test_mean_leaves_padding_out():
    loaded = tiny()
    positions = np.array([[MEAN]] * 4)
    together = capture(loaded, TEXTS, positions).outputs
    alone = torch.cat([capture(loaded, [text], positions[:1]).outputs for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_a_second_run_makes_no_forward_pass_also_after_a_restart(tmp_path):
    loaded = tiny()
    store = ActivationStore(tmp_path / "c")
    first = capture(loaded, TEXTS, POSITIONS, store)
    store.close()
    again = ActivationStore(tmp_path / "c")
    calls, handle = forward_count(loaded)
    second = capture(loaded, TEXTS, POSITIONS, again)
    handle.remove()
    again.close()
    assert (first.forward_passes, first.cached_texts) == (1, 0)
    assert (second.forward_passes, second.cached_texts, calls) == (0, 4, [])
    assert torch.equal(first.outputs, second.outputs)


def test_a_changed_text_recomputes_only_that_text(store):
    loaded = tiny()
    capture(loaded, TEXTS, POSITIONS, store)
    changed = [*TEXTS[:3], [6, 9, 8, 31]]
    found = capture(loaded, changed, POSITIONS - 1, store)
    assert (found.forward_passes, found.cached_texts) == (1, 3)


def test_other_weights_and_other_positions_are_other_entries(store):
    capture(tiny(seed=0), TEXTS, POSITIONS, store)
    assert capture(tiny(seed=1), TEXTS, POSITIONS, store).cached_texts == 0
    assert capture(tiny(seed=0), TEXTS, np.array([[MEAN]] * 4), store).cached_texts == 0


def test_progress_counts_the_texts():
    seen = []
    capture(tiny(), TEXTS, POSITIONS, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)


def test_batches_hold_every_text_once_and_keep_the_budget():
    lengths = [3, 9, 4, 4, 20, 1]
    batches = batches_of(lengths, range(6), budget=20)
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert all(max(lengths[i] for i in b) * len(b) <= 20 for b in batches)


def test_nan_in_the_activations_is_an_error_that_names_the_layer():
    loaded = tiny()
    with torch.no_grad():
        loaded.layers[1].attn.c_attn.weight.fill_(float("inf"))
    with pytest.raises(ModelError, match="layer 1") as caught:
        capture(loaded, TEXTS, POSITIONS)
    assert caught.value.key == "bad_activations"


def test_hooks_are_gone_after_an_exception():
    loaded = tiny()
    with pytest.raises(ZeroDivisionError), reading_heads(loaded, lambda _layer, _z: 1 / 0):
        loaded.model(input_ids=torch.tensor([[5, 6]]))
    assert all(not loaded.projection(layer)._forward_pre_hooks for layer in range(3))


def test_the_store_gives_back_what_it_took(store):
    values = torch.randn(3, 4)
    store.put("a", values)
    assert torch.equal(store.get("a"), values)
    assert store.get("b") is None
    assert len(store) == 1


def test_a_damaged_entry_is_dropped_and_recomputed(store):
    loaded = tiny()
    first = capture(loaded, TEXTS, POSITIONS, store)
    key = next(iter(store._cache))
    store._cache.set(key, b"damaged")
    assert store.get(key) is None
    again = capture(loaded, TEXTS, POSITIONS, store)
    assert (again.cached_texts, again.forward_passes) == (3, 1)
    torch.testing.assert_close(again.outputs, first.outputs)


def test_a_missing_file_of_an_entry_is_recomputed(store):
    values = torch.zeros(300, 300)
    store.put("big", values)
    for file in store.folder.rglob("*.val"):
        file.unlink()
    assert store.get("big") is None


def test_a_damaged_index_starts_the_cache_anew(tmp_path):
    store = ActivationStore(tmp_path / "c")
    store.put("a", torch.zeros(2))
    store.close()
    for file in (tmp_path / "c").glob("cache.db*"):
        file.write_bytes(b"this is no database, this is no database, no database at all" * 20)
    again = ActivationStore(tmp_path / "c")
    assert again.get("a") is None
    again.put("a", torch.ones(2))
    assert torch.equal(again.get("a"), torch.ones(2))


def test_nothing_is_ever_pickled(store, tmp_path):
    import pickle

    with pytest.raises(TypeError, match="bytes"):
        store._cache.set("x", {"a": 1})
    with pytest.raises(TypeError, match="string key"):
        store._cache.set(("x",), b"")
    store.put("evil", torch.zeros(1))
    database = sqlite3.connect(store.folder / "cache.db")
    attack = pickle.dumps(_Attack(str(tmp_path / "ran")))
    database.execute("UPDATE Cache SET mode = 4, value = ?, filename = NULL WHERE key = 'evil'", (attack,))
    database.commit()
    database.close()
    assert store.get("evil") is None
    assert not (tmp_path / "ran").exists()


class _Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_the_folder_is_for_its_owner_alone(tmp_path):
    ActivationStore(tmp_path / "c").close()
    assert (tmp_path / "c").stat().st_mode & 0o077 == 0


def test_a_full_disk_is_said_plainly(store, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BytesDisk, "store", full)
    with pytest.raises(StorageError, match="no room on the disk") as caught:
        store.put("a", torch.zeros(1))
    assert caught.value.key == "disk_full"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        ActivationStore(tmp_path / "file" / "cache")
    assert caught.value.key == "folder_not_writable"


def test_entries_are_safetensors(store):
    store.put("a", torch.arange(3.0))
    assert store._cache.get("a") == save({"values": torch.arange(3.0)})
