"""How sure scores and effects are: intervals, permutations, sign flips, false discovery control."""

from itertools import combinations
from math import comb

import numpy as np
from scipy.stats import false_discovery_control

from core.causal.bounds import COVERAGE

EXACT_EXAMPLES = 12
"""Up to this many examples every sign pattern is tried; beyond, FLIPS of them are drawn."""

FLIPS = 10_000
DRAWS = 2000


def member_interval(per_member: np.ndarray, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Central interval (low, high) over members of values (member, ...)."""
    tail = (1 - coverage) / 2
    return np.quantile(per_member, tail, axis=0), np.quantile(per_member, 1 - tail, axis=0)


def q_values(p_values: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values; NaN stays NaN and is not counted as a test."""
    q = np.full(p_values.shape, np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        q[tested] = false_discovery_control(p_values[tested])
    return q


def sign_flip_p(values: np.ndarray, seed: int) -> np.ndarray:
    """Two-sided p-value (target,) of the mean of values (direction, target, example) being no chance pattern.

    Under the null every example's value could as well have the other sign. The statistic is the largest absolute
    mean over the directions, so that choosing the larger direction is paid for. Exact over all 2^n patterns for
    n <= EXACT_EXAMPLES, else from FLIPS drawn ones with the true one counted.
    """
    signs = sign_patterns(values.shape[-1], seed)
    means = np.einsum("dte,pe->dtp", values, signs, optimize=True) / values.shape[-1]
    return share_reaching(np.abs(means).max(axis=0), np.abs(values.mean(axis=-1)).max(axis=0))


def sign_patterns(count: int, seed: int) -> np.ndarray:
    """Patterns (pattern, example) of +1 and -1: all of them, or FLIPS drawn ones after the true one."""
    if count <= EXACT_EXAMPLES:
        return 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    drawn = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, count))
    return np.concatenate([np.ones((1, count)), drawn])


def smallest_sign_flip_p(count: int) -> float:
    """The smallest p that `sign_flip_p` can give for this number of examples."""
    return min(1.0, 2 / 2**count) if count <= EXACT_EXAMPLES else 1 / (FLIPS + 1)


def label_weights(examples: int, n_anomalous: int, seed: int) -> np.ndarray:
    """Weights (labelling, example) of mean anomalous minus mean normal, the true labelling first.

    All labellings with this many anomalous examples where there are few, else FLIPS drawn ones.
    """
    if comb(examples, n_anomalous) <= FLIPS:
        anomalous = np.array(list(combinations(range(examples), n_anomalous)))
    else:
        generator = np.random.default_rng(seed)
        drawn = generator.random((FLIPS, examples)).argsort(axis=1)[:, :n_anomalous]
        anomalous = np.concatenate([np.arange(n_anomalous)[None], drawn])
    weights = np.full((len(anomalous), examples), -1.0 / (examples - n_anomalous))
    np.put_along_axis(weights, anomalous, 1.0 / n_anomalous, axis=1)
    return weights


def share_reaching(statistics: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Share (target,) of statistics (target, pattern) that reach the observed one, up to rounding."""
    reached = statistics >= (observed - 1e-9 * np.abs(observed))[:, None]
    return reached.mean(axis=1)


def bootstrap_interval(values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval (low, high) of the mean of values (target, example), drawing examples anew.

    NaN where there are fewer than two examples.
    """
    count = values.shape[1]
    if count < 2:
        return np.full(len(values), np.nan), np.full(len(values), np.nan)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return member_interval(drawn @ values.T / count, COVERAGE)
