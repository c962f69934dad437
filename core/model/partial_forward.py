"""Forward passes that start at a later layer: what lies before an intervention is as in the plain run.

A change in the last of n layers costs about an n-th of a forward pass. Where the streams would take more memory than
MOST_BYTES, every layer runs as ever. Streams stay on the device of their layer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.model.hooks import before
from core.model.loaded_model import LoadedModel
from core.model.memory import STREAM_BYTES

MOST_BYTES = STREAM_BYTES


class Streams:
    """The residual stream in front of each layer of texts of these lengths: by text (layer, position, d_model)."""

    def __init__(self, loaded: LoadedModel, lengths: Sequence[int]) -> None:
        self._loaded, self._lengths = loaded, lengths
        size = next(loaded.model.parameters()).element_size()
        needed = sum(lengths) * loaded.shape.n_layers * loaded.shape.d_model * size
        self.usable = needed <= MOST_BYTES
        self._in_tuple = False
        self._kept: dict[int, list[Tensor]] = {}

    def has(self, text: int) -> bool:
        """Whether the streams of a text are kept."""
        return text in self._kept

    @contextmanager
    def recorder(self, texts: Sequence[int]) -> Iterator[None]:
        """Keep the streams of a plain forward pass whose rows are these texts."""
        if not self.usable:
            yield
            return
        for text in texts:
            self._kept[text] = []
        with ExitStack() as stack:
            for layer in self._loaded.layers:
                stack.enter_context(before(layer, partial(self._keep, texts)))
                stack.enter_context(layer.register_forward_hook(self._look_at))
            yield

    @contextmanager
    def resumed(self, texts: Sequence[int], first: int, start: int = 0) -> Iterator[None]:
        """Forward passes inside read these texts from layer `first` on: the layers before it pass on what they get.

        The passes read from position `start` on (`core.model.prefixes.kept_prefix`).
        """
        if not self.usable or first == 0 or any(text not in self._kept for text in texts):
            yield
            return
        with ExitStack() as stack:
            for layer in self._loaded.layers[:first]:
                stack.enter_context(_passing(layer, self._in_tuple))
            stack.enter_context(before(self._loaded.layers[first], partial(self._put, texts, first, start)))
            yield

    def _keep(self, texts: Sequence[int], _layer: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        stream = args[0] if args else kwargs["hidden_states"]
        for row, text in enumerate(texts):
            self._kept[text].append(stream[row, : self._lengths[text]].detach().clone())

    def _look_at(self, _layer: nn.Module, _args: Any, output: Any) -> None:
        """How layers return the stream: alone, or first in a tuple whose rest nobody asks for here."""
        self._in_tuple = isinstance(output, tuple)

    def _put(
        self,
        texts: Sequence[int],
        first: int,
        start: int,
        _layer: nn.Module,
        args: Any,
        kwargs: dict[str, Any],
    ) -> tuple[Any, dict[str, Any]]:
        given = args[0] if args else kwargs["hidden_states"]
        stream = torch.zeros_like(given)
        for row, text in enumerate(texts):
            stream[row, : self._lengths[text] - start] = self._kept[text][first][start:].to(given)
        return ((stream, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": stream})


@contextmanager
def _passing(layer: Any, in_tuple: bool) -> Iterator[None]:
    """Let a layer return the stream that it gets."""

    def forward(hidden_states: Tensor, *_args: Any, **_kwargs: Any) -> Any:
        return (hidden_states,) if in_tuple else hidden_states

    own: Callable[..., Any] | None = layer.__dict__.get("forward")
    layer.forward = forward
    try:
        yield
    finally:
        if own is None:
            del layer.forward
        else:
            layer.forward = own
