"""Whether the effects of selected heads hold on texts that their selection has not seen.

With FEWEST texts a side or more, heads are selected on two thirds of the texts. Of those whose effect there reaches the
bound, the share counts whose mean effect on the other third has the same sign and reaches the bound too, over SPLITS
splits in thirds. The autoencoders and the attention flow have seen all texts. Gradients and effects that take part in
the selection are those of its own texts, so that nothing measured on a text left out is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.discovery.autoencoder import Codes
from core.discovery.redrawn import Combining, redrawn_selections
from core.discovery.scoring import Statistic

FEWEST = 6
"""Texts a side, below which a third is too small to check anything."""

FOLDS = 3
SPLITS = 10


@dataclass(frozen=True)
class HeldOut:
    """`share` of the effects that hold on texts left out, of `checked` (head, fold) cases; NaN where there are none."""

    share: float = float("nan")
    checked: int = 0


def held_out(
    codes: Codes,
    tested: Sequence[int],
    effects: np.ndarray,
    bound: float,
    paired: bool,
    statistic: Statistic,
    seed: int,
    signals: Combining | None = None,
) -> HeldOut:
    """Check effects on texts left out; `tested` are flat heads, `effects` (direction, tested head, example).

    `signals` are what candidates were chosen by beside the codes. The direction is chosen on the texts of
    the selection. Nothing is checked with fewer than FEWEST texts on a side.
    """
    count, n_anomalous = codes.latent.shape[1], effects.shape[-1]
    if min(n_anomalous, count - n_anomalous) < FEWEST or not len(tested):
        return HeldOut()
    generator = np.random.default_rng(seed)
    anomalous = _training(n_anomalous, generator)
    normal = anomalous if paired else _training(count - n_anomalous, generator)
    selected = redrawn_selections(codes, anomalous, normal, statistic, signals)[:, list(tested)]
    train = np.einsum("dte,fe->fdt", effects, anomalous / anomalous.sum(axis=1, keepdims=True))
    rest = np.einsum("dte,fe->fdt", effects, (1 - anomalous) / (1 - anomalous).sum(axis=1, keepdims=True))
    direction = np.abs(np.nan_to_num(train)).argmax(axis=1)[:, None]
    first, second = (np.take_along_axis(means, direction, axis=1)[:, 0] for means in (train, rest))
    checked = selected & (np.abs(first) >= bound) & np.isfinite(second)
    holds = checked & (np.sign(first) * second >= bound)
    return HeldOut(float(holds.sum() / checked.sum()) if checked.any() else float("nan"), int(checked.sum()))


def _training(count: int, generator: np.random.Generator) -> np.ndarray:
    """Which texts the selection sees (split and fold, example): 1, or 0 for those left out."""
    orders = generator.random((SPLITS, count)).argsort(axis=1)
    return np.concatenate([(orders % FOLDS != fold).astype(int) for fold in range(FOLDS)])
