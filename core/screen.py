"""The causal screen: scores of codes combined with attribution, so that both must speak for a head or an edge."""

import numpy as np


def combined(scores: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """Geometric means (...,) of scores and sizes of attributions (...,)."""
    means: np.ndarray = np.sqrt(scores * np.abs(attribution))
    return means
