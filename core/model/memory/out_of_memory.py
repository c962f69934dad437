"""Memory that does not suffice: told apart from other failures, and turned into one error that says what to do."""

import functools
import gc
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

import torch

from core.errors import ModelError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed")
"""What plain RuntimeErrors of torch say: of CUDA's libraries, of its allocator on the CPU on Linux and on Windows."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, ModelError):
        return error.key in ("out_of_memory", "does_not_fit")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise ModelError `out_of_memory` where what runs inside needs more memory than there is."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # the frames of the failure hold its tensors, and the next run needs their memory
        traceback.clear_frames(error.__traceback__)
        free_memory()
        on_gpu = isinstance(error, torch.OutOfMemoryError) or "cuda" in str(error).lower()
        raise ModelError("out_of_memory", device="cuda" if on_gpu else "cpu") from None


def within_memory(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The boundary of the engine: a function, or generator function, whose memory errors are ModelErrors."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: Any, **named: Any) -> Any:
            with memory_errors():
                return (yield from function(*args, **named))

        return cast(Callable[Arguments, Result], generate)
    return memory_errors()(function)
