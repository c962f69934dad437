"""Loading a model safely: weights come from safetensors files alone, and no code of a model's author is run."""

import logging
import re
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from huggingface_hub import constants
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from core.errors import ModelError
from core.model.architectures import SUPPORTED, submodule
from core.model.fingerprint import hash_weights
from core.model.loaded_model import (
    LoadedModel,
    ModelShape,
    architecture_of,
    one_line,
    shape_of,
    tokenizer_errors,
)
from core.model.memory import free_memory, is_out_of_memory, memory_errors

log = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds to wait for a connection."""

REMEMBERED = 60
"""Seconds for which an answer is not asked for again."""


class ModelPool:
    """Keeps the last loaded models, so that a second run of the same model loads nothing.

    It holds `size` models, or more where more of them are leased at once.
    """

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._models: OrderedDict[tuple[str, str], LoadedModel] = OrderedDict()
        self._leases: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def lease(self, source: str, device: str = "auto") -> Iterator[LoadedModel]:
        """The model for work that lasts, during which it is not dropped for another one."""
        key = _key(source, device)
        loaded = self.get(source, device)
        self._leases[key] += 1
        try:
            yield loaded
        finally:
            self._leases[key] -= 1
            self._drop_idle(self._size)

    def get(self, source: str, device: str = "auto") -> LoadedModel:
        """The model on the device, loaded if it is not held; raises ModelError as `load_model` does."""
        key = _key(source, device)
        if key not in self._models:
            load_config(source)  # a name that cannot be loaded costs no model that is held
            check_files(source)
            self._drop_idle(self._size - 1)
            self._models[key] = self._load(source, device)
        self._models.move_to_end(key)
        return self._models[key]

    def clear(self) -> None:
        """Forget every model and free its memory."""
        self._models.clear()
        free_memory()

    def _load(self, source: str, device: str) -> LoadedModel:
        """Load a model; where memory does not suffice, once more without the models that are idle."""
        try:
            return load_model(source, device)
        except ModelError as error:
            if not is_out_of_memory(error) or not self._drop_idle(0):
                raise
        return load_model(source, device)

    def _drop_idle(self, most: int) -> int:
        """Drop models that nobody has leased, the longest unused first, until `most` are held; how many went."""
        idle = [key for key in self._models if not self._leases[key]]
        dropped = idle[: max(0, len(self._models) - most)]
        for key in dropped:
            del self._models[key]
        if dropped:
            free_memory()
        return len(dropped)


def _key(source: str, device: str) -> tuple[str, str]:
    return str(source), str(resolve_device(device))


def resolve_device(device: str = "auto") -> torch.device:
    """The device of a name; auto takes a GPU where there is one. Raises ModelError for one not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_device", device=device)
    return torch.device(device)


def load_config(source: str) -> Any:
    """The config of a hub id or folder; raises ModelError for what cannot be analysed."""
    folder = Path(source).expanduser()
    if not folder.is_dir() and source.startswith(("/", "./", "../", "~", "\\")):
        raise ModelError("no_folder", name=source)
    if folder.is_dir() and not (folder / "config.json").exists():
        raise ModelError("no_config", name=source)
    try:
        config = AutoConfig.from_pretrained(**_place(source), trust_remote_code=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _config_error(source, folder, error) from None
    architecture_of(config, source)
    return config


def load_model(source: str | Path, device: str = "auto") -> LoadedModel:
    """Load a decoder-only model from a hub id or a folder, safetensors only, no remote code.

    On the CPU weights become float32; on a GPU they keep the checkpoint's type. Raises ModelError.
    """
    source = str(source)
    target = resolve_device(device)
    config = load_config(source)
    check_files(source)
    tokenizer = load_tokenizer(source)
    dtype: Any = torch.float32 if target.type == "cpu" else "auto"
    try:
        with memory_errors():
            loading: Any = AutoModelForCausalLM.from_pretrained(
                **_place(source),
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
            model, info = loading
            model = model.to(target)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError("bad_weights", name=source, detail=one_line(error)) from None
    _check_loaded(model, info, source)
    return LoadedModel(model, tokenizer, source, hash_weights(source, model))


def check_files(source: str) -> None:
    """Raise ModelError where a folder's weights are missing or their headers damaged; reads no tensor."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError("no_weights", name=source)
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                opened.keys()
        except (OSError, SafetensorError) as error:
            raise ModelError("bad_weights", name=source, detail=f"{file.name}: {one_line(error)}") from None


def load_tokenizer(source: str) -> Any:
    """The model's tokenizer; raises ModelError where it is missing or broken."""
    try:
        with tokenizer_errors(source):
            tokenizer = AutoTokenizer.from_pretrained(**_place(source), trust_remote_code=False)
    except ModelError as error:
        raise ModelError("no_tokenizer", name=source, detail=error.values["detail"]) from None
    # transformers makes an empty tokenizer of a known type where the files are missing
    if tokenizer is None or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError("no_tokenizer", name=source, detail="it has no vocabulary")
    return tokenizer


def shape_from_config(source: str) -> ModelShape:
    """The shape and the exact number of parameters without loading a weight."""
    config = load_config(source)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    architecture = architecture_of(config, source)
    block = submodule(model, architecture.blocks)[0]
    projection = getattr(getattr(block, architecture.attention), architecture.projection)
    return shape_of(model, projection)


def _check_loaded(model: nn.Module, info: Any, source: str) -> None:
    missing = sorted(info.get("missing_keys") or [])
    if missing:
        raise ModelError("weights_missing", name=source, count=len(missing), example=missing[0])
    mismatched = sorted(str(key) for key in info.get("mismatched_keys") or [])
    if mismatched:
        raise ModelError("bad_weights", name=source, detail=f"shape of {mismatched[0]}")
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError("bad_numbers", example=name)


def _config_error(source: str, folder: Path, error: Exception) -> ModelError:
    detail = one_line(error)
    if "trust_remote_code" in str(error):
        return ModelError("remote_code", name=source)
    if not folder.is_dir():
        return ModelError("model_not_found", name=source, detail=detail)
    kind = re.search(r"model type `(\S+?)`", str(error))
    if kind:
        return ModelError("unknown_architecture", name=source, architecture=kind[1], supported=SUPPORTED)
    return ModelError("bad_config", name=source, detail=detail)


def _place(source: str) -> dict[str, Any]:
    """Where `from_pretrained` looks: a folder here, or the hub and its cache."""
    folder = Path(source).expanduser()
    if folder.exists():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    return {"pretrained_model_name_or_path": source, **hub_options()}


def hub_options() -> dict[str, Any]:
    """Arguments for `from_pretrained`: local files alone where the hub cannot be reached."""
    reachable = _reachable(constants.ENDPOINT, int(time.time() // REMEMBERED))
    return {} if reachable else {"local_files_only": True}


@lru_cache(maxsize=4)
def _reachable(endpoint: str, _minute: int) -> bool:
    """True where a connection opens; behind a proxy only the real request can tell, so True as well."""
    if constants.HF_HUB_OFFLINE:
        return False
    parts = urlsplit(endpoint)
    if getproxies().get(parts.scheme):
        return True
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), TIMEOUT).close()
    except OSError:
        return False
    return True
