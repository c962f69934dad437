"""Sections of a measurement, one after the other within a time; what is over its time is stopped and says so.

A section is a generator of rows. It is stopped between two modules of a model (`core.model.interruption`), so that the
rows that it has given stay.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.benchmark.gpu.sizes import Sizes
from core.errors import HeadlightError
from core.model.interruption import interruptible

State = Literal["measured", "stopped", "skipped", "failed"]


@dataclass(frozen=True)
class Row:
    """One number: what was measured on which case.

    `bound` is the most that `value` may be, or the least where `least` is set; None where the number is only told.
    """

    case: str
    quantity: str
    value: float
    bound: float | None = None
    least: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether the value keeps its bound; None without one. A value that is no number keeps none."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound


@dataclass(frozen=True)
class Section:
    """Rows that belong together, and the seconds that they may take."""

    name: str
    seconds: float
    rows: Callable[[str, Sizes], Iterator[Row]]


@dataclass
class Measured:
    """What came of a section; `reason` says why it is not whole."""

    name: str
    state: State = "measured"
    reason: str = ""
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every row keeps its bound and none is missing through a failure."""
        return self.state != "failed" and all(row.holds is not False for row in self.rows)


class _OutOfTime(Exception):  # noqa: N818 - no error
    """The time of a section is over."""


def measure(
    sections: Sequence[Section],
    device: str,
    sizes: Sizes,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Measured]:
    """Measure the sections in their order within so many seconds.

    A section may take its own time, or what is left; what an earlier one left unused is not added to it.
    """
    end = clock() + seconds
    for section in sections:
        began = clock()
        measured = Measured(section.name)
        allowed = min(section.seconds, end - began)
        if allowed <= 0:
            measured.state, measured.reason = "skipped", "no time was left"
        else:
            _fill(measured, section.rows(device, sizes), began + allowed, allowed, clock)
        measured.seconds = round(clock() - began, 1)
        yield measured


def _fill(
    measured: Measured, rows: Iterator[Row], deadline: float, allowed: float, clock: Callable[[], float]
) -> None:
    def look() -> None:
        if clock() >= deadline:
            raise _OutOfTime

    try:
        with interruptible(look):
            for row in rows:
                measured.rows.append(row)
                look()
    except _OutOfTime:
        measured.state, measured.reason = "stopped", f"it took longer than its {allowed:.0f} seconds"
    except (HeadlightError, RuntimeError, ValueError) as error:
        measured.state, measured.reason = "failed", " ".join(f"{type(error).__name__}: {error}".split())
