"""Loading a model safely: weights come from safetensors files alone, and no code of a model's author is run."""

from core.model.architectures import ModelShape
from core.model.loaded_model import LoadedModel
from core.model.loading.config import load_config, shape_from_config
from core.model.loading.devices import device_notes, resolve_device
from core.model.loading.examine import examine
from core.model.loading.hub import hub_options
from core.model.loading.load import load_model
from core.model.loading.pool import ModelPool
from core.model.loading.tokenizer import load_tokenizer, read_tokenizer

__all__ = [
    "LoadedModel",
    "ModelPool",
    "ModelShape",
    "device_notes",
    "examine",
    "hub_options",
    "load_config",
    "load_model",
    "load_tokenizer",
    "read_tokenizer",
    "resolve_device",
    "shape_from_config",
]
