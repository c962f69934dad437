"""Memory that does not suffice, told apart from other failures and turned into one error that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from core.errors import ModelError

_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed")
"""What plain RuntimeErrors of torch say: of CUDA's libraries, of its allocator on the CPU on Linux and on Windows."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, ModelError):
        return error.key == "out_of_memory"
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


@contextmanager
def memory_errors(device: torch.device | str) -> Iterator[None]:
    """Raise ModelError where what runs inside needs more memory than the device has."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # without the chain of frames, whose tensors would stay in memory
        raise ModelError("out_of_memory", device=device) from None
