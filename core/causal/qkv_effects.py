"""Which input of the receiving head carries an edge: its query, its key or its value.

An edge is path patched three times more (`core.causal.path_patching`), with the change let into one of the
three alone. The part effects need not add up to the whole one, since attention multiplies what the three bring.

The queries, keys and values are those that the attention module hands to the function that computes attention: after
norms, rotation and, in models with latent keys and values, their expansion. The attention runs once on the shifted
input and once on its own, with one of the three taken from the first run; gates and masks stay those of its own
input. So no table of layouts is needed, but by types that hand them to no such function.

An edge is carried by every part that works in the direction of the whole edge with at least half the effect of
the largest such part. By none where no part alone reaches half the bound: then only several together carry it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from core.errors import ModelError
from core.generators import relayed
from core.heads import EdgeId
from core.model.architectures.layouts import qkv_layout
from core.model.attention_calls import AttentionCall, around_attention, hands_over
from core.model.hooks import after, on_z
from core.model.loaded_model import LoadedModel

Part = Literal["q", "k", "v"]
Reads = Literal["all", "q", "k", "v"]
PARTS: tuple[Part, ...] = ("q", "k", "v")
_FIELDS: dict[str, str] = {"q": "query", "k": "key", "v": "value"}
SHARE = 0.5


def separable(loaded: LoadedModel) -> bool:
    """Whether queries, keys and values can be told apart in every layer of the model."""
    return qkv_layout(loaded.shape.architecture) != "unknown" or all(
        hands_over(loaded, layer) for layer in loaded.layers_with_heads
    )


def run_reading(
    loaded: LoadedModel,
    layer: int,
    reads: Reads,
    run: Callable[[Tensor], None],
    base: Tensor,
    shifted: Tensor,
    keep: Callable[[Tensor], None],
) -> None:
    """`run` a layer's attention on `shifted`, or on `base` with one of q, k and v from it, and `keep` its z.

    Raises ModelError where the three cannot be told apart.
    """
    if reads == "all":
        with on_z(loaded, layer, keep):
            run(shifted)
    elif hands_over(loaded, layer):
        calls: list[AttentionCall] = []

        def seen(_layer: int, call: AttentionCall) -> Any:
            calls.append(call)
            return call.output()

        def mixed(_layer: int, call: AttentionCall) -> Any:
            return replace(call, **{_FIELDS[reads]: getattr(calls.pop(0), _FIELDS[reads])}).output()

        with around_attention(loaded, [layer], seen):
            run(shifted)
        if not calls:
            raise ModelError("qkv_not_separable", architecture=loaded.shape.architecture)
        with around_attention(loaded, [layer], mixed), on_z(loaded, layer, keep):
            run(base)
    else:
        with _projections_of(loaded, layer, reads, base), on_z(loaded, layer, keep):
            run(shifted)


@contextmanager
def _projections_of(loaded: LoadedModel, layer: int, reads: Reads, base: Tensor) -> Iterator[None]:
    """Let the projections to the other two of q, k and v read `base`."""
    attention, layout = loaded.attention(layer), qkv_layout(loaded.shape.architecture)
    with ExitStack() as stack:
        if layout == "separate":
            for module in (getattr(attention, f"{other}_proj") for other in PARTS if other != reads):
                stack.enter_context(after(module, lambda module, output: module.forward(base)))
        elif layout == "interleaved":
            shape = (loaded.n_heads(layer), len(PARTS), loaded.d_head(layer))
            is_read = (torch.arange(len(PARTS)) == "qkv".index(reads))[:, None].to(base.device)

            def mix(module: Any, output: Tensor) -> Tensor:
                new, old = output.unflatten(-1, shape), module.forward(base).unflatten(-1, shape)
                return torch.where(is_read, new, old).flatten(-3)

            stack.enter_context(after(attention.query_key_value, mix))
        else:
            raise ModelError("qkv_not_separable", architecture=loaded.shape.architecture)
        yield


def part_effects(
    effects: Callable[..., Generator[int, None, np.ndarray]],
    edges: Sequence[EdgeId],
    directions: Sequence[int],
    runs: int,
) -> Generator[int, None, np.ndarray]:
    """Mean effects (edge, part) in the direction (number in `Patching.texts`) that counts for each edge.

    `effects` measures edges (direction, edge, text) with what their receiver `reads` of the change, in the `directions`
    that it is asked for (`core.causal.comparison`); `runs` says how many changed runs an edge takes in one of them.
    Yields the runs done after each forward pass.
    """
    means = np.zeros((len(edges), len(PARTS)))
    done = 0
    for direction in sorted(set(directions)):
        own = [place for place, counted in enumerate(directions) if counted == direction]
        for number, part in enumerate(PARTS):
            running = effects([edges[place] for place in own], reads=part, directions=[direction])
            of_part = yield from relayed(running, done.__add__)
            means[own, number] = of_part[0].mean(axis=-1)
            done += len(own) * runs
    return means


def carried_by(effect: float, parts: Sequence[float], bound: float) -> str:
    """`q`, `k`, `v`, several as `q+k`, or nothing, by the rule above. `parts` are the effects of q, k and v."""
    along = np.sign(effect) * np.asarray(parts, dtype=float)
    if not np.isfinite(along).all() or along.max() < bound / 2:
        return ""
    return "+".join(part for part, size in zip(PARTS, along, strict=True) if size >= SHARE * along.max())
