"""Adapters of peft: found beside or without a model, compared with it, and merged into its weights.

merge_and_unload adds what a LoRA adapter learned to the weights of the modules it was trained on (W + scale B A; Hu et
al. 2021, section 4.1; with DoRA and rank-stabilised scaling as its config says), so that everything behind it reads a
plain model.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from peft import PeftConfig, PeftModel, get_peft_model_state_dict
from torch import nn

from core.errors import ModelError
from core.model.loaded_model import one_line
from core.model.loading.files import ADAPTER, StoredTensor, headers
from core.model.loading.hub import hub_options
from core.model.loading.places import ADAPTER_CONFIG
from core.schema import Note

MERGED = ("LORA", "ADALORA", "IA3", "LOHA", "LOKR")
"""Kinds of adapters that become part of the weights."""

EMBEDDINGS = ("embed_tokens.weight", "lm_head.weight", "wte.weight", "embed_in.weight", "embed_out.weight")


def adapter_folder(adapter: str) -> Path:
    """The folder of an adapter, which is fetched where it is on the hub. Raises ModelError where there is none."""
    folder = Path(adapter)
    if not folder.is_dir():
        try:
            wanted = [
                ADAPTER_CONFIG,
                ADAPTER,
                "tokenizer*",
                "*.model",
                "vocab.*",
                "merges.txt",
                "chat_template*",
            ]
            folder = Path(snapshot_download(adapter, allow_patterns=wanted, **hub_options()))
        except Exception as error:  # the hub's client raises errors of many libraries
            raise ModelError("bad_adapter", name=adapter, detail=one_line(error)) from None
    if not (folder / ADAPTER_CONFIG).is_file():
        raise ModelError("bad_adapter", name=adapter, detail=f"no {ADAPTER_CONFIG}")
    if not (folder / ADAPTER).is_file():
        pickled = sorted(file.name for file in folder.glob("adapter_model.*"))
        if pickled:
            raise ModelError("adapter_pickled", name=adapter, files=", ".join(pickled))
        raise ModelError("bad_adapter", name=adapter, detail=f"no {ADAPTER}")
    return folder


def check_adapter(model: nn.Module, adapter: str, folder: Path, base: str) -> list[Note]:
    """Notes of an adapter that fits a model, which may lie on the meta device; it is left with the adapter in it.

    Raises ModelError for an adapter of another model or of a kind that is not part of the weights.
    """
    config = _config(adapter, folder)
    stored = headers([folder / ADAPTER], adapter)
    try:
        with_adapter = PeftModel(model, config)
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        raise _other_base(adapter, folder, base, one_line(error)) from None
    whole = any(
        name.endswith(EMBEDDINGS) for name in stored
    )  # peft saves them where the training enlarged them
    expected = get_peft_model_state_dict(with_adapter, save_embedding_layers=whole)
    if detail := _difference(stored, expected):
        raise _other_base(adapter, folder, base, detail)
    notes = [Note(key="adapter_added", values={"adapter": Path(adapter).name or adapter})]
    if lacking := set(expected) - set(stored):
        notes.append(Note(key="adapter_partly", values={"count": len(lacking), "total": len(expected)}))
    return notes


def merged(model: nn.Module, adapter: str, folder: Path, base: str) -> Any:
    """The model with an adapter merged into its weights. Raises ModelError as `check_adapter` does."""
    config = _config(adapter, folder)
    try:
        # without autocast the adapter keeps the type of the weights, and is merged in it
        with_adapter = PeftModel.from_pretrained(
            model, str(folder), config=config, use_safetensors=True, autocast_adapter_dtype=False
        )
        return with_adapter.merge_and_unload(safe_merge=False)
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        raise _other_base(adapter, folder, base, one_line(error)) from None


def _config(adapter: str, folder: Path) -> Any:
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError("bad_adapter", name=adapter, detail=one_line(error)) from None
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    if kind not in MERGED:
        raise ModelError("adapter_kind", name=adapter, kind=kind)
    config.inference_mode = True
    return config


def _difference(stored: Mapping[str, StoredTensor], expected: Mapping[str, Any]) -> str:
    """What of an adapter's tensors has no place in the model; nothing where all of them fit."""
    for name, tensor in stored.items():
        if name not in expected:
            return f"the model has no place for {name}"
        shape = tuple(expected[name].shape)
        if tensor.shape != shape:
            return f"{name} is {_by(tensor.shape)}, the model needs {_by(shape)}"
    return "" if set(stored) & set(expected) else "it holds no tensor that the model has a place for"


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _other_base(adapter: str, folder: Path, base: str, detail: str) -> ModelError:
    stated = (
        json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
        or "?"
    )
    return ModelError("adapter_of_other_base", name=adapter, base=base, detail=detail, stated=stated)
