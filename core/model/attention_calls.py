"""Computations of attention, seen and changed where the model's own code hands them over.

1. transformers' attention modules look up the function that computes attention and hand it their queries, keys and
   values (after norms, rotation and the expansion of latents), mask and scaling. Here that lookup answers with the
   same function, wrapped. The name of the implementation stays what it was, since some types choose their mask by it;
   so a pass that is only looked at computes what a plain pass computes.
2. A type that goes past that lookup is seen where it calls PyTorch's fused kernel (Falcon).
3. One that multiplies by itself (Bloom, MPT, GPT-Neo) shows its weights where it calls softmax, and nothing else.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.model.architectures.lookup import answered_lookup
from core.model.loaded_model import LoadedModel

_FUSED = "scaled_dot_product_attention"
_BY_KERNEL = ("falcon",)
"""Types that go past the lookup and call the fused kernel themselves."""


@dataclass(frozen=True)
class AttentionCall:
    """One computation of attention: queries (row, head, query, d), keys and values (row, group, key, d).

    `mask` is added to the scores, or says which keys are seen, or is None for all that are not later. `compute` is the
    function that the model chose.
    """

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    options: Mapping[str, Any]
    compute: Callable[..., Any]

    def output(self) -> Any:
        """What the model's own function gives."""
        return self.compute(self.module, self.query, self.key, self.value, self.mask, **self.options)

    def behind(self, keys: Tensor, values: Tensor) -> "AttentionCall":
        """The same with kept keys and values (group, key, d) in front of those of every row."""
        rows = len(self.key)
        first, second = (
            torch.cat([kept.expand(rows, *kept.shape).to(own), own], dim=-2)
            for kept, own in ((keys, self.key), (values, self.value))
        )
        return replace(self, key=first, value=second)

    def mask_over(self, n_keys: int) -> Tensor:
        """The mask over so many keys, to be added to scores: (row or 1, 1, query, key)."""
        mask = _additive(self.mask, self.query, n_keys)
        return mask if mask.ndim == 4 else mask.expand(1, 1, *mask.shape)

    def weights(self) -> Tensor | None:
        """Attention weights (row, head, query, key), step by step, by the module's own rule for them.

        Rows add up to 1, or to less in types whose heads may look at nothing (sinks). None where there is no rule.
        """
        if self.compute is _fused_kernel:
            scores = self.query @ self.key.transpose(-1, -2)
            scores = scores * self.options.get("scale", self.query.shape[-1] ** -0.5)
            return (scores + _additive(self.mask, self.query, self.key.shape[-2])).softmax(dim=-1)
        # Every module that uses the lookup has this function beside it: what the lookup falls back on.
        by_steps = getattr(sys.modules[type(self.module).__module__], "eager_attention_forward", None)
        if by_steps is None:
            return None
        mask = _additive(self.mask, self.query, self.key.shape[-2])
        weights: Tensor | None = by_steps(
            self.module, self.query, self.key, self.value, mask, **self.options
        )[1]
        return weights


Around = Callable[[int, AttentionCall], Any]


