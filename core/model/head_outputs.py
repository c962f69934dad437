"""Head outputs R_h z_h of texts: what each head adds to the residual stream, in d_head coordinates.

R_h comes from W_O,hᵀ = Q R, so lengths and angles are those of z_h W_O,h (`LoadedModel.head_frames`).
"""

import numpy as np
import torch
from torch import Tensor

from core.model.recording import Recording


def head_outputs(recording: Recording, positions: np.ndarray) -> Tensor:
    """Head outputs (text, slot, n_layers * n_heads, d_head), float32 on the CPU.

    `positions` (text, slot) are those with which the recording was made; MEAN averages over a text.
    """
    loaded, shape = recording.loaded, recording.loaded.shape
    frames = loaded.head_frames().unflatten(0, (shape.n_layers, shape.n_heads)).to(loaded.device)
    rows = []
    for text, places in enumerate(positions.tolist()):
        z = recording.z_at(text, places).to(frames)
        layers = [torch.einsum("hij,phj->phi", *layer) for layer in zip(frames, z, strict=True)]
        rows.append(torch.cat(layers, dim=1).cpu())
    return torch.stack(rows)
