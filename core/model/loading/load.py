"""A model with its weights and its tokenizer, in memory."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM

from core.errors import ModelError
from core.model.fingerprint import hash_weights
from core.model.loaded_model import LoadedModel, one_line
from core.model.loading.config import load_config, shape_from_config
from core.model.loading.devices import resolve_device
from core.model.loading.hub import place_of
from core.model.loading.tokenizer import load_tokenizer
from core.model.loading.weights import check_files, check_loaded
from core.model.memory import memory_errors, planned


def load_model(
    source: str | Path, device: str = "auto", adapter: str = "", precision: str | None = None
) -> LoadedModel:
    """Load a decoder-only model from a hub id or a folder, safetensors only, no remote code.

    On the CPU weights become float32 where that fits into memory, else bfloat16; on a GPU they keep the checkpoint's
    type. `precision` asks for one of them. Raises ModelError, also where the model and a run do not fit.
    """
    source = str(source)
    target = resolve_device(device)
    config = load_config(source)
    check_files(source)
    tokenizer = load_tokenizer(source)
    plan = planned(shape_from_config(source), target, precision=precision)
    if not plan.fits:
        raise plan.refusal(source, target.type)
    dtype: Any = getattr(torch, plan.precision) if target.type == "cpu" else "auto"
    try:
        with memory_errors():
            loading: Any = AutoModelForCausalLM.from_pretrained(
                **place_of(source),
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
    check_loaded(model, info, source)
    return LoadedModel(model, tokenizer, source, hash_weights(source, model))
