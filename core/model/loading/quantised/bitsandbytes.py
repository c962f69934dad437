"""bitsandbytes: 8-bit rows with a scale each, 4-bit blocks with a scale each and a table of sixteen values.

8 bits (Dettmers et al. 2022, LLM.int8(), section 3): w = q * SCB / 127, SCB the largest size of the row.
4 bits (Dettmers et al. 2023, QLoRA, section 3): w = table[q] * absmax of the block; with double quantisation the absmax
are themselves 8-bit numbers of blocks of 256, around an offset. The first value of a byte is in its upper half.
"""

import json
from collections.abc import Mapping

import torch
from torch import Tensor

from core.model.loading.files import StoredTensor
from core.model.loading.quantised.plain import PlainTensor

STATE = ".quant_state.bitsandbytes__"
BESIDE = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map")


def plain(stored: Mapping[str, StoredTensor]) -> dict[str, StoredTensor | PlainTensor]:
    """The tensors of a checkpoint with every quantised weight as a plain one."""
    tensors: dict[str, StoredTensor | PlainTensor] = {}
    for name, tensor in stored.items():
        layer = name.rpartition(".")[0]
        if name.endswith((".SCB", ".weight_format")) or STATE in name or name.endswith(BESIDE):
            continue
        if f"{layer}.SCB" in stored and name.endswith(".weight"):
            tensors[name] = _eight(tensor, stored[f"{layer}.SCB"])
        elif state := next((key for key in stored if key.startswith(name + STATE)), ""):
            tensors[name] = _four(name, state, stored)
        else:
            tensors[name] = tensor
    return tensors


def _eight(weight: StoredTensor, scales: StoredTensor) -> PlainTensor:
    return PlainTensor(weight.shape, lambda: weight[...].float() * (scales[...].float() / 127).unsqueeze(-1))


def _four(name: str, state: str, stored: Mapping[str, StoredTensor]) -> PlainTensor:
    facts = json.loads(bytes(stored[state][...].tolist()))
    shape = tuple(facts["shape"])

    def compute() -> Tensor:
        parts = {key: stored[f"{name}.{key}"][...] for key in ("absmax", "quant_map")}
        absmax = parts["absmax"]
        if "nested_blocksize" in facts:
            nested = {key: stored[f"{name}.nested_{key}"][...] for key in ("absmax", "quant_map")}
            absmax = in_blocks(
                nested["quant_map"][absmax.long()], nested["absmax"], facts["nested_blocksize"]
            )
            absmax = absmax + facts["nested_offset"]
        packed = stored[name][...].reshape(-1).view(torch.uint8)
        codes = torch.stack([packed >> 4, packed & 15], dim=-1).reshape(-1)
        count = torch.Size(shape).numel()
        return in_blocks(
            parts["quant_map"].float()[codes.long()][:count], absmax, facts["blocksize"]
        ).reshape(shape)

    return PlainTensor(shape, compute)


def in_blocks(values: Tensor, scales: Tensor, size: int) -> Tensor:
    """A flat tensor, each block of `size` values times its scale; the last block may be shorter."""
    return values * scales.float().repeat_interleave(size)[: values.numel()]
