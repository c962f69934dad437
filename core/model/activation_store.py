"""The store of activations on the disk: diskcache with bytes made by safetensors alone.

diskcache pickles what it does not know, and unpickling runs code of whoever can write the folder (CVE-2025-69872):
the Disk used here refuses every pickle. A damaged entry is dropped and recomputed.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_PICKLE
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from core.errors import StorageError
from core.storage import home, storage_error

log = logging.getLogger(__name__)

DEFAULT_LIMIT = 20 * 2**30
"""Bytes; the least recently used entries go first."""

LOCK_SECONDS = 10
"""How long another process may hold the cache before that is an error."""


class BytesDisk(diskcache.Disk):
    """A Disk whose keys are strings and whose values are bytes; anything else is refused."""

    def put(self, key: Any) -> Any:
        """The key as it stands in the database."""
        if not isinstance(key, str):
            raise TypeError(f"expected a string key, found {type(key).__name__}")
        return super().put(key)

    def store(self, value: Any, read: bool, key: Any = diskcache.core.UNKNOWN) -> Any:
        """Write a value of bytes."""
        if not isinstance(value, bytes):
            raise TypeError(f"expected bytes, found {type(value).__name__}")
        return super().store(value, read, key)

    def get(self, key: Any, raw: Any) -> Any:
        """The key as it was put."""
        if not raw:
            raise TypeError("a pickled key is never read")
        return super().get(key, raw)

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> Any:
        """Read a value of bytes."""
        if mode == MODE_PICKLE:
            raise TypeError("a pickled value is never read")
        return super().fetch(mode, filename, value, read)


class ActivationStore:
    """Tensors by string key. Open it once a process, on a local file system."""

    def __init__(self, folder: Path | None = None, limit: int = DEFAULT_LIMIT) -> None:
        self.folder = folder or home() / "cache"
        with self._errors():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._cache = self._open(limit)

    def get(self, key: str) -> Tensor | None:
        """The tensor under the key; None where there is none or it cannot be read any more."""
        content = self._read(key, ["values"])
        return None if content is None else content[0]

    def get_layers(self, key: str, layers: int) -> list[Tensor] | None:
        """One tensor for each of so many layers; None where they are not all there."""
        return self._read(key, list(map(str, range(layers))))

    def _read(self, key: str, names: list[str]) -> list[Tensor] | None:
        with self._errors():
            try:
                content = self._cache.get(key)
                if content is None:
                    return None
                stored = load(content)
                return [stored[name] for name in names]
            except sqlite3.OperationalError:
                raise
            except (
                SafetensorError,
                TypeError,
                KeyError,
                ValueError,
                OSError,
                sqlite3.DatabaseError,
            ) as error:
                log.warning("a damaged cache entry is dropped and recomputed: %s", error)
                self._drop(key)
        return None

    def put(self, key: str, values: Tensor) -> None:
        """Store a tensor; raises StorageError where the disk is full or the cache locked or not writable."""
        self._write(key, {"values": values})

    def put_layers(self, key: str, layers: Sequence[Tensor]) -> None:
        """Store a tensor of each layer, which may differ in shape; raises as `put` does."""
        self._write(key, {str(layer): values for layer, values in enumerate(layers)})

    def _write(self, key: str, values: Mapping[str, Tensor]) -> None:
        content = save({name: tensor.detach().cpu().contiguous() for name, tensor in values.items()})
        with self._errors():
            self._cache.set(key, content)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Group many writes into one transaction."""
        with self._errors(), self._cache.transact():
            yield

    def close(self) -> None:
        """Close the database."""
        self._cache.close()

    def __len__(self) -> int:
        with self._errors():
            return len(self._cache)

    def _open(self, limit: int) -> diskcache.Cache:
        settings = {
            "disk": BytesDisk,
            "size_limit": limit,
            "eviction_policy": "least-recently-used",
            "timeout": LOCK_SECONDS,
        }
        if not (self.folder / "cache.db").exists():
            self._remove_files()  # nothing refers to what an index that is gone has left
        try:
            return diskcache.Cache(str(self.folder), **settings)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            log.warning("the cache index is damaged and is started anew: %s", error)
            self._remove_files()
            return diskcache.Cache(str(self.folder), **settings)

    def _remove_files(self) -> None:
        for file in [*self.folder.glob("cache.db*"), *self.folder.glob("*/*/*.val")]:
            file.unlink(missing_ok=True)

    def _drop(self, key: str) -> None:
        try:
            self._cache.delete(key)
        except (OSError, TypeError, diskcache.Timeout, sqlite3.DatabaseError) as error:
            log.warning("the damaged entry could not be removed: %s", error)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Failures of the disk and of the database as StorageErrors, each by its own name."""
        try:
            yield
        except diskcache.Timeout:
            raise StorageError("locked", path=self.folder) from None
        except sqlite3.OperationalError as error:
            reason = str(error)
            for word, key in (("full", "disk_full"), ("locked", "locked"), ("busy", "locked")):
                if word in reason:
                    raise StorageError(key, path=self.folder) from None
            raise StorageError("folder_not_writable", path=self.folder, detail=reason) from None
        except OSError as error:
            raise storage_error(error, self.folder) from None
