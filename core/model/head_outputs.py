"""Head outputs of a model on examples, through the cache.

A forward pre-hook on every attention output projection reads its input z, cut by query head, and turns it into
the head output R_h z_h (float32): the head's contribution to the residual stream in d_head coordinates. Texts
are padded on the right with a mask, which changes nothing for a decoder's earlier positions.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import ModelError
from core.examples.alignment import MEAN
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel

CAPTURE_VERSION = 1
BATCH_TOKENS = 4096
"""Tokens, with padding, that one forward pass reads."""

ALL_POSITIONS_LIMIT = 2 * 2**30
"""Bytes. Below this every position of a text is kept, so that a changed neighbour recomputes nothing."""


@dataclass(frozen=True)
class Captured:
    """Head outputs (example, slot, n_layers * n_heads, d_head), float32 on the CPU, and what they cost."""

    outputs: Tensor
    forward_passes: int
    cached_texts: int


def capture(
    loaded: LoadedModel,
    ids: Sequence[Sequence[int]],
    positions: np.ndarray,
    store: ActivationStore | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Captured:
    """Head outputs at `positions` (example, slot) of texts given as token ids; MEAN averages over a text.

    A text that the store knows makes no forward pass. Raises ModelError for NaN, naming text and layer.
    """
    wanted = _wanted(loaded, ids, positions)
    keys = [_key(loaded, text, spec) for text, spec in zip(ids, wanted, strict=True)]
    found: list[Tensor | None] = [store.get(key) if store is not None else None for key in keys]
    missing = [index for index, values in enumerate(found) if values is None]
    passes = 0
    for done, batch in _captured_batches(loaded, ids, wanted, missing):
        passes += 1
        for index, values in batch:
            found[index] = values
        if store is not None:
            with store.batch():
                for index, values in batch:
                    store.put(keys[index], values)
        if progress:
            progress(done, len(missing))
    outputs = [_pick(values, spec, at) for values, spec, at in zip(found, wanted, positions, strict=True)]
    return Captured(torch.stack(outputs), passes, len(ids) - len(missing))


def batches_of(lengths: Sequence[int], indices: Sequence[int], budget: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices in batches of similar length whose padded size stays below the budget of tokens."""
    batches: list[list[int]] = []
    for index in sorted(indices, key=lambda i: lengths[i], reverse=True):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def pad(texts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask (text, position), padded on the right."""
    width = max(len(text) for text in texts)
    ids = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros(len(texts), width, dtype=torch.long)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids.to(device), mask.to(device)


@contextmanager
def reading_heads(loaded: LoadedModel, read: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Call `read(layer, z)` with z (text, position, n_heads, d_head) at each layer of a forward pass."""
    handles = []

    def hook(layer: int) -> Callable[..., None]:
        def before(_module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
            z = inputs[0]
            read(layer, z.reshape(*z.shape[:-1], loaded.shape.n_heads, loaded.shape.d_head))

        return before

    try:
        for layer in range(loaded.shape.n_layers):
            handles.append(loaded.projection(layer).register_forward_pre_hook(hook(layer)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _captured_batches(
    loaded: LoadedModel, ids: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]], missing: Sequence[int]
) -> Iterator[tuple[int, list[tuple[int, Tensor]]]]:
    if not missing:
        return
    frames = loaded.head_frames().reshape(
        loaded.shape.n_layers, loaded.shape.n_heads, *[loaded.shape.d_head] * 2
    )
    done = 0
    for batch in batches_of([len(text) for text in ids], missing):
        rows = _run_batch(loaded, frames, [ids[i] for i in batch], [wanted[i] for i in batch], batch)
        done += len(batch)
        yield done, list(zip(batch, rows, strict=True))


@torch.inference_mode()
def _run_batch(
    loaded: LoadedModel,
    frames: Tensor,
    texts: Sequence[Sequence[int]],
    wanted: Sequence[Sequence[int]],
    names: Sequence[int],
) -> list[Tensor]:
    """Head outputs (wanted position, n_layers * n_heads, d_head) of each text of one padded batch."""
    token_ids, mask = pad(texts, loaded.device)
    per_layer: list[list[Tensor]] = []

    def read(layer: int, z: Tensor) -> None:
        rotation = frames[layer].to(z.device)
        rows = []
        for row, (text, spec) in enumerate(zip(texts, wanted, strict=True)):
            own = z[row, : len(text)].float()
            chosen = _at(own, spec)
            rows.append(torch.einsum("hij,phj->phi", rotation, chosen).cpu())
            if not bool(torch.isfinite(rows[-1]).all()):
                raise ModelError("bad_activations", layer=layer, line=names[row] + 1)
        per_layer.append(rows)

    with reading_heads(loaded, read):
        try:
            loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)
        except torch.OutOfMemoryError:
            raise ModelError("out_of_memory", device=loaded.device) from None
    return [torch.cat([rows[row] for rows in per_layer], dim=1) for row in range(len(texts))]


def _at(values: Tensor, spec: Sequence[int]) -> Tensor:
    """The wanted positions, MEAN as the mean over all, of (position, ...)."""
    if MEAN not in spec:
        return values[list(spec)]
    return torch.stack([values.mean(0) if position == MEAN else values[position] for position in spec])


def _wanted(
    loaded: LoadedModel, ids: Sequence[Sequence[int]], positions: np.ndarray
) -> list[tuple[int, ...]]:
    """Which positions are captured: all of them where memory allows and single positions are asked for."""
    shape = loaded.shape
    size = sum(map(len, ids)) * shape.n_layers * shape.n_heads * shape.d_head * 4
    chosen = [tuple(dict.fromkeys(row.tolist())) for row in positions]
    if (positions == MEAN).any() or positions.shape[1] == 1 or size > ALL_POSITIONS_LIMIT:
        return chosen
    return [tuple(range(len(text))) for text in ids]


def _pick(values: Tensor | None, spec: Sequence[int], at: np.ndarray) -> Tensor:
    assert values is not None
    return values[[spec.index(position) for position in at.tolist()]]


def _key(loaded: LoadedModel, text: Sequence[int], spec: Sequence[int]) -> str:
    """Weights, tokenizer, text (as ids), positions and capture version."""
    content = f"{CAPTURE_VERSION}|{loaded.weights_hash}|{loaded.tokenizer_hash}|{list(text)}|{list(spec)}"
    return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()
