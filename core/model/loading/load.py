"""A model with its weights and its tokenizer, in memory."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, GenerationConfig

from core.errors import ModelError
from core.model.architectures import ModelShape
from core.model.fingerprint import hash_weights
from core.model.loaded_model import LoadedModel, one_line
from core.model.loading import apple
from core.model.loading.adapters import merged
from core.model.loading.config import shape_from_config
from core.model.loading.devices import resolve_device
from core.model.loading.examine import Examined, examine
from core.model.loading.fitting import Fit, causal_class, check_fit
from core.model.loading.hub import place_of
from core.model.loading.tokenizer import read_tokenizer
from core.model.loading.weights import check_loaded
from core.model.memory import SHORT, memory_errors, planned, spread

GGUF_PACKED = hasattr(transformers, "GgufConfig")
"""Whether this transformers leaves the weights of a GGUF file packed unless it is told otherwise."""


def load_model(
    source: str | Path, device: str = "auto", adapter: str = "", precision: str | None = None
) -> LoadedModel:
    """Load a decoder-only model from a hub id or a folder, safetensors only, no remote code.

    A LoRA adapter is added to the weights. On the CPU weights become float32 where that fits into memory, else
    bfloat16; on a GPU they keep the checkpoint's type. `precision` asks for one of them. A model that fits no single
    GPU is spread over all of them and the CPU. Raises ModelError, also where the model and a run do not fit.
    """
    target = resolve_device(device)
    examined = examine(source, adapter)
    source = examined.settled.source
    read = read_tokenizer(source, examined.settled.adapter, examined.config)
    shape = shape_from_config(source, examined.config)
    plan = planned(shape, target, precision=precision)
    placing = {} if plan.fits else _placing(shape, target, plan.precision, examined)
    dtype: Any = getattr(torch, plan.precision) if target.type == "cpu" else "auto"
    try:
        with memory_errors():
            model, report = _read(examined, dtype, placing)
            check_loaded(model, report, source)
            unused = tuple(sorted(map(str, report.get("unexpected_keys") or [])))
            late = check_fit(Fit(model, (), unused, ()), source, ()) if not examined.compared else []
            if examined.adapter_files:
                folder = examined.adapter_files[0].parent
                model = merged(model, examined.settled.adapter, folder, source)
            if target.type != "mps" and not placing:
                model = model.to(target)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError("bad_weights", name=source, detail=one_line(error)) from None
    hashed = hash_weights(source, model, examined.adapter_files)
    if target.type == "mps":
        loaded = apple.placed(model, lambda moved: LoadedModel(moved, read.tokenizer, source, hashed))
    else:
        with memory_errors():
            loaded = LoadedModel(model, read.tokenizer, source, hashed, check=True)
    loaded.notes = (*examined.notes, *late, *read.notes)
    return loaded


def _placing(shape: ModelShape, target: torch.device, precision: str, examined: Examined) -> dict[str, Any]:
    """How a model is placed with which not every run fits: on the device alone where short texts fit, else spread.

    An adapter is merged into weights that lie on one device. Raises ModelError where the model fits nowhere.
    """
    least = planned(shape, target, SHORT, precision=precision)
    if least.fits:
        return {}
    asked = spread(shape, precision) if target.type == "cuda" and not examined.adapter_files else None
    if asked is None:
        raise least.refusal(examined.settled.source, target.type)
    return asked


def _read(examined: Examined, dtype: Any, placing: dict[str, Any]) -> tuple[Any, Any]:
    """The model with its weights, and what transformers reports of loading them."""
    place, how = place_of(examined.settled.source), {"config": examined.config, "dtype": dtype}
    how |= {"trust_remote_code": False, "output_loading_info": True, **placing}
    if "gguf_file" in place and GGUF_PACKED:
        how["quantization_config"] = transformers.GgufConfig(dequantize=True)
    if examined.tensors is None:
        loading: Any = AutoModelForCausalLM.from_pretrained(**place, **how, use_safetensors=True)
        return loading
    if dtype == "auto":
        how["dtype"] = getattr(examined.config, "dtype", None) or torch.bfloat16
    del how["trust_remote_code"]
    model, report = causal_class(examined.config).from_pretrained(None, state_dict=examined.tensors, **how)
    with suppress(OSError):  # there need not be one; the config's tokens end a text then
        model.generation_config = GenerationConfig.from_pretrained(
            place.pop("pretrained_model_name_or_path"), **place
        )
    return model, report
