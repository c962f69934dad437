"""The lookup by which attention modules of transformers find the function that computes attention, answered anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def answered_lookup(wrapped: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Let every lookup inside answer with `wrapped` of the function that it would answer with.

    Contexts can be nested; one entered later is called first. The name of the implementation stays what it was.
    """
    from transformers import AttentionInterface

    usual = AttentionInterface.get_interface

    def lookup(self: Any, *names: Any, **named: Any) -> Any:
        return wrapped(usual(self, *names, **named))

    AttentionInterface.get_interface = lookup  # type: ignore[method-assign]
    try:
        yield
    finally:
        AttentionInterface.get_interface = usual  # type: ignore[method-assign]
