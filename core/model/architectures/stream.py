"""How what attention writes reaches the residual stream of later layers, measured block by block.

Every module without parts of its own (a linear map, a norm, an activation) is held at what it gave in a plain pass, so
that only the block's own sums are left. Then

1. a change of the output projection's result moves the block's output by `writes` times that change, or by what the
   norm behind the attention makes of it;
2. a change of the block's input moves its output by `carries` times that change.

Where this holds in every block the stream is a plain sum, and a change of one head can be put in front of one later
head alone (path patching). Scales other than 1 occur where a model multiplies what it adds (Granite) or hands on
(Gemma 4).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.model.architectures.reading import FAILURES, HeadsOfLayer, Reading, probe_ids
from core.model.memory import is_out_of_memory

LENGTH = 5
"""Tokens of the pass."""

_PASSES_ON = (nn.Dropout, nn.Identity)


@dataclass(frozen=True)
class StreamRule:
    """`plain` says that every block only adds to the stream, but for the scales; else `reason` says in which it fails.

    `writes` is by layer with heads, `carries` by block.
    """

    plain: bool
    reason: str = ""
    writes: dict[int, float] = field(default_factory=dict)
    carries: tuple[float, ...] = ()

    def scale(self, source: int, target: int) -> float:
        """What a change by the attention of layer `source` is multiplied by in front of layer `target`."""
        scale = self.writes.get(source, 1.0)
        for carried in self.carries[source + 1 : target]:
            scale *= carried
        return scale


@dataclass
class _Plain:
    """A block's call in the plain pass: its arguments, its stream behind it, and what its smallest parts gave."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Tensor
    given: dict[nn.Module, list[Any]]


CLOSE = {torch.float64: 1e-6, torch.float32: 2e-3}
"""Differences allowed, as shares of the largest number compared; ROUGH for types of half precision."""

ROUGH = 0.06


def stream_rule_of(model: Any, reading: Reading) -> StreamRule:
    """Measure the rule on a few tokens."""
    close = CLOSE.get(next(model.parameters()).dtype, ROUGH)
    blocks = list(model.get_submodule(reading.blocks))
    heads = {of_layer.layer: of_layer for of_layer in reading.layers}
    writes: dict[int, float] = {}
    carries: list[float] = []
    if not all(of_layer.plain_input for of_layer in reading.layers):
        layer = next(of_layer.layer for of_layer in reading.layers if not of_layer.plain_input)
        return StreamRule(False, f"layer {layer} reads the stream by more than a norm")
    try:
        with torch.no_grad():
            for layer, (block, plain) in enumerate(zip(blocks, _plain_calls(model, blocks), strict=True)):
                if layer in heads:
                    scale = _written(model, block, plain, heads[layer], close)
                    if scale is None:
                        return StreamRule(
                            False, f"what attention writes is not added as it is in layer {layer}"
                        )
                    writes[layer] = scale
                carried = _carried(block, plain, close)
                if carried is None:
                    return StreamRule(False, f"layer {layer} does not hand on its input plus what it adds")
                carries.append(carried)
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        return StreamRule(False, " ".join(f"{type(error).__name__}: {error}".split())[:120])
    return StreamRule(True, writes=writes, carries=tuple(carries))


def _plain_calls(model: Any, blocks: list[nn.Module]) -> list[_Plain]:
    calls: dict[nn.Module, _Plain] = {}
    given: dict[nn.Module, list[Any]] = {}

    def keep_part(module: nn.Module, _args: Any, output: Any) -> None:
        given.setdefault(module, []).append(_copied(output))

    def keep_block(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        parts = {part: given[part] for part in _smallest_parts(module) if part in given}
        calls[module] = _Plain(kept[module][0], kept[module][1], _stream(output).clone(), parts)

    kept: dict[nn.Module, tuple[Any, Any]] = {}

    def before_block(module: nn.Module, args: Any, kwargs: Any) -> None:
        kept[module] = (_copied(args), {name: _copied(value) for name, value in kwargs.items()})

    ids = probe_ids(model, LENGTH)
    with ExitStack() as stack:
        for block in blocks:
            stack.enter_context(block.register_forward_pre_hook(before_block, with_kwargs=True))
            stack.enter_context(block.register_forward_hook(keep_block, with_kwargs=True))
            for part in _smallest_parts(block):
                stack.enter_context(part.register_forward_hook(keep_part))
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    return [calls[block] for block in blocks]


def _written(model: Any, block: Any, plain: _Plain, of_layer: HeadsOfLayer, close: float) -> float | None:
    """The factor by which a change of the projection's result reaches the block's output; None where none fits."""
    projection = model.get_submodule(of_layer.projection)
    norm = model.get_submodule(of_layer.norm_behind) if of_layer.norm_behind else None
    own = plain.given[projection][0]
    change = _change_like(own, plain.output)
    with _held(plain, changed={projection: lambda output: output + change}, running=norm):
        moved = _stream(block(*plain.args, **plain.kwargs)) - plain.output
    expected = change if norm is None else norm.forward(own + change) - norm.forward(own)
    return _factor(moved, expected.reshape(moved.shape), plain.output, close)


def _carried(block: Any, plain: _Plain, close: float) -> float | None:
    """The factor by which a change of the block's input reaches its output; None where none fits."""
    stream = plain.args[0] if plain.args else plain.kwargs["hidden_states"]
    change = _change_like(stream, plain.output)
    args = (stream + change, *plain.args[1:]) if plain.args else ()
    kwargs = plain.kwargs if plain.args else {**plain.kwargs, "hidden_states": stream + change}
    with _held(plain):
        moved = _stream(block(*args, **kwargs)) - plain.output
    return _factor(moved, change, plain.output, close)


@contextmanager
def _held(
    plain: _Plain,
    changed: dict[nn.Module, Callable[[Any], Any]] | None = None,
    running: nn.Module | None = None,
) -> Iterator[None]:
    """The smallest parts give what they gave in the plain pass, some of it `changed`; one part may be `running`."""
    calls = {part: iter(outputs) for part, outputs in plain.given.items()}

    def hold(module: nn.Module, _args: Any, output: Any) -> Any:
        kept = _copied(next(calls[module]))
        return changed[module](kept) if changed and module in changed else kept

    with ExitStack() as stack:
        for part in plain.given:
            if part is not running:
                stack.enter_context(part.register_forward_hook(hold))
        yield


def _smallest_parts(block: nn.Module) -> list[nn.Module]:
    """Modules without modules of their own that compute something."""
    return [part for part in block.modules() if not [*part.children()] and not isinstance(part, _PASSES_ON)]


def _factor(moved: Tensor, change: Tensor, stream: Tensor, close: float) -> float | None:
    moved, change = moved.float(), change.float()
    scale = float((moved * change).sum() / change.square().sum().clamp_min(1e-12))
    # numbers are rounded as those of the stream are, which may be larger than the change
    bound = close * max(float(change.abs().max()), float(stream.float().abs().max()))
    if abs(scale) < 1e-4 or float((moved - scale * change).abs().max()) > bound:
        return None
    return 1.0 if abs(scale - 1) < close / 4 else scale


def _change_like(values: Tensor, stream: Tensor) -> Tensor:
    """A fixed change of about twice the size of the stream."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(values.shape, generator=generator)
    size = 2 * float(stream.float().square().mean().sqrt()) or 1.0
    return (size * noise).to(values)


def _stream(output: Any) -> Tensor:
    stream: Tensor = output[0] if isinstance(output, tuple | list) else output
    return stream


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if type(value) in (tuple, list):
        return type(value)(map(_copied, value))
    return value
