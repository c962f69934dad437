"""Where the MLP block of each layer can be read and exchanged, without a list of module names.

A block hands on `carries` times its input, plus `writes` times what its attention gives (behind the norm that follows
it, where there is one), plus a rest (`core.model.architectures.stream`). This rest is what the MLP block adds; in a
layer without attention heads it is all that the layer adds. On one short pass the module is looked for whose output is
the rest, or a multiple of it: exchanging this output is exact in any precision. Where no module fits, the rest itself
is exchanged, in float32 (`core.model.mlp_outputs`).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.model.architectures.reading import HeadsOfLayer, Reading, probe_ids
from core.model.architectures.stream import StreamRule

LENGTH = 5
"""Tokens of the pass."""

CLOSE = 2e-3
"""Difference allowed between the rest and a module's output, as a share of the largest number of the rest."""

ROUNDINGS = 8
"""Roundings of the stream by which the two may differ beside that, in units of the type's own precision."""

MOST_NOISE = 0.3
"""The difference allowed altogether: its length as a share of that of the rest."""


@dataclass
class _Seen:
    """One call of a block: its stream before and behind it, what attention gave, and what its other modules gave."""

    stream: Tensor
    output: Tensor | None = None
    written: Tensor | None = None
    given: dict[str, list[Tensor]] = field(default_factory=dict)


def mlp_modules_of(model: Any, reading: Reading, stream: StreamRule) -> dict[int, str]:
    """By layer the path, below the model, of the module whose output the MLP block adds; "" where none does alone.

    A layer that adds nothing beside its attention is left out; so are all of a model whose stream is no plain sum.
    """
    if not stream.plain:
        return {}
    blocks = list(model.get_submodule(reading.blocks))
    heads = {of_layer.layer: of_layer for of_layer in reading.layers}
    ids = probe_ids(model, LENGTH)
    modules: dict[int, str] = {}
    with ExitStack() as stack, torch.no_grad():
        seen = [
            stack.enter_context(_watched(model, f"{reading.blocks}.{layer}", block, heads.get(layer)))
            for layer, block in enumerate(blocks)
        ]
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    for layer, of_block in enumerate(seen):
        call = of_block[0] if len(of_block) == 1 else None
        module = "" if call is None else _module_of(call, stream, layer)
        if module is not None:
            modules[layer] = module
    return modules


@contextmanager
def _watched(model: Any, path: str, block: nn.Module, heads: HeadsOfLayer | None) -> Iterator[list[_Seen]]:
    """The calls of a block inside the context."""
    calls: list[_Seen] = []
    writer = (heads.norm_behind or heads.projection) if heads else ""
    attention = heads.attention if heads else "-"

    def enter(_module: nn.Module, args: Any, kwargs: Any) -> None:
        calls.append(_Seen((args[0] if args else kwargs["hidden_states"]).detach().clone()))

    def leave(_module: nn.Module, _args: Any, output: Any) -> None:
        calls[-1].output = first_tensor(output).detach().clone()

    def keeper(name: str) -> Any:
        def keep(_module: nn.Module, _args: Any, output: Any) -> None:
            value = first_tensor(output)
            if isinstance(value, Tensor) and value.numel() == calls[-1].stream.numel():
                value = value.detach().reshape(calls[-1].stream.shape).clone()
                if name == writer:
                    calls[-1].written = value
                else:
                    calls[-1].given.setdefault(name, []).append(value)

        return keep

    with ExitStack() as stack:
        stack.enter_context(block.register_forward_pre_hook(enter, with_kwargs=True))
        stack.enter_context(block.register_forward_hook(leave))
        for below, module in block.named_modules():
            name = f"{path}.{below}"
            if below and (name == writer or not f"{name}.".startswith(f"{attention}.")):
                stack.enter_context(module.register_forward_hook(keeper(name)))
        yield calls


def _module_of(call: _Seen, rule: StreamRule, layer: int) -> str | None:
    """The outermost module, of those that are called once, whose output is the rest up to a factor.

    "" where there is none, None where there is no rest.
    """
    if call.output is None or (layer in rule.writes and call.written is None):
        return ""
    others = [rule.carries[layer] * call.stream.float()]
    if call.written is not None:
        others.append(rule.writes.get(layer, 1.0) * call.written.float())
    rest = call.output.float() - sum(others)
    terms = [call.output.float(), *others]
    rounding = torch.finfo(call.stream.dtype).eps * sum(term.abs() for term in terms)
    nothing = bool((rest.abs() <= ROUNDINGS * rounding).all())
    bound = CLOSE * rest.abs().max() + ROUNDINGS * rounding
    fitting = []
    for name, outputs in call.given.items():
        own = outputs[0].float()
        size = float(own.square().sum())
        if len(outputs) > 1 or nothing != (size == 0):
            continue
        difference = (rest - own * float((rest * own).sum()) / (size or 1.0)).abs()
        alike = nothing or float(difference.norm()) <= MOST_NOISE * float(rest.norm())
        if alike and bool((difference <= bound).all()):
            fitting.append(name)
    # a module ends behind those inside it, so that the last one is the outermost
    return fitting[-1] if fitting else None if nothing else ""


def first_tensor(output: Any) -> Any:
    """What a module gives: its output, or the first part of it (blocks and routers give several)."""
    return output[0] if isinstance(output, tuple | list) else output
