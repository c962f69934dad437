"""Generators that yield progress and return a result: run to their end, or passed on with other records."""

from collections.abc import Callable, Generator
from typing import TypeVar

Record = TypeVar("Record")
Other = TypeVar("Other")
Result = TypeVar("Result")


def result_of(running: Generator[Record, None, Result]) -> Result:
    """What a generator returns; its records are let go."""
    try:
        while True:
            next(running)
    except StopIteration as end:
        result: Result = end.value
        return result


def relayed(
    running: Generator[Record, None, Result], record: Callable[[Record], Other]
) -> Generator[Other, None, Result]:
    """Yield `record` of each record of a generator and return what it returns.

    Closing this generator closes the inner one, so that a cancelled stage lets go of its hooks and memory.
    """
    try:
        while True:
            yield record(next(running))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        running.close()
