"""Which input of the receiving head carries an edge: its query, its key or its value.

An edge is path patched three times more (`core.causal.path_patching`), with the change let into one of the
three alone. The part effects need not add up to the whole one, since attention multiplies what the three bring.

An edge is carried by every part that works in the direction of the whole edge with at least half the effect of
the largest such part. By none where no part alone reaches half the bound: then only several together carry it.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Literal

import numpy as np

from core.generators import relayed
from core.heads import EdgeId
from core.model.loaded_model import LoadedModel

Part = Literal["q", "k", "v"]
PARTS: tuple[Part, ...] = ("q", "k", "v")
SHARE = 0.5


def separable(loaded: LoadedModel) -> bool:
    """Whether the model's query, key and value projections can be told apart."""
    return loaded.qkv != "unknown"


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
