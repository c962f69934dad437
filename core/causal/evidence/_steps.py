"""How far the evidence is: changed runs done, of those that are still to come as far as they are known."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from core.generators import relayed
from core.schema import Progress

_Value = TypeVar("_Value")


@dataclass
class Steps:
    """Changed runs done, of all that may come."""

    total: int
    done: int = 0

    def follow(self, running: Generator[int, None, _Value], runs: int) -> Generator[Progress, None, _Value]:
        """Progress records of a generator that yields how many of its `runs` are done."""
        value = yield from relayed(running, self._progress)
        self.done = min(self.total, self.done + runs)
        return value

    def _progress(self, step: int) -> Progress:
        return Progress("evidence", min(self.done + step, self.total), self.total)
