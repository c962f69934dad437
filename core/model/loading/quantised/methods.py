"""Which way of quantising a checkpoint has, by its config and by its tensors, and its plain numbers."""

from collections.abc import Mapping
from typing import Any

from core.errors import ModelError
from core.model.loading.files import TYPES, StoredTensor
from core.model.loading.fitting import COMPUTED
from core.model.loading.quantised import bitsandbytes, floats, integers
from core.model.loading.quantised.plain import PlainTensor
from core.schema import Note

Tensors = Mapping[str, StoredTensor | PlainTensor]
WHOLE = ("F64", "F32", "F16", "BF16")
"""Types of weights that are not quantised."""

BITS = (2, 4, 8)
"""Sizes of packed integers that fill a word of 32 bits evenly."""


def plain_tensors(config: Any, stored: Mapping[str, StoredTensor], name: str) -> tuple[Tensors, list[Note]]:
    """The tensors of a checkpoint as plain numbers, with a note where that is not what lies there or what config says.

    The config's quantisation is taken out, so that a plain model is built from it. Raises ModelError for a checkpoint
    whose plain numbers cannot be had.
    """
    settings = _taken_out(config)
    method = _name_of(settings)
    packed = [key for key, tensor in stored.items() if tensor.dtype not in WHOLE and not COMPUTED.search(key)]
    if not packed:
        scales = [key for key in stored if key.endswith((".SCB", "_scale_inv", ".weight_scale"))]
        if not scales:
            return stored, [Note(key="quantised_but_plain", values={"method": method})] if method else []
    method = method or _guessed(stored)
    tensors = _by_method(method, settings, stored, name)
    left = [
        key
        for key, tensor in tensors.items()
        if isinstance(tensor, StoredTensor) and tensor.dtype not in WHOLE and not COMPUTED.search(key)
    ]
    if left:
        kinds = ", ".join(sorted({str(stored[key].dtype) for key in left}))
        raise ModelError("quantised_unknown", name=name, method=method or "?", detail=f"{left[0]}: {kinds}")
    return tensors, [Note(key="dequantised", values={"method": method})]


def _taken_out(config: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for part in {id(part): part for part in (config, config.get_text_config())}.values():
        stated = getattr(part, "quantization_config", None)
        if stated is not None:
            settings = dict(stated if isinstance(stated, Mapping) else stated.to_dict())
            del part.quantization_config
    return settings


def _name_of(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    method = str(settings.get("quant_method") or "?").rpartition(".")[2].lower().replace("_", "-")
    four_or_eight = settings.get("load_in_4bit") or settings.get("load_in_8bit")
    return (
        "bitsandbytes" if method.startswith("bitsandbytes") or (four_or_eight and method == "?") else method
    )


def _guessed(stored: Mapping[str, StoredTensor]) -> str:
    """The method by the names of tensors, where the config is silent."""
    if any(key.endswith(".SCB") or bitsandbytes.STATE in key for key in stored):
        return "bitsandbytes"
    if any(key.endswith("_scale_inv") for key in stored):
        return "fp8"
    if any(key.endswith(".weight_packed") for key in stored):
        return "compressed-tensors"
    return ""


def _by_method(
    method: str, settings: Mapping[str, Any], stored: Mapping[str, StoredTensor], name: str
) -> Tensors:
    if method == "bitsandbytes":
        return bitsandbytes.plain(stored)
    if method in ("fp8", "fbgemm-fp8"):
        return floats.plain(stored, settings.get("weight_block_size") or (128, 128))
    if method == "mxfp4":
        return floats.unpacked(stored)
    if method == "gptq":
        _check_bits(settings, name, method)
        return integers.gptq(stored, settings)
    if method == "awq":
        version = str(settings.get("version", "gemm")).lower()
        if version != "gemm" or int(settings.get("bits", settings.get("w_bit", 4))) != 4:
            raise ModelError("quantised_unknown", name=name, method=method, detail=f"version {version}")
        return integers.awq(stored, settings)
    if method == "compressed-tensors":
        return _compressed(settings, stored, name)
    raise ModelError("quantised_unknown", name=name, method=method or "?", detail=_kinds(stored))


def _compressed(settings: Mapping[str, Any], stored: Mapping[str, StoredTensor], name: str) -> Tensors:
    groups = dict(settings.get("config_groups") or {})
    weights = [dict(group.get("weights") or {}) for group in groups.values()]
    bits = {int(group.get("num_bits") or 0) for group in weights}
    if any(key.endswith(".weight_packed") for key in stored):
        kinds = {str(group.get("type", "int")) for group in weights}
        if len(bits) != 1 or not bits <= set(BITS) or kinds != {"int"}:
            detail = f"{settings.get('format', '?')}, {', '.join(map(str, sorted(bits)))} bits"
            raise ModelError("quantised_unknown", name=name, method="compressed-tensors", detail=detail)
        return integers.compressed(stored, bits.pop())
    if any(tensor.dtype == "I8" for tensor in stored.values()):
        return integers.rows(stored)
    block = next((group["block_structure"] for group in weights if group.get("block_structure")), ())
    return floats.plain(stored, block)


def _check_bits(settings: Mapping[str, Any], name: str, method: str) -> None:
    if int(settings.get("bits", 4)) not in BITS:
        raise ModelError("quantised_unknown", name=name, method=method, detail=f"{settings.get('bits')} bits")


def _kinds(stored: Mapping[str, StoredTensor]) -> str:
    return ", ".join(sorted({tensor.dtype for tensor in stored.values()} - set(WHOLE))) or ", ".join(TYPES)
