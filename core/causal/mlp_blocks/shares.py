"""How much of the gap passes through the attention and through the MLP block of each layer: exact, by exchange.

In every layer all heads are exchanged together, and the MLP block by itself, in each direction that the comparison has;
then all heads of the model, all its MLP blocks, and both. A layer without heads has no share of attention: its block
counts whole as the MLP. Where z of all heads does not fit into memory (`Comparison.fits`), heads are left out.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from core.causal.bounds import HEAD_BOUND
from core.causal.comparison import Comparison
from core.causal.mlp_blocks.outputs import mlps_of
from core.causal.patching import UnitSet
from core.causal.verdicts import Findings, judge
from core.heads import MlpId, UnitId
from core.model.loaded_model import LoadedModel
from core.model.mlp_outputs import why_no_mlps


@dataclass(frozen=True)
class BlockEffects:
    """Effects as shares of the gap: `attention` (direction, layer of `layers`, text), `mlp` (direction, block, text).

    `together` (direction, set, text) are those of all heads, all MLP blocks, and both; empty where one of them is not
    there. `reason` says why there are no MLP blocks. `whole` are the layers without heads.
    """

    layers: tuple[int, ...]
    attention: np.ndarray
    mlps: tuple[MlpId, ...]
    mlp: np.ndarray
    together: np.ndarray
    rounds: int = 1
    forward_passes: int = 0
    reason: str = ""
    whole: tuple[int, ...] = ()

    def shares(self) -> dict[str, float]:
        """The share of the gap by `attention.LAYER` and `mlp.LAYER`."""
        names = [f"attention.{layer}" for layer in self.layers] + [f"mlp.{mlp.layer}" for mlp in self.mlps]
        values = np.concatenate([larger(self.attention), larger(self.mlp)])
        shares = zip(names, values.tolist(), strict=True)
        return {name: value for name, value in shares if np.isfinite(value)}

    def findings(self, seed: int, made: bool) -> Findings:
        """The verdicts on the MLP blocks, by the rules of heads; q among the MLP blocks alone."""
        return judge(self.mlps, self.mlp, HEAD_BOUND, seed, made)


def larger(effects: np.ndarray) -> np.ndarray:
    """Mean over texts (target,) of effects (direction, target, text) in the direction where it is larger in size."""
    if not effects.shape[1]:
        return np.empty(0)
    means = effects.mean(axis=-1)
    chosen: np.ndarray = means[np.nan_to_num(np.abs(means)).argmax(axis=0), np.arange(means.shape[1])]
    return chosen


def block_runs(comparison: Comparison) -> int:
    """Changed runs of `block_effects`."""
    return comparison.runs(_targets(comparison))


def block_effects(comparison: Comparison) -> Generator[int, None, BlockEffects]:
    """Exchange attention and MLP block of every layer. Yields the runs done after each forward pass."""
    loaded = comparison.recording.loaded
    layers, mlps, targets = _layers(comparison), mlps_of(loaded), _targets(comparison)
    before = comparison.forward_passes
    effects = yield from comparison.effects(targets)
    attention, mlp, together = np.split(effects, [len(layers), len(layers) + len(mlps)], axis=1)
    return BlockEffects(
        layers=tuple(layers),
        attention=attention,
        mlps=tuple(mlps),
        mlp=mlp,
        together=together,
        rounds=len(comparison.rounds),
        forward_passes=comparison.forward_passes - before,
        reason=why_no_mlps(loaded),
        whole=tuple(mlp.layer for mlp in mlps if not loaded.n_heads(mlp.layer)),
    )


def _targets(comparison: Comparison) -> list[UnitId | UnitSet]:
    loaded, layers = comparison.recording.loaded, _layers(comparison)
    mlps = mlps_of(loaded)
    sets: list[UnitSet] = [_heads_of(loaded, layer) for layer in layers]
    together: list[UnitSet] = []
    if layers and mlps:
        together = [frozenset(loaded.heads), frozenset(mlps), frozenset([*loaded.heads, *mlps])]
    return [*sets, *mlps, *together]


def _layers(comparison: Comparison) -> list[int]:
    """Layers whose heads are exchanged together."""
    return list(comparison.recording.loaded.layers_with_heads) if comparison.fits else []


def _heads_of(loaded: LoadedModel, layer: int) -> UnitSet:
    return frozenset(head for head in loaded.heads if head.layer == layer)
