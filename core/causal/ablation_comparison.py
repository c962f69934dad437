"""The effect of single heads under several ablations, side by side (Miller 2024, arXiv 2407.08734).

A verdict belongs to one way of intervening. Here every candidate is taken out of the anomalous texts in the other ways
too (`core.causal.replacements`: resample, mean, zero), and each effect stands with its interval beside the others. Two
ablations disagree where one effect is clearly positive and another clearly negative: the interval excludes 0 and the
size is at least half the bound.
"""

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from core.causal.metric import Metric
from core.causal.patching import Patching
from core.causal.replacements import AblationKind
from core.causal.statistics import bootstrap_interval
from core.generators import relayed
from core.heads import HeadId
from core.model.loaded_model import LoadedModel
from core.schema import EffectRecord, HeadEvidence, json_number

MOST_BYTES = 2**31
"""What all heads write on all texts is held in memory; above this the other ablations are left out."""


def fits(loaded: LoadedModel, ids: Sequence[Sequence[int]]) -> bool:
    """Whether the z of all heads on these rows of tokens may be held in memory."""
    shape = loaded.shape
    return sum(map(len, ids)) * shape.n_layers * shape.n_heads * shape.d_head * 4 <= MOST_BYTES


def effects_when_out(
    patching: Patching, heads: Sequence[HeadId], metric: Metric, kinds: Sequence[AblationKind]
) -> Generator[int, None, dict[str, np.ndarray]]:
    """By ablation the effects (head, example) of taking single heads out of anomalous texts, as shares of the gap.

    Yields the runs done.
    """
    texts = list(range(patching.n_anomalous))
    effects: dict[str, np.ndarray] = {}
    for number, kind in enumerate(kinds):
        running = patching.measure([[head] for head in heads], texts, metric, kind, behind_prefix=True)
        values = yield from relayed(running, (number * len(heads) * len(texts)).__add__)
        effects[kind] = (metric.values[texts] - values) / metric.gap
    return effects


def summary(
    heads: Sequence[HeadId], effects: Mapping[str, np.ndarray], bound: float, seed: int
) -> dict[HeadId, HeadEvidence]:
    """The effect of each head under every ablation, from `effects` (head, example) by ablation."""
    ablations: dict[HeadId, dict[str, EffectRecord]] = {head: {} for head in heads}
    for kind, values in effects.items():
        columns = values.mean(axis=1), *bootstrap_interval(values, seed)
        for head, *numbers in zip(heads, *columns, strict=True):
            effect, low, high = map(json_number, numbers)
            ablations[head][kind] = EffectRecord(effect=effect, low=low, high=high)
    return {
        head: HeadEvidence(ablations=rows, signs_disagree=disagree(list(rows.values()), bound))
        for head, rows in ablations.items()
    }


def disagree(effects: Sequence[EffectRecord], bound: float) -> bool:
    """Whether some of these effects are clearly positive and others clearly negative."""
    numbers = [[one.effect, one.low, one.high] for one in effects]
    effect, low, high = np.array(numbers, dtype=float).reshape(-1, 3).T
    clear = (np.abs(effect) >= bound / 2) & ((low > 0) | (high < 0))
    return len(set(np.sign(effect[clear]))) == 2
