"""The device that a model is read on."""

import torch

from core.errors import ModelError
from core.model.loading import apple
from core.schema import Note


def resolve_device(device: str = "auto") -> torch.device:
    """The device of a name; raises ModelError for one not there.

    auto takes a GPU of NVIDIA or AMD where there is one, else Apple's where its numbers are those of the CPU.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if apple.there() and apple.refusal() is None else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_device", device=device)
    return torch.device(device)


def device_notes(device: str = "auto") -> list[Note]:
    """Why a model is not read on a device that is there."""
    asked = device == "auto" and not torch.cuda.is_available() and apple.there()
    note = apple.refusal() if asked else None
    return [] if note is None else [note]
