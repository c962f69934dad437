"""Which input of the receiving head carries an edge: its query, its key or its value.

An edge is path patched three times more (`core.causal.path_patching`), with the change let into one of the
three alone. The part effects need not add up to the whole one, since attention multiplies what the three bring.

An edge is carried by every part that works in the direction of the whole edge with at least half the effect of
the largest such part. By none where no part alone reaches half the bound: then only several together carry it.
"""

from collections.abc import Generator, Sequence
from typing import Literal

import numpy as np

from core.causal.metric import Metric
from core.causal.patching import Patching
from core.generators import relayed
from core.heads import EdgeId
from core.model.loaded_model import LoadedModel

Part = Literal["q", "k", "v"]
PARTS: tuple[Part, ...] = ("q", "k", "v")
SHARE = 0.5


def separable(loaded: LoadedModel) -> bool:
    """Whether the model's query, key and value projections can be told apart."""
    return loaded.architecture.qkv != "unknown"


def part_effects(
    patching: Patching, edges: Sequence[EdgeId], directions: Sequence[int], metric: Metric
) -> Generator[int, None, np.ndarray]:
    """Mean effects (edge, part) in the direction (number in `Patching.texts`) that counts for each edge.

    Yields the runs done after each forward pass.
    """
    means, done = [], 0
    for part in PARTS:
        effects = yield from relayed(patching.effects(edges, metric, reads=part), done.__add__)
        means.append(effects.mean(axis=-1)[list(directions), np.arange(len(edges))])
        done += patching.runs(edges)
    return np.stack(means, axis=-1)


def carried_by(effect: float, parts: Sequence[float], bound: float) -> str:
    """`q`, `k`, `v`, several as `q+k`, or nothing, by the rule above. `parts` are the effects of q, k and v."""
    along = np.sign(effect) * np.asarray(parts, dtype=float)
    if not np.isfinite(along).all() or along.max() < bound / 2:
        return ""
    return "+".join(part for part, size in zip(PARTS, along, strict=True) if size >= SHARE * along.max())
