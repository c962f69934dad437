"""The weight files of a folder, and what their headers say: names, types and shapes of tensors, before any is read."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import ModelError
from core.model.loaded_model import one_line

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_model.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
UNFINISHED = (".incomplete", ".part", ".partial", ".crdownload", ".tmp", ".aria2", ".download")
"""How downloads are named that are not complete."""

LFS = b"version https://git-lfs"
"""How the small file begins that stands in place of a large one where git has not fetched it."""


LARGEST_HEADER = 100_000_000
"""Bytes of a safetensors header at most, by its format."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file, which is read when it is indexed with `[...]`, as transformers does."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]

    def __getitem__(self, _: Any) -> Tensor:
        with safe_open(self.file, framework="pt") as opened:
            return opened.get_tensor(self.name)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the model of a folder. Raises ModelError where they are not all there."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if (folder / INDEX).is_file():
        return _shards(folder)
    found = [file for file in sorted(folder.glob("*.safetensors")) if file.name != ADAPTER]
    numbered = [file for file in found if "-of-" in file.name]
    if found and not numbered:
        raise ModelError("other_weights", name=str(folder), files=", ".join(file.name for file in found[:3]))
    if numbered:
        raise ModelError("no_index", name=str(folder), index=INDEX, count=len(numbered))
    raise _no_weights(folder)


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights of a whole model, complete or not."""
    others = [file for file in folder.glob("*.safetensors") if file.name != ADAPTER]
    pickles = list(folder.glob("pytorch_model*.bin"))
    return bool(others or pickles or (folder / INDEX).is_file())


def _shards(folder: Path) -> list[Path]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError("bad_weights", name=str(folder), detail=f"{INDEX}: {one_line(error)}") from None
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        half = _unfinished(folder)
        if half:
            raise ModelError("download_unfinished", name=str(folder), file=half[0].name)
        raise ModelError(
            "shards_missing", name=str(folder), count=len(missing), total=len(names), example=missing[0]
        )
    return [folder / name for name in names]


def _no_weights(folder: Path) -> ModelError:
    if half := _unfinished(folder):
        return ModelError("download_unfinished", name=str(folder), file=half[0].name)
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    pickles = [name for name in pickles if name not in ("training_args.bin", "optimizer.pt", "scheduler.pt")]
    if pickles:
        return ModelError("pickled_weights", name=str(folder), files=", ".join(pickles[:3]))
    return ModelError("no_weights", name=str(folder))


def _unfinished(folder: Path) -> list[Path]:
    """Files whose download is not complete, here or where the hub's client keeps them."""
    places = (folder, folder / ".cache" / "huggingface" / "download")
    return [file for place in places for file in sorted(place.glob("*")) if file.suffix in UNFINISHED]


def headers(files: Iterable[Path], name: object) -> dict[str, StoredTensor]:
    """The tensors of weight files by name. Raises ModelError for a file that is cut short or damaged."""
    return {tensor.name: tensor for file in files for tensor in _header(file, name)}


def _header(file: Path, name: object) -> Iterator[StoredTensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118 (it is no mapping)
                part = opened.get_slice(key)
                yield StoredTensor(file, key, part.get_dtype(), tuple(part.get_shape()))
    except (OSError, SafetensorError) as error:
        raise _damaged(file, name, error) from None


def _damaged(file: Path, name: object, error: Exception) -> ModelError:
    """What is wrong with a file that cannot be opened: a pointer in its place, a part of it, or something else."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            first = stream.read(len(LFS))
            if first == LFS:
                return ModelError("lfs_pointer", name=name, file=file.name)
            stream.seek(8)
            length = int.from_bytes(first[:8], "little")
            table = json.loads(stream.read(length)) if 0 < length < size - 8 else {}
            if not table and (length > LARGEST_HEADER or first[8:9] != b"{"):
                raise ValueError("this is no header")
        ends = [entry["data_offsets"][1] for key, entry in table.items() if key != "__metadata__"]
        expected = 8 + length + max(ends, default=0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        size = expected = 0
    if expected > size:
        return ModelError("half_downloaded", name=name, file=file.name, size=size, expected=expected)
    return ModelError("bad_weights", name=name, detail=f"{file.name}: {one_line(error)}")


TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
"""Floating types of a safetensors header, in torch."""
