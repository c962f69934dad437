"""Integers packed into 32-bit words: GPTQ, AWQ and compressed-tensors.

w = scale of the group * (q - zero of the group). GPTQ (Frantar et al. 2023) packs along the inputs and stores zeros
less one (its second format the zeros themselves); `g_idx` gives the group of each input. AWQ (Lin et al. 2024) packs
along the outputs in the order of its kernels. compressed-tensors packs along the inputs, offset by half the range.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.model.loading.files import StoredTensor
from core.model.loading.quantised.plain import PlainTensor

AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)
"""Which nibble of a word holds its first, second … output."""

Tensors = dict[str, StoredTensor | PlainTensor]


def gptq(stored: Mapping[str, StoredTensor], settings: Mapping[str, Any]) -> Tensors:
    """The tensors of a checkpoint of GPTQ with every packed weight as a plain one."""
    bits, zero = int(settings.get("bits", 4)), 0 if settings.get("checkpoint_format") == "gptq_v2" else 1

    def weight(parts: Mapping[str, StoredTensor]) -> PlainTensor:
        words, outputs = parts["qweight"].shape
        inputs = words * 32 // bits

        def compute() -> Tensor:
            values = unpack(parts["qweight"][...], bits, axis=0)
            zeros = unpack(parts["qzeros"][...], bits, axis=1) + zero
            scales = parts["scales"][...].float()
            size = -(-inputs // scales.shape[0])
            group = parts["g_idx"][...].long() if "g_idx" in parts else torch.arange(inputs) // size
            return ((values - zeros[group]) * scales[group]).T.contiguous()

        return PlainTensor((outputs, inputs), compute)

    return _by_layer(stored, "qweight", ("qzeros", "scales", "g_idx"), weight)


def awq(stored: Mapping[str, StoredTensor], settings: Mapping[str, Any]) -> Tensors:
    """The tensors of a checkpoint of AWQ (version gemm) with every packed weight as a plain one."""
    bits = int(settings.get("bits", settings.get("w_bit", 4)))

    def weight(parts: Mapping[str, StoredTensor]) -> PlainTensor:
        inputs, words = parts["qweight"].shape
        outputs = words * 32 // bits

        def compute() -> Tensor:
            values = _in_order(unpack(parts["qweight"][...], bits, axis=1))
            scales = parts["scales"][...].float()
            zeros = _in_order(unpack(parts["qzeros"][...], bits, axis=1)) if "qzeros" in parts else 0
            size = inputs // scales.shape[0]
            group = torch.arange(inputs) // size
            shifted = values - (zeros[group] if isinstance(zeros, Tensor) else zeros)
            return (shifted * scales[group]).T.contiguous()

        return PlainTensor((outputs, inputs), compute)

    return _by_layer(stored, "qweight", ("qzeros", "scales"), weight)


def compressed(stored: Mapping[str, StoredTensor], bits: int) -> Tensors:
    """The tensors of a packed checkpoint of compressed-tensors with every packed weight as a plain one."""

    def weight(parts: Mapping[str, StoredTensor]) -> PlainTensor:
        outputs, inputs = (int(size) for size in parts["weight_shape"][...])

        def compute() -> Tensor:
            values = unpack(parts["weight_packed"][...], bits, axis=1)[:, :inputs] - (1 << (bits - 1))
            scales = parts["weight_scale"][...].float().reshape(outputs, -1)
            size = -(-inputs // scales.shape[1])
            group = (
                parts["weight_g_idx"][...].long() if "weight_g_idx" in parts else torch.arange(inputs) // size
            )
            if "weight_zero_point" in parts:
                zeros = unpack(parts["weight_zero_point"][...], bits, axis=0)[:outputs] - (1 << (bits - 1))
                values = values - zeros[:, group]
            return values * scales[:, group]

        return PlainTensor((outputs, inputs), compute)

    beside = ("weight_scale", "weight_shape", "weight_zero_point", "weight_g_idx")
    return _by_layer(stored, "weight_packed", beside, weight)


def rows(stored: Mapping[str, StoredTensor]) -> Tensors:
    """The tensors of a checkpoint of 8-bit integers with a scale and maybe a zero a row."""

    def weight(parts: Mapping[str, StoredTensor]) -> PlainTensor:
        shape = parts["weight"].shape

        def compute() -> Tensor:
            values = parts["weight"][...].float()
            if "weight_zero_point" in parts:
                values = values - parts["weight_zero_point"][...].float().reshape(-1, 1)
            return values * parts["weight_scale"][...].float().reshape(-1, 1)

        return PlainTensor(shape, compute)

    return _by_layer(stored, "weight", ("weight_scale", "weight_zero_point"), weight, needed="weight_scale")


def _by_layer(
    stored: Mapping[str, StoredTensor], packed: str, beside: tuple[str, ...], weight: Any, needed: str = ""
) -> Tensors:
    """Put `weight(parts)` in place of each layer's packed tensor, and leave out what stands beside it."""
    layers = {name.rpartition(".")[0] for name in stored if name.rpartition(".")[2] == packed}
    layers = {layer for layer in layers if not needed or f"{layer}.{needed}" in stored}
    tensors: Tensors = {}
    for name, tensor in stored.items():
        layer, _, last = name.rpartition(".")
        if layer in layers and last == packed:
            names = [key for key in (packed, *beside) if f"{layer}.{key}" in stored]
            tensors[f"{layer}.weight"] = weight({key: stored[f"{layer}.{key}"] for key in names})
        elif not (layer in layers and last in beside):
            tensors[name] = tensor
    return tensors


def unpack(words: Tensor, bits: int, axis: int) -> Tensor:
    """The values of 2, 4 or 8 bits in 32-bit words, the lowest bits first, along an axis of a matrix."""
    shifts = torch.arange(0, 32, bits)
    values = (words.long().unsqueeze(-1) >> shifts) & ((1 << bits) - 1)  # row, column, value of the word
    if axis == 0:
        return values.transpose(1, 2).reshape(-1, words.shape[1])
    return values.reshape(words.shape[0], -1)


def _in_order(values: Tensor) -> Tensor:
    """Columns in the order of the outputs, from that of AWQ's kernels."""
    return values.unflatten(1, (-1, len(AWQ_ORDER)))[:, :, list(AWQ_ORDER)].flatten(1)
