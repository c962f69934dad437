"""A model that lies on several devices: where its parts run, and their weights where these are put aside.

accelerate gives the parts of a model that does not fit one device to several GPUs, to the CPU and to the disk. A module
whose weights are put aside holds tensors without values until it runs; whoever reads a weight asks for it here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.model.memory.available import available_bytes
from core.model.memory.plan import SHORT, Sizes, parts_of

SPARE = 0.9
"""Share of the free memory of a device that weights may take; activations and the driver need the rest."""


@contextmanager
def in_place(module: Any) -> Iterator[Any]:
    """The module with its weights in memory, also where they were put aside."""
    if module is None or getattr(module, "_hf_hook", None) is None:
        yield module
        return
    from accelerate.utils import align_module_device

    with align_module_device(module):
        yield module


def running_device(module: Any) -> torch.device:
    """The device on which a module with weights runs."""
    device: torch.device = module.weight.device
    if device.type != "meta":
        return device
    hook = getattr(module, "_hf_hook", None)
    for one in getattr(hook, "hooks", [hook]):
        if getattr(one, "execution_device", None) is not None:
            return torch.device(one.execution_device)
    return device


def parameters_in_place(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Every parameter by its name with its values, module by module."""
    for prefix, module in model.named_modules():
        if not module._parameters:
            continue
        with in_place(module):
            for name, parameter in module.named_parameters(recurse=False):
                yield f"{prefix}.{name}" if prefix else name, parameter


def spread(shape: Sizes, precision: str) -> dict[str, Any] | None:
    """How transformers is asked to spread a model that fits no single GPU over all of them and the CPU.

    None where it fits nowhere together.
    """
    parts = parts_of(shape, precision, SHORT)
    free: dict[int | str, int] = {
        number: int(SPARE * available_bytes(torch.device("cuda", number)))
        for number in range(torch.cuda.device_count())
    }
    room = {number: max(0, size - parts.beside_weights) for number, size in free.items()}
    room["cpu"] = max(0, int(SPARE * available_bytes(torch.device("cpu"))) - parts.beside_weights)
    if not free or sum(room.values()) < parts.weights:
        return None
    return {"device_map": "auto", "max_memory": room}
