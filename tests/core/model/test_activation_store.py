"""The store of activations: bytes of safetensors alone, nothing pickled, damage dropped, failures named."""

import os
import sqlite3

import pytest
import torch
from safetensors.torch import save

from core.errors import StorageError
from core.model.activation_store import ActivationStore, BytesDisk


@pytest.fixture
def store(tmp_path):
    store = ActivationStore(tmp_path / "cache")
    yield store
    store.close()


def test_the_store_gives_back_what_it_took(store):
    values = torch.randn(3, 4)
    store.put("a", values)
    assert torch.equal(store.get("a"), values)
    assert store.get("b") is None
    assert len(store) == 1


def test_layers_of_different_shapes_come_back_as_they_were_put(store):
    layers = [torch.randn(3, 2, 4), torch.zeros(3, 0, 0), torch.randn(3, 1, 8)]
    store.put_layers("a", layers)
    for one, other in zip(store.get_layers("a", 3), layers, strict=True):
        assert torch.equal(one, other)
    assert store.get_layers("b", 3) is None
    assert store.get_layers("a", 4) is None


def test_a_damaged_entry_is_dropped(store):
    store.put("a", torch.zeros(2))
    store._cache.set("a", b"damaged")
    assert store.get("a") is None
    assert len(store) == 0


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


@pytest.mark.parametrize("loss", ["damaged", "deleted"])
def test_files_of_a_lost_index_are_removed(tmp_path, loss):
    store = ActivationStore(tmp_path / "c")
    store.put("big", torch.zeros(300, 300))
    store.close()
    assert list((tmp_path / "c").rglob("*.val"))
    for file in (tmp_path / "c").glob("cache.db*"):
        if loss == "damaged":
            file.write_bytes(b"this is no database, this is no database, no database at all" * 20)
        else:
            file.unlink()
    again = ActivationStore(tmp_path / "c")
    assert not list((tmp_path / "c").rglob("*.val"))
    again.close()


def test_a_locked_cache_is_named_as_locked(store, monkeypatch):
    other = sqlite3.connect(store.folder / "cache.db", isolation_level=None)
    store._cache._timeout = 0.05
    store._cache.close()
    other.execute("BEGIN EXCLUSIVE")
    for call in (lambda: store.put("a", torch.zeros(1)), lambda: store.batch().__enter__()):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.key == "locked"
    other.execute("ROLLBACK")
    other.close()
    store.put("a", torch.zeros(1))


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("database or disk is full", "disk_full"),
        ("database is locked", "locked"),
        ("attempt to write a readonly database", "folder_not_writable"),
        ("unable to open database file", "folder_not_writable"),
    ],
)
def test_each_failure_of_the_database_has_its_own_name(store, monkeypatch, reason, key):
    def fail(*_args, **_named):
        raise sqlite3.OperationalError(reason)

    monkeypatch.setattr(store._cache, "set", fail)
    monkeypatch.setattr(store._cache, "get", fail)
    monkeypatch.setattr(type(store._cache), "__len__", fail)
    for call in (lambda: store.put("a", torch.zeros(1)), lambda: store.get("a"), lambda: len(store)):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.key == key


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
