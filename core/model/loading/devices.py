"""The device that a model is read on."""

import torch

from core.errors import ModelError


def resolve_device(device: str = "auto") -> torch.device:
    """The device of a name; auto takes a GPU where there is one. Raises ModelError for one not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_device", device=device)
    return torch.device(device)