@contextmanager
def around_attention(loaded: LoadedModel, layers: Sequence[int], around: Around) -> Iterator[None]:
    """Let `around` (layer, call) give the output of every computation of attention in these layers.

    It may change the call with `dataclasses.replace`. Layers of types that multiply by themselves never call it.
    """

    def kernel(layer: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        options = {name: value for name, value in kwargs.items() if name != "attn_mask"}
        query, key, value = args[:3]
        mask = kwargs.get("attn_mask")
        call = AttentionCall(loaded.attention(layer), query, key, value, mask, options, _fused_kernel)
        return around(layer, call)

    by_lookup, past_it = _by_way(loaded, layers)
    with _lookup(loaded, by_lookup, around), _past_lookup(loaded, past_it, _FUSED, kernel):
        yield


def hands_over(loaded: LoadedModel, layer: int) -> bool:
    """Whether a layer's attention hands its queries, keys and values to a function, where they can be changed."""
    return bool(_by_way(loaded, [layer])[0]) or loaded.shape.architecture in _BY_KERNEL


@contextmanager
def on_weights(
    loaded: LoadedModel, layers: Sequence[int], read: Callable[[int, Tensor], None]
) -> Iterator[None]:
    """Call `read` with the attention weights (row, head, query, key) of these layers, taken beside the pass."""

    def look(layer: int, call: AttentionCall) -> Any:
        output = call.output()
        weights = output[1] if isinstance(output, tuple) else None
        weights = call.weights() if weights is None else weights
        if weights is not None:
            read(layer, weights)
        return output

    def softmax(layer: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result, heads = func(*args, **kwargs), loaded.n_heads(layer)
        if result.ndim >= 3 and result.shape[-3] % heads == 0:
            read(layer, result.reshape(-1, heads, *result.shape[-2:]))
        return result

    past_it = _by_way(loaded, layers)[1]
    with around_attention(loaded, layers, look), _past_lookup(loaded, past_it, "softmax", softmax):
        yield


def _by_way(loaded: LoadedModel, layers: Sequence[int]) -> tuple[list[int], list[int]]:
    """Those of the layers whose attention goes through the lookup, and the others that have heads."""
    by_lookup = {of.layer: of.by_interface for of in loaded.reading.layers}
    return [n for n in layers if by_lookup.get(n)], [n for n in layers if by_lookup.get(n) is False]


@contextmanager
def _lookup(loaded: LoadedModel, layers: Sequence[int], around: Around) -> Iterator[None]:
    """Wrap what transformers answers when these layers look up the function that computes attention."""
    inside = {id(module): layer for layer in layers for module in loaded.attention(layer).modules()}

    def wrapped(compute: Callable[..., Any]) -> Callable[..., Any]:
        def computed(
            module: Any, query: Tensor, key: Tensor, value: Tensor, *mask: Any, **options: Any
        ) -> Any:
            if id(module) not in inside:
                return compute(module, query, key, value, *mask, **options)
            given = mask[0] if mask else options.pop("attention_mask", None)
            return around(
                inside[id(module)], AttentionCall(module, query, key, value, given, options, compute)
            )

        return computed

    with answered_lookup(wrapped):
        yield


class _Answering(TorchFunctionMode):
    """Hands the calls of one function of PyTorch to `answer`, while a layer is at work."""

    def __init__(self, name: str, answer: Callable[..., Any]) -> None:
        super().__init__()
        self._name, self._answer = name, answer
        self.layer: int | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.layer is None or getattr(func, "__name__", "") != self._name:
            return func(*args, **(kwargs or {}))
        return self._answer(self.layer, func, args, kwargs or {})


@contextmanager
def _past_lookup(
    loaded: LoadedModel, layers: Sequence[int], name: str, answer: Callable[..., Any]
) -> Iterator[None]:
    """Hand the calls of a function of PyTorch inside the attention of these layers to `answer`."""
    if not layers:
        yield
        return
    mode = _Answering(name, answer)

    def at_work(layer: int | None, *_: Any) -> None:
        mode.layer = layer

    with mode, ExitStack() as stack:
        for layer in layers:
            attention = loaded.attention(layer)
            stack.enter_context(attention.register_forward_pre_hook(partial(at_work, layer)))
            stack.enter_context(attention.register_forward_hook(partial(at_work, None)))
        yield


def _fused_kernel(
    _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> Tensor:
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, **options)


def _additive(mask: Tensor | None, query: Tensor, n_keys: int) -> Tensor:
    """A mask to add to scores, from one of booleans, or from none: then keys that are not later than the query.

    Where there are more keys than queries, the first ones were kept from an earlier pass.
    """
    if mask is None:
        seen = torch.ones(query.shape[-2], n_keys, dtype=torch.bool, device=query.device)
        mask = seen.tril(n_keys - query.shape[-2])
    if mask.dtype != torch.bool:
        return mask
    lowest = torch.finfo(query.dtype).min
    return torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, lowest)
