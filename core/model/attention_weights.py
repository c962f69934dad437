"""Attention weights of every head on the examples, at the positions that are compared, through the cache.

Attention runs in its eager form meanwhile, since the fused one returns no weights. What is kept is the mean over the
texts: how much of a head's attention at one slot goes to another. Where memory allows, the cache holds all positions
of a text, so that a changed neighbour recomputes nothing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from core.examples.alignment import MEAN
from core.model.activation_store import ActivationStore
from core.model.head_outputs import BATCH_TOKENS, batches_of, pad
from core.model.hooks import after
from core.model.loaded_model import LoadedModel

ATTENTION_VERSION = 1
MOST_WEIGHTS = 2**28
"""Attention weights of one layer that a forward pass may hold."""
ALL_POSITIONS_LIMIT = 2**28
"""Bytes. Below this the weights between all positions of every text are kept."""

SLOT_WEIGHTS = 2**26
"""Attention weights between slots, of all heads, that a run may hold."""

State = Literal["computed", "over_text", "one_position", "too_long", "no_weights", "not_finite", "memory"]
Spec = tuple[int, ...] | None
"""Positions of a text whose weights are kept, None for all."""


@dataclass(frozen=True)
class Attention:
    """Mean over the texts of attention weights (layer, head, query slot, key slot), float32 on the CPU.

    None where `state` says that there are none; `over_text` where a slot is a mean over the text. Such a slot looks as
    its tokens do on average, and is looked at as much as all of them together.
    """

    state: State
    weights: Tensor | None = None
    forward_passes: int = 0


def mean_attention(
    loaded: LoadedModel,
    ids: Sequence[Sequence[int]],
    positions: np.ndarray,
    store: ActivationStore | None = None,
) -> Attention:
    """Attention between `positions` (example, slot) of texts given as token ids; MEAN stands for the whole text.

    A text that the store knows makes no forward pass.
    """
    if positions.shape[1] < 2:
        return Attention("one_position")
    shape = loaded.shape
    longest = max(map(len, ids))
    heads = shape.n_layers * shape.n_heads
    slots = positions.shape[1]
    if longest**2 * shape.n_heads > MOST_WEIGHTS or slots**2 * heads > SLOT_WEIGHTS:
        return Attention("too_long")
    whole = sum(len(text) ** 2 for text in ids) * heads * 2 <= ALL_POSITIONS_LIMIT
    specs: list[Spec] = [None if whole else tuple(row.tolist()) for row in positions]
    keys = [_key(loaded, text, spec) for text, spec in zip(ids, specs, strict=True)]
    # In double precision the order of the sum makes no difference, so a cached run equals the first one.
    total = torch.zeros(shape.n_layers, shape.n_heads, slots, slots, dtype=torch.float64)
    missing = []
    for i, (key, spec) in enumerate(zip(keys, specs, strict=True)):
        known = store.get(key) if store is not None else None
        if known is None:
            missing.append(i)
        else:
            total += _at_slots(known, spec, positions[i])
    budget = max(1, min(BATCH_TOKENS, MOST_WEIGHTS // (shape.n_heads * longest)))
    batches = batches_of([len(text) for text in ids], missing, budget)
    for done, batch in enumerate(batches, 1):
        try:
            rows = _run_batch(loaded, [ids[i] for i in batch], [specs[i] for i in batch])
        except torch.OutOfMemoryError:
            return Attention("memory", None, done)
        if rows is None:
            return Attention("no_weights", None, done)
        if not all(bool(torch.isfinite(row).all()) for row in rows):
            return Attention("not_finite", None, done)
        for i, row in zip(batch, rows, strict=True):
            total += _at_slots(row, specs[i], positions[i])
        if store is not None:
            with store.batch():
                for i, row in zip(batch, rows, strict=True):
                    store.put(keys[i], row)
    state: State = "over_text" if (positions == MEAN).any() else "computed"
    return Attention(state, (total / len(ids)).float(), len(batches))


@contextmanager
def eager_attention(loaded: LoadedModel) -> Iterator[None]:
    """Let attention be computed step by step, so that its weights can be read; then as before."""
    model, usual = loaded.model, loaded.model.config._attn_implementation
    try:
        _use(model, "eager")
        yield
    finally:
        _use(model, usual)


@torch.inference_mode()
def _run_batch(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], specs: Sequence[Spec]
) -> list[Tensor] | None:
    """Weights (layer, head, query, key), float16, of each text of a padded batch; None where the model gives none."""
    token_ids, mask = pad(texts, loaded.device)
    per_layer: list[list[Tensor]] = []

    def keep(_module: Any, output: Any) -> Any:
        weights = output[1] if isinstance(output, tuple) and len(output) > 1 else None
        if weights is not None:
            rows = []
            for row, (text, spec) in enumerate(zip(texts, specs, strict=True)):
                own = weights[row, :, : len(text), : len(text)].float().cpu()
                rows.append((own if spec is None else _between(own, np.array(spec))).half())
            per_layer.append(rows)
        return output

    with ExitStack() as stack:
        stack.enter_context(eager_attention(loaded))
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(after(loaded.attention(layer), keep))
        loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)
    if len(per_layer) != loaded.shape.n_layers:
        return None
    return [torch.stack([rows[row] for rows in per_layer]) for row in range(len(texts))]


def _at_slots(kept: Tensor, spec: Spec, positions: np.ndarray) -> Tensor:
    return _between(kept.float(), positions) if spec is None else kept.float()


def _between(weights: Tensor, positions: np.ndarray) -> Tensor:
    """Weights (..., slot, slot) from weights between all positions (..., query, key)."""
    average = positions == MEAN
    chosen = torch.from_numpy(np.where(average, 0, positions))
    queries = weights[..., chosen, :]
    if not average.any():
        return queries[..., chosen]
    over_text = torch.from_numpy(average)
    queries = torch.where(over_text[:, None], weights.mean(dim=-2, keepdim=True), queries)
    return torch.where(over_text, queries.sum(dim=-1, keepdim=True), queries[..., chosen])


def _key(loaded: LoadedModel, text: Sequence[int], spec: Spec) -> str:
    kept = "all" if spec is None else list(spec)
    content = (
        f"attention|{ATTENTION_VERSION}|{loaded.weights_hash}|{loaded.tokenizer_hash}|{list(text)}|{kept}"
    )
    return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()


def _use(model: Any, implementation: str) -> None:
    """Choose how attention is computed; Falcon follows its config but refuses the public way."""
    if model.config.model_type != "falcon":
        model.set_attn_implementation(implementation)
    else:
        model.config._attn_implementation = implementation
