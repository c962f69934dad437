"""Hooks that live in a context manager, so that none is left behind after an exception."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.model.loaded_model import LoadedModel

FUSED_WITH_WEIGHTS = "headlight_fused_with_weights"
MOST_WEIGHTS = 2**28
"""Attention weights of one layer that a forward pass may hold."""


@contextmanager
def on_z(loaded: LoadedModel, layer: int, change: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Call `change` with z of a layer, (row, position, head, d_head); what it returns replaces z."""
    n_heads = loaded.shape.n_heads

    def hook(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        changed = change(args[0].unflatten(-1, (n_heads, -1)))
        return None if changed is None else (changed.flatten(-2), *args[1:])

    handle = loaded.projection(layer).register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def on_every_z(loaded: LoadedModel, read: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Call `read` with each layer's number and its z (row, position, head, d_head)."""

    def reader(layer: int) -> Callable[[Tensor], None]:
        return lambda z: read(layer, z)

    with ExitStack() as stack:
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(on_z(loaded, layer, reader(layer)))
        yield


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
        stack.enter_context(_attention(loaded, _beside() if fused else "eager"))
        for layer in range(loaded.shape.n_layers):
            stack.enter_context(after(loaded.attention(layer), keep))
        yield


def weights_beside(loaded: LoadedModel) -> bool:
    """Whether a pass that reads attention weights gives, to the last bit, what a pass without them gives."""
    return _usual(loaded) == "eager" or (_usual(loaded) == "sdpa" and not _is_falcon(loaded))


def eager_attention(loaded: LoadedModel) -> AbstractContextManager[None]:
    """Let attention be computed step by step, so that its weights can be read; then as before."""
    return _attention(loaded, "eager")


@contextmanager
def before(module: nn.Module, call: Callable[..., None]) -> Iterator[None]:
    """Call `call` with module, args and kwargs before every forward pass of the module."""
    handle = module.register_forward_pre_hook(call, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def after(module: nn.Module, call: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Replace every output of the module by what `call` makes of module and output."""
    handle = module.register_forward_hook(lambda module, args, output: call(module, output))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _attention(loaded: LoadedModel, implementation: str) -> Iterator[None]:
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
