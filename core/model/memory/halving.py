"""Batches that are halved where memory does not suffice for them, so that the run goes on."""

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from core.errors import ModelError
from core.model.memory.out_of_memory import free_memory, is_out_of_memory


class Cut(Protocol):
    """What can be cut into parts: a sequence, or what has a length and gives its parts as one does."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


Batch = TypeVar("Batch", bound=Cut)
Result = TypeVar("Result")


def in_halves(
    batches: Iterable[Batch], work: Callable[[Batch], Result], cost: Callable[[Batch], int] = len
) -> Iterator[tuple[Batch, Result]]:
    """Every batch with what `work` makes of it; one that memory does not suffice for is done in halves.

    Later batches that `cost` more than such a half are halved beforehand, so that a failure is not met again. What
    `work` keeps of a batch must not change when it is called again for a part of it. Raises the error where a
    batch of one item does not fit.
    """
    waiting = deque(batches)
    most: int | None = None
    while waiting:
        batch = waiting.popleft()
        if most is not None and len(batch) > 1 and cost(batch) > most:
            waiting.extendleft(reversed(halves(batch)))
            continue
        try:
            result = work(batch)
        except (RuntimeError, MemoryError, ModelError) as error:
            if not is_out_of_memory(error) or len(batch) < 2:
                raise
            # the frames of the failure hold its tensors, and the halves need their memory
            traceback.clear_frames(error.__traceback__)
            most = cost(batch) // 2
            failed = True
        else:
            failed = False
        if failed:  # outside of the handler, where nothing refers to the failure any more
            free_memory()
            waiting.extendleft(reversed(halves(batch)))
        else:
            yield batch, result


def halves(batch: Batch) -> list[Batch]:
    """The two halves of a batch in their order, the first one not the shorter."""
    middle = (len(batch) + 1) // 2
    return [batch[:middle], batch[middle:]]
