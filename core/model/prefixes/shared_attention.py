"""Attention of many rows that begin with the same kept tokens, without a copy of these for every row.

A changed text is read in many rows, which differ in what was changed and share all that stands in front of it. The
fused kernel wants keys and values of every row in full: a copy of the prefix for each row and each query head of a
group. Here scores against the prefix are one matrix product a group for all rows at once, scores against a row's own
tokens another, and one softmax goes over both:

    w = exp(s - log Σ exp s),   s = (q · k) scale + mask,   out = w_prefix v_prefix + w_own v_own

which is what the kernel computes, up to rounding. Only on the processor and in full precision, where the kernel is
PyTorch's plain one with nothing added to it; everything else gets its keys and values as ever.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from core.model.attention_calls import AttentionCall, around_attention
from core.model.loaded_model import LoadedModel

_PLAIN = ("scaling", "dropout", "is_causal", "position_ids", "cache_position", "use_cache", "sliding_window")
"""Options that change nothing here: dropout is 0 in evaluation mode, and windows are part of the mask."""

FEWEST_ROWS = 2


class SharedPrefix:
    """Keys and values (key head, position, d) of the layer that is at work, handed from the cache to the attention."""

    def __init__(self) -> None:
        self._waiting: tuple[Tensor, Tensor] | None = None

    def hand_over(self, keys: Tensor, values: Tensor) -> None:
        """Called by the cache in place of copying them in front of every row."""
        self._waiting = keys, values

    def attend(self, _layer: int, call: AttentionCall) -> Any:
        """The output of one computation of attention whose keys and values are those of a row's own tokens."""
        kept, self._waiting = self._waiting, None
        if kept is None:
            return call.output()
        if _is_plain(call):
            return _attention(call, *kept), None
        return call.behind(*kept).output()


@contextmanager
def shared_by_rows(loaded: LoadedModel, rows: int) -> Iterator[SharedPrefix | None]:
    """Let passes inside take the kept keys and values from what is yielded; None where copies are as good."""
    layers = loaded.layers_with_heads
    by_lookup = all(of.by_interface for of in loaded.reading.layers)
    parameter = next(loaded.model.parameters())
    whole = parameter.dtype in (torch.float32, torch.float64)
    usual = loaded.model.config._attn_implementation == "sdpa"
    if rows < FEWEST_ROWS or loaded.device.type != "cpu" or not (by_lookup and whole and usual):
        yield None
        return
    shared = SharedPrefix()
    with around_attention(loaded, layers, shared.attend):
        yield shared


def _is_plain(call: AttentionCall) -> bool:
    options: Mapping[str, Any] = call.options
    added = [name for name, value in options.items() if value is not None and name not in _PLAIN]
    return getattr(call.compute, "__name__", "") == "sdpa_attention_forward" and not added


def _attention(call: AttentionCall, keys: Tensor, values: Tensor) -> Tensor:
    """Output (row, query, head, d_v). Inside, axes are (key head, row, query head of it, query, ...)."""
    query, width = call.query, keys.shape[-2]
    rows, heads, length, d_head = query.shape
    groups = keys.shape[0]
    grouped = query.unflatten(1, (groups, heads // groups)).transpose(0, 1) * _scale(call)
    own_keys, own_values = (own.transpose(0, 1).unsqueeze(2) for own in (call.key, call.value))
    flat = grouped.reshape(groups, -1, d_head)
    before = (flat @ keys.transpose(-1, -2)).view(*grouped.shape[:-1], width)
    own = grouped @ own_keys.transpose(-1, -2)
    mask = call.mask_over(width + length)
    mask = mask.transpose(0, 1).unsqueeze(2)
    before, own = before + mask[..., :width], own + mask[..., width:]
    total = torch.logaddexp(before.logsumexp(-1, keepdim=True), own.logsumexp(-1, keepdim=True))
    seen = (before - total).exp().reshape(groups, -1, width) @ values
    output = seen.view(groups, rows, heads // groups, length, -1) + (own - total).exp() @ own_values
    # (row, query, key head, query head of it, d_v) and then one axis of heads
    return output.permute(1, 3, 0, 2, 4).flatten(2, 3)


def _scale(call: AttentionCall) -> float:
    scaling = call.options.get("scaling")
    return float(call.query.shape[-1] ** -0.5 if scaling is None else scaling)
