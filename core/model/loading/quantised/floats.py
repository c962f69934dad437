"""8-bit floats with a scale a tensor, a row, a group or a block of the weight, and MXFP4 of GPT-OSS.

FP8: w = q * scale. Fine-grained checkpoints (DeepSeek-V3 report, section 3.3.2) store it as `weight_scale_inv` by
blocks of, for example, 128 × 128; compressed-tensors and FBGEMM as `weight_scale`. MXFP4 (OCP Microscaling, section 5):
blocks of 32 values of 4 bits with a power of two each; transformers' own function unpacks them.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from core.model.loading.files import StoredTensor
from core.model.loading.quantised.plain import PlainTensor

SCALES = ("_scale_inv", "_scale")
BESIDE = ("input_scale", "activation_scale", "output_scale", "k_scale", "v_scale", "input_scale_ub")
"""Scales of activations, which the weights do not need."""


def plain(
    stored: Mapping[str, StoredTensor], blocks: Sequence[int] = ()
) -> dict[str, StoredTensor | PlainTensor]:
    """The tensors of a checkpoint with every weight that has a scale beside it multiplied by it.

    `blocks` are the rows and columns of a block, where the config tells them.
    """
    tensors: dict[str, StoredTensor | PlainTensor] = {}
    scales = {name + ending for name in stored for ending in SCALES if name + ending in stored}
    for name, tensor in stored.items():
        if name in scales or name.endswith(BESIDE):
            continue
        scale = next((name + ending for ending in SCALES if name + ending in stored), "")
        tensors[name] = _scaled(tensor, stored[scale], blocks) if scale else tensor
    return tensors


def _scaled(weight: StoredTensor, scale: StoredTensor, blocks: Sequence[int]) -> PlainTensor:
    def compute() -> Tensor:
        return weight[...].float() * spread(scale[...].float(), weight.shape, blocks)

    return PlainTensor(weight.shape, compute)


def spread(scale: Tensor, shape: tuple[int, ...], blocks: Sequence[int] = ()) -> Tensor:
    """Scales of blocks, each repeated over its block, so that they multiply a weight of this shape.

    The last block of an axis may be smaller than the others; the sizes of `blocks` belong to the last axes.
    """
    if scale.numel() == 1:
        return scale.reshape(())
    if scale.dim() == len(shape) - 1:
        scale = scale.unsqueeze(-1)
    sizes = (0,) * (len(shape) - len(blocks)) + tuple(blocks)
    for axis, (size, block) in enumerate(zip(shape, sizes, strict=True)):
        count = scale.shape[axis]
        if count not in (1, size):
            length = block if block and -(-size // block) == count else size // count
            scale = scale.repeat_interleave(length, dim=axis).narrow(axis, 0, size)
    return scale


def unpacked(stored: Mapping[str, StoredTensor]) -> dict[str, StoredTensor | PlainTensor]:
    """The tensors of a checkpoint with blocks and scales of MXFP4 as the weights of the experts."""
    tensors: dict[str, StoredTensor | PlainTensor] = {}
    for name, tensor in stored.items():
        plain_name = name.removesuffix("_blocks")
        if name.endswith("_scales") and name.removesuffix("_scales") + "_blocks" in stored:
            continue
        if name == plain_name:
            tensors[name] = tensor
        else:
            experts, rows, groups, size = tensor.shape
            tensors[plain_name] = _experts(
                tensor, stored[f"{plain_name}_scales"], (experts, groups * size * 2, rows)
            )
    return tensors


def _experts(blocks: StoredTensor, scales: StoredTensor, shape: tuple[int, ...]) -> PlainTensor:
    return PlainTensor(shape, lambda: convert_moe_packed_tensors(blocks[...], scales[...]))
