"""Hooks. Each is set at once; enter its handle as a context, so that none is left behind after an exception."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from core.model.loaded_model import LoadedModel
from core.model.prefixes.kept_prefix import KeptCache


def on_z(loaded: LoadedModel, layer: int, change: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call `change` with z of a layer, (row, position, head, d_head); what it returns replaces z.

    Heads and d_head are those of the layer, which must have heads.
    """
    n_heads = loaded.n_heads(layer)

    def hook(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        changed = change(args[0].unflatten(-1, (n_heads, -1)))
        return None if changed is None else (changed.flatten(-2), *args[1:])

    return loaded.projection(layer).register_forward_pre_hook(hook)


@contextmanager
def on_every_z(loaded: LoadedModel, read: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Call `read` with each layer's number and its z (row, position, head, d_head)."""

    def reader(layer: int) -> Callable[[Tensor], None]:
        return lambda z: read(layer, z)

    with ExitStack() as stack:
        for layer in loaded.layers_with_heads:
            stack.enter_context(on_z(loaded, layer, reader(layer)))
        yield


def before(module: nn.Module, call: Callable[..., Any]) -> RemovableHandle:
    """Call `call` with module, args and kwargs before every forward pass of the module."""
    return module.register_forward_pre_hook(call, with_kwargs=True)


def after(module: nn.Module, call: Callable[[Any, Any], Any]) -> RemovableHandle:
    """Replace every output of the module by what `call` makes of module and output."""
    return module.register_forward_hook(lambda module, args, output: call(module, output))


_CACHES = ("cache", "past_key_values", "layer_past")
"""What attention modules call the key and value cache; from 5.24 on transformers calls it `cache`."""


@contextmanager
def tokens_in_front(loaded: LoadedModel) -> Iterator[Callable[[], int]]:
    """Tells inside how many tokens a key and value cache holds in front of the pass that runs."""
    held = 0

    def enter(_body: nn.Module, _args: Any, kwargs: Mapping[str, Any]) -> None:
        nonlocal held
        caches = [kwargs.get(name) for name in _CACHES]
        held = next((int(cache.get_seq_length()) for cache in caches if cache is not None), 0)

    with before(loaded.model.base_model, enter):
        yield lambda: held


def run_again(
    attention: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], hidden_states: Tensor
) -> None:
    """The same call with another input, without a key and value cache that a second run would lengthen."""
    clean = {
        name: None if name in _CACHES and not isinstance(value, KeptCache) else value
        for name, value in kwargs.items()
    }
    if args:
        attention(hidden_states, *args[1:], **clean)
    else:
        attention(**{**clean, "hidden_states": hidden_states})
