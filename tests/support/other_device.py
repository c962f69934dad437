"""A GPU played by torch's meta device: tensors there hold no numbers, and what mixes devices fails as on a GPU."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
_NUMBERS = (aten._local_scalar_dense.default, aten.is_nonzero.default)
"""What asks a tensor for its number; the second in inference mode."""


class OtherDevice(TorchDispatchMode):
    """Inside, tensors of the meta device can be brought to the CPU, as zeros, and must not meet those of the CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _NUMBERS and args[0].is_meta:
            return torch.zeros((), dtype=args[0].dtype).item()
        if func._schema.name in ("aten::_to_copy", "aten::to"):
            target = kwargs.get("device")
            if args[0].is_meta and target is not None and torch.device(target).type == "cpu":
                return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
            return func(*args, **kwargs)
        if func is aten.copy_.default:
            return args[0] if args[1].is_meta and not args[0].is_meta else func(*args, **kwargs)
        # numbers, and indices, may lie on the CPU
        together = (
            [args[0], *args[2:3]] if func in (aten.index.Tensor, aten.index_put_.default) else [args, kwargs]
        )
        tensors = [leaf for leaf in tree_leaves(together) if isinstance(leaf, Tensor) and leaf.ndim]
        if len({tensor.device.type for tensor in tensors}) > 1:
            places = [f"{tuple(tensor.shape)} on {tensor.device}" for tensor in tensors]
            raise RuntimeError(f"{func} mixes devices: {', '.join(places)}")
        return func(*args, **kwargs)
