"""Matrix products of a model's linear layers on the processor by oneDNN, which PyTorch brings along.

PyTorch gives products in float32 to MKL, which on processors that are not Intel's leaves their widest instructions
unused: on an AMD EPYC oneDNN is 2.2 times as fast for every size measured (8 to 1024 rows, 576 x 192 to 768 x 2304).
Results are the same up to the rounding of float32. Weights stay as they are; nothing is packed or copied. Gradients
pass to the input alone, since the weights of an analysed model never ask for any.
"""

import platform
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

FEWEST_WEIGHTS = 2**16
"""Below, a product takes less time than finding the routine for it."""

PROBE = 1e-4
"""By how much a product may differ from PyTorch's own, as a share of its largest number."""


def use_onednn(model: nn.Module) -> None:
    """Let every plain linear layer of a model take its products by oneDNN where they are in float32 on this processor.

    Layers whose forward pass somebody else has changed already are left alone.
    """
    if not usable():
        return
    for module in model.modules():
        plain = type(module) in (nn.Linear, Conv1D) and "forward" not in vars(module)
        if plain and module.weight.numel() >= FEWEST_WEIGHTS:  # type: ignore[operator]
            module.forward = partial(_forward, module)


@cache
def usable() -> bool:
    """Whether there is such a routine here, and whether it gives what PyTorch's own product gives."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    weight, given = (torch.randn(count, 64, generator=generator) for count in (48, 7))
    own = nn.functional.linear(given, weight)
    try:
        product = _product(given, weight, None)
    except (AttributeError, RuntimeError, TypeError):
        return False  # another build or version of PyTorch, without the routine or with another signature
    return bool((product - own).abs().max() <= PROBE * own.abs().max())


def _forward(module: Any, given: Tensor) -> Tensor:
    weight = module.weight
    here = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in (given, weight))
    if not here or weight.requires_grad or not given.numel():
        result: Tensor = type(module).forward(module, given)
        return result
    if isinstance(module, Conv1D):
        weight = weight.t()
    if torch.is_grad_enabled() and given.requires_grad:
        through: Tensor = _Product.apply(given, weight, module.bias)
        return through
    return _product(given, weight, module.bias)


def _product(given: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """given @ weight.T + bias."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
    return product


class _Product(torch.autograd.Function):
    """The same with a gradient with respect to what is given."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return _product(given, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return _product(gradients[0].contiguous(), weight.t(), None), None, None
