"""What the MLP block of a layer adds to the residual stream: read in plain passes, and changed in others.

Where one module gives it (`core.model.architectures.mlp`), this module's output is read and replaced. Else it is what
is left of the block's output without its input and its attention, in float32.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.model.architectures.mlp import first_tensor
from core.model.batching import batches_of, pad
from core.model.hooks import before
from core.model.loaded_model import LoadedModel
from core.model.memory import MLP_BYTES, in_halves

Change = Callable[[Tensor], Tensor | None]


def why_no_mlps(loaded: LoadedModel) -> str:
    """Why MLP blocks cannot be told from the rest of a model; empty where they can."""
    return "" if loaded.stream.plain else loaded.stream.reason


def number_bytes(loaded: LoadedModel, layer: int) -> int:
    """Bytes of one number of what is read of a layer."""
    return loaded.number_bytes if loaded.abilities.mlp_modules[layer] else 4


@contextmanager
def on_mlp(loaded: LoadedModel, layer: int, change: Change) -> Iterator[None]:
    """Call `change` with what the MLP block of a layer adds, (row, position, d_model); what it returns replaces it.

    The numbers are those of the module that gives it, which may be multiplied by a constant behind.
    """
    path = loaded.abilities.mlp_modules[layer]
    with ExitStack() as stack:
        if path:
            _on_module(stack, loaded.layers[layer], loaded.model.get_submodule(path), change)
        else:
            _on_rest(stack, loaded, layer, change)
        yield


def _on_module(stack: ExitStack, block: nn.Module, module: nn.Module, change: Change) -> None:
    shapes: list[torch.Size] = []

    def enter(_block: nn.Module, args: Any, kwargs: Any) -> None:
        shapes[:] = [(args[0] if args else kwargs["hidden_states"]).shape]

    def leave(_module: nn.Module, _args: Any, output: Any) -> Any:
        own = first_tensor(output)
        changed = change(
            own.reshape(shapes[0])
        )  # some modules give the tokens of all rows one after the other
        return None if changed is None else _with_first(output, changed.reshape(own.shape))

    stack.enter_context(before(block, enter))
    stack.enter_context(module.register_forward_hook(leave))


def _on_rest(stack: ExitStack, loaded: LoadedModel, layer: int, change: Change) -> None:
    rule, block = loaded.stream, loaded.layers[layer]
    others: list[Tensor] = []

    def enter(_block: nn.Module, args: Any, kwargs: Any) -> None:
        others[:] = [rule.carries[layer] * (args[0] if args else kwargs["hidden_states"]).float()]

    def attended(_module: nn.Module, _args: Any, output: Any) -> None:
        others.append(rule.writes[layer] * first_tensor(output).float().reshape(others[0].shape))

    def leave(_block: nn.Module, _args: Any, output: Any) -> Any:
        stream = first_tensor(output)
        rest = stream.float() - sum(others)
        changed = change(rest)
        if changed is None:
            return None
        return _with_first(output, (stream.float() + (changed.to(rest) - rest)).to(stream))

    stack.enter_context(before(block, enter))
    if layer in rule.writes:
        writer = loaded.norm_behind(layer) or loaded.projection(layer)
        stack.enter_context(writer.register_forward_hook(attended))
    stack.enter_context(block.register_forward_hook(leave))


def _with_first(output: Any, first: Tensor) -> Any:
    """A module's output with another first part."""
    if isinstance(output, tuple | list):
        return type(output)((first, *output[1:]))
    return first


class KeptMlps:
    """Outputs of all MLP blocks on texts of these lengths, by text and layer (position, d_model), on the CPU.

    `usable` says whether there are such blocks, and memory is set aside for all of it (MLP_BYTES).
    """

    def __init__(self, loaded: LoadedModel, lengths: Sequence[int]) -> None:
        self._loaded, self._lengths = loaded, lengths
        self._layers = sorted(loaded.abilities.mlp_modules)
        size = sum(number_bytes(loaded, layer) for layer in self._layers) * loaded.shape.d_model
        self.usable = 0 < size * sum(lengths) <= MLP_BYTES
        self._kept: dict[int, dict[int, Tensor]] = {}

    def has(self, text: int) -> bool:
        """Whether the outputs on a text are kept."""
        return text in self._kept

    def of(self, text: int) -> dict[int, Tensor]:
        """The outputs on a text by layer."""
        return self._kept[text]

    @contextmanager
    def recorder(self, texts: Sequence[int]) -> Iterator[None]:
        """Keep the outputs of a plain forward pass whose rows are these texts."""
        if not self.usable:
            yield
            return
        lengths = [self._lengths[text] for text in texts]
        with _recorded(self._loaded, self._layers, lengths) as rows:
            yield
        self._kept |= zip(texts, rows, strict=True)


@contextmanager
def _recorded(
    loaded: LoadedModel, layers: Sequence[int], lengths: Sequence[int]
) -> Iterator[list[dict[int, Tensor]]]:
    """By row of the pass inside, and by layer, what the MLP block adds."""
    rows: list[dict[int, Tensor]] = [{} for _ in lengths]

    def keep(layer: int, values: Tensor) -> None:
        for row, length in enumerate(lengths):
            rows[row][layer] = values[row, :length].detach().cpu().clone()

    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(on_mlp(loaded, layer, partial(keep, layer)))
        yield rows


def read_mlps(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], layers: Sequence[int]
) -> Generator[tuple[int, dict[int, Tensor]], None, int]:
    """Plain passes of texts: number of the text, and by layer (position, d_model) on the CPU; returns the passes."""
    passes = 0
    lengths = [len(text) for text in texts]

    def read(batch: Sequence[int]) -> list[dict[int, Tensor]]:
        nonlocal passes
        passes += 1
        ids, mask = pad([texts[text] for text in batch], loaded.device)
        with _recorded(loaded, layers, [lengths[text] for text in batch]) as rows, torch.no_grad():
            loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
        return rows

    def cost(batch: Sequence[int]) -> int:
        return len(batch) * max(lengths[text] for text in batch)

    for batch, rows in in_halves(batches_of(lengths, range(len(texts))), read, cost):
        yield from zip(batch, rows, strict=True)
    return passes
