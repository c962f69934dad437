"""Checks of the model that was made of weights."""

from typing import Any

import torch
from torch import nn

from core.errors import ModelError
from core.model.interruption import stop_point
from core.model.memory import parameters_in_place

CHECKED = 2**22
"""Numbers that are looked at together."""


def check_loaded(model: nn.Module, info: Any, source: str) -> None:
    """Raise ModelError where weights are missing, have another shape, or are no numbers."""
    missing = sorted(info.get("missing_keys") or [])
    if missing:
        raise ModelError("weights_missing", name=source, count=len(missing), example=missing[0])
    mismatched = sorted(str(key) for key in info.get("mismatched_keys") or [])
    if mismatched:
        raise ModelError("bad_weights", name=source, detail=f"shape of {mismatched[0]}")
    for name, parameter in parameters_in_place(model):
        stop_point()
        if not all_finite(parameter):
            raise ModelError("bad_numbers", example=name)


def all_finite(values: torch.Tensor) -> bool:
    """Whether all are numbers; looked at in parts, so that no copy of large weights is made."""
    flat = values.detach().reshape(-1)
    return all(bool(torch.isfinite(part).all()) for part in flat.split(CHECKED))
