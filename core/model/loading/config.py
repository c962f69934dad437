"""A model's config, and its shape, before a weight is read."""

import re
import struct
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from core.errors import ModelError
from core.model.architectures import ModelShape, read_heads, refuse_by_config, shape_of
from core.model.loaded_model import one_line
from core.model.loading.hub import gguf_of, place_of

CONFIG_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    ImportError,
    struct.error,
)
"""What reading a config or the head of a GGUF file may raise."""


def load_config(source: str) -> Any:
    """The config of a hub id or folder; raises ModelError for what cannot be analysed."""
    folder = Path(source).expanduser()
    if not folder.exists() and source.startswith(("/", "./", "../", "~", "\\")):
        raise ModelError("no_folder", name=source)
    if folder.is_dir() and not (folder / "config.json").exists() and gguf_of(source) is None:
        raise ModelError("no_config", name=source)
    try:
        config = AutoConfig.from_pretrained(**place_of(source), trust_remote_code=False)
    except CONFIG_ERRORS as error:
        raise _config_error(source, folder, error) from None
    refuse_by_config(config, source)
    return config


def shape_from_config(source: str, config: Any = None) -> ModelShape:
    """The shape and the exact number of parameters without loading a weight; `config` where it is known already."""
    config = config or load_config(source)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return shape_of(model, read_heads(model, source))


def _config_error(source: str, folder: Path, error: Exception) -> ModelError:
    detail = one_line(error)
    if file := gguf_of(source):
        return ModelError("bad_gguf", name=file.name, detail=detail)
    if "trust_remote_code" in str(error):
        return ModelError("remote_code", name=source)
    if not folder.is_dir():
        return ModelError("model_not_found", name=source, detail=detail)
    kind = re.search(r"model type `(\S+?)`", str(error))
    if kind:
        return ModelError("unknown_architecture", name=source, architecture=kind[1])
    return ModelError("bad_config", name=source, detail=detail)
