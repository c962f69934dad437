"""What goes with all MLP blocks taken out, and with all heads and MLP blocks, beside what goes with all heads."""

from collections.abc import Generator, Sequence

import numpy as np

from core.causal.metric import Metric
from core.causal.mlp_blocks.outputs import mlps_of
from core.causal.patching import Patching, UnitSet
from core.causal.replacements import AblationKind
from core.heads import HeadId
from core.model.loaded_model import LoadedModel


def taken_out_together(
    loaded: LoadedModel, patching: Patching, metric: Metric, heads: Sequence[HeadId], kind: AblationKind
) -> Generator[int, None, dict[str, float]]:
    """Shares of the gap that the anomalous texts lose: `mlps_out` and `both_out`. Yields the runs done.

    Empty for a model whose MLP blocks cannot be told apart; NaN where the model breaks.
    """
    mlps = mlps_of(loaded)
    if not mlps:
        return {}
    sets: list[UnitSet] = [frozenset(mlps), frozenset([*heads, *mlps])]
    texts = range(patching.n_anomalous)
    values = yield from patching.measure(sets, texts, metric, kind)
    gone: np.ndarray = (metric.values[: len(texts)] - values).mean(axis=1) / metric.gap
    return dict(zip(("mlps_out", "both_out"), gone.tolist(), strict=True))
