"""What tells a model's weights apart: a hash of their files, or of the tensors of a model in memory."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.model.hub.cache import is_hub_id, snapshot
from core.model.interruption import stop_point


def hash_weights(source: str, model: nn.Module, adapter: Sequence[Path] = ()) -> str:
    """Hash of a folder's or cached hub model's weight files and an adapter's; of the tensors where there are none."""
    files = sorted(_weight_files(source))
    if not files:
        return hash_tensors(model)
    files += adapter
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(_file_digest(file))
    digest.update(str(next(model.parameters()).dtype).encode())
    return digest.hexdigest()


def hash_tensors(model: nn.Module) -> str:
    """Hash of every tensor of a model in memory."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in model.state_dict().items():
        stop_point()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _weight_files(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir() and is_hub_id(source):
        path = snapshot(source) or path
    files = [file for file in path.glob("*.safetensors") if not file.name.startswith("adapter_model")]
    return files or list(path.glob("*.gguf"))


def _file_digest(file: Path) -> bytes:
    """Content hash; the hub's cache names a blob by its sha256, which saves reading it again."""
    blob = file.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", blob):
        return blob.encode()
    digest, buffer = hashlib.blake2b(), memoryview(bytearray(2**22))
    with file.open("rb", buffering=0) as stream:
        while size := stream.readinto(buffer):
            digest.update(buffer[:size])
            stop_point()
    return digest.digest()


def hash_tokenizer(tokenizer: Any) -> str:
    """Hash of all that decides how a text or a conversation becomes ids."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    special = repr(sorted((key, str(value)) for key, value in tokenizer.special_tokens_map.items()))
    chat = repr(template) if (template := getattr(tokenizer, "chat_template", None)) else ""
    return hashlib.blake2b((content + special + chat).encode(), digest_size=16).hexdigest()
