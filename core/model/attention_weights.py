"""Attention weights of every head: read beside a plain pass, and their mean between the compared positions.

They say how much of a head's attention at one position goes to another.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model.head_outputs import Spec
from core.model.hooks import after
from core.model.loaded_model import LoadedModel

if TYPE_CHECKING:
    from core.model.recording import Recording

FUSED_WITH_WEIGHTS = "headlight_fused_with_weights"
MOST_WEIGHTS = 2**28
"""Attention weights of one layer that a forward pass may hold."""

AttentionState = Literal["computed", "one_position", "too_long", "no_weights", "memory"]
State = AttentionState | Literal["over_text", "not_finite"]


@dataclass(frozen=True)
class Attention:
    """Mean of attention weights (flat head, query slot, key slot) over the texts that have both slots, float32 on the
    CPU; 0 where none has both.

    None where `state` says that there are none; `over_text` where a slot is a mean over the text.
    """

    state: State
    weights: Tensor | None = None


def mean_attention(recording: "Recording", positions: np.ndarray) -> Attention:
    """Attention between `positions` (text, slot), with which the recording was made; MEAN and less are many tokens."""
    slots = positions.shape[1]
    present = torch.from_numpy(positions != ABSENT)
    # In double precision the order of the sum makes no difference, so a cached run equals the first one.
    total = torch.zeros(len(recording.loaded.heads), slots, slots, dtype=torch.float64)
    for text, places in enumerate(positions.tolist()):
        weights = recording.attention(text, [place for place in places if place != ABSENT])
        if weights is None:
            return Attention(recording.attention_state)
        both = torch.outer(present[text], present[text])
        total[..., both] += weights.flatten(1)
    if not bool(torch.isfinite(total).all()):
        return Attention("not_finite")
    over_text = bool((positions <= MEAN)[present.numpy()].any())
    texts = (present[:, :, None] & present[:, None, :]).sum(dim=0).clamp(min=1)
    return Attention("over_text" if over_text else "computed", (total / texts).float())


@contextmanager
def on_attention(loaded: LoadedModel, read: Callable[[Tensor], None]) -> Iterator[None]:
    """Call `read` with each layer's attention weights (row, head, query, key), in the order of the layers.

    The fused kernels return no weights, so these are computed beside them (`weights_beside`), or attention is computed
    step by step. Architectures whose attention returns none in that form either call nothing.
    """

    def keep(_module: Any, output: Any) -> Any:
        weights = output[1] if isinstance(output, tuple) and len(output) > 1 else None
        if weights is not None:
            read(weights)
        return output

    with ExitStack() as stack:
        fused = _usual(loaded) == "sdpa" and weights_beside(loaded)
        stack.enter_context(attention_by(loaded, _beside() if fused else "eager"))
        for layer in loaded.layers_with_heads:
            stack.enter_context(after(loaded.attention(layer), keep))
        yield


def weights_beside(loaded: LoadedModel) -> bool:
    """Whether a pass that reads attention weights gives, to the last bit, what a pass without them gives."""
    return _usual(loaded) == "eager" or (_usual(loaded) == "sdpa" and not _is_falcon(loaded))


class AttentionRecorder:
    """Attention weights of every head in one padded pass."""

    def __init__(self, lengths: Sequence[int], specs: Sequence[Spec]) -> None:
        self._lengths, self._specs = lengths, specs
        self._layers: list[list[Tensor]] = []

    @property
    def layers(self) -> int:
        """Layers that gave weights."""
        return len(self._layers)

    def keep(self, weights: Tensor) -> None:
        """Take weights (row, head, query, key) of the next layer."""
        rows = []
        for own, length, spec in zip(weights.detach().cpu(), self._lengths, self._specs, strict=True):
            whole = own[:, :length, :length]
            rows.append((whole if spec is None else between(whole.float(), spec)).half())
        self._layers.append(rows)

    def rows(self) -> list[Tensor]:
        """(flat head, query, key), float16, of each text."""
        return [torch.cat(layers) for layers in zip(*self._layers, strict=True)]


def between(weights: Tensor, positions: Sequence[int]) -> Tensor:
    """Weights (..., slot, slot) from weights between all positions (..., query, key).

    A slot that is the mean over tokens looks as they do on average, and is looked at as much as all of them.
    """
    places = np.array(positions)
    average = places <= MEAN
    index = torch.from_numpy(np.where(average, 0, places))
    queries = weights[..., index, :]
    if not average.any():
        return queries[..., index]
    over_tokens = torch.from_numpy(average)
    first = MEAN - int(places.min())
    queries = torch.where(over_tokens[:, None], weights[..., first:, :].mean(dim=-2, keepdim=True), queries)
    keys = queries[..., first:].sum(dim=-1, keepdim=True)
    return torch.where(over_tokens, keys, queries[..., index])


@contextmanager
def attention_by(loaded: LoadedModel, implementation: str) -> Iterator[None]:
    """Let attention be computed by another implementation (`eager`: step by step, with weights); then as before."""
    usual = _usual(loaded)
    try:
        _use(loaded, implementation)
        yield
    finally:
        _use(loaded, usual)


def _use(loaded: LoadedModel, implementation: str) -> None:
    """Choose how attention is computed; Falcon follows its config but refuses the public way."""
    if _is_falcon(loaded):
        loaded.model.config._attn_implementation = implementation
    else:
        loaded.model.set_attn_implementation(implementation)


def _usual(loaded: LoadedModel) -> str:
    return str(loaded.model.config._attn_implementation)


def _is_falcon(loaded: LoadedModel) -> bool:
    return bool(loaded.model.config.model_type == "falcon")


def _beside() -> str:
    """The name under which transformers knows fused attention with the weights beside it."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(FUSED_WITH_WEIGHTS, _fused_with_weights)
    AttentionMaskInterface.register(FUSED_WITH_WEIGHTS, sdpa_mask)
    return FUSED_WITH_WEIGHTS


def _fused_with_weights(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor]:
    """The output of the fused kernel, and the weights of the module's own attention step by step."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    output, _ = sdpa_attention_forward(module, query, key, value, mask, **options)
    step_by_step = sys.modules[type(module).__module__].eager_attention_forward
    return output, step_by_step(module, query, key, value, _additive(mask, query), **options)[1]


def _additive(mask: Tensor | None, query: Tensor) -> Tensor:
    """A mask to add to scores from one of booleans; where fused attention needs none it is causal alone."""
    if mask is None:
        mask = torch.ones(2 * query.shape[-2:-1], dtype=torch.bool, device=query.device).tril()
    if mask.dtype != torch.bool:
        return mask
    lowest = torch.finfo(query.dtype).min
    return torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, lowest)
