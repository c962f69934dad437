"""What heads write: z_h as recorded in plain passes, and head outputs R_h z_h (`LoadedModel.head_frames`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.errors import ModelError
from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model.loaded_model import LoadedModel

if TYPE_CHECKING:
    from core.model.recording import Recording

Spec = tuple[int, ...] | None
"""Positions of a text that are kept, MEAN and less for means over tokens; None for every position."""


def head_outputs(recording: "Recording", positions: np.ndarray) -> Tensor:
    """Head outputs (text, slot, head, d_head), float32 on the CPU, 0 beyond a smaller head's own size.

    `positions` (text, slot) are those with which the recording was made; MEAN and less average over tokens, and where
    they are ABSENT head outputs are NaN.
    """
    loaded = recording.loaded
    every = loaded.head_frames().to(loaded.device)
    frames: Sequence[Tensor] = ()
    present = torch.from_numpy(positions != ABSENT)
    outputs = torch.full((*positions.shape, *every.shape[:2]), torch.nan)
    for text, places in enumerate(positions.tolist()):
        z = recording.z_at(text, [place for place in places if place != ABSENT])
        frames = frames or every.split([of_layer.shape[1] for of_layer in z])
        layers = [
            torch.einsum("hij,phj->phi", frame[..., : of_layer.shape[-1]], of_layer.to(frame))
            for frame, of_layer in zip(frames, z, strict=True)
        ]
        outputs[text, present[text]] = torch.cat(layers, dim=1).cpu()
    return outputs


class ZRecorder:
    """z of every head in one padded pass; `texts` are the numbers by which an error names the rows."""

    def __init__(
        self, loaded: LoadedModel, lengths: Sequence[int], specs: Sequence[Spec], texts: Sequence[int]
    ) -> None:
        self._lengths, self._specs, self._texts = lengths, specs, texts
        # what layers without heads are left with
        self._layers = [
            [
                torch.zeros(length if spec is None else len(spec), 0, 0)
                for length, spec in zip(lengths, specs, strict=True)
            ]
            for _ in range(loaded.shape.n_layers)
        ]

    def keep(self, layer: int, z: Tensor) -> None:
        """Take z (row, position, head, d_head) of a layer; raises ModelError where it is not finite."""
        rows = []
        for text, own, length, spec in zip(
            self._texts, z.detach().cpu(), self._lengths, self._specs, strict=True
        ):
            if not bool(torch.isfinite(own[:length]).all()):
                raise ModelError("bad_activations", layer=layer, line=text + 1)
            rows.append(own[:length].clone() if spec is None else at(own[:length], spec))
        self._layers[layer] = rows

    def rows(self) -> list[list[Tensor]]:
        """By layer (position, head, d_head) of each text."""
        return [list(layers) for layers in zip(*self._layers, strict=True)]


def at(values: Tensor, spec: Sequence[int]) -> Tensor:
    """The positions of a spec of (position, ...), MEAN - n as the mean from position n on."""
    if min(spec, default=0) > MEAN:
        return values[list(spec)]
    return torch.stack([values[p] if p > MEAN else values[MEAN - p :].mean(0) for p in spec])
