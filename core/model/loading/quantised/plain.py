"""A tensor that is computed from stored ones when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class PlainTensor:
    """The plain numbers behind quantised ones: their shape, and how they are computed when indexed with `[...]`."""

    shape: tuple[int, ...]
    compute: Callable[[], Tensor]

    def __getitem__(self, _: Any) -> Tensor:
        return self.compute()
