"""Codes combined with the cheap causal screen: a method of its own, never part of the others.

The screen is attribution with integrated gradients (`core.benchmark.gradient_methods`, `eap_ig`): a handful of forward
and backward passes. A head's score is the geometric mean of its code score and the size of its attribution; an edge's
that of its joint codes and the size of the attribution along the edge. So both must speak for it.
"""

import time

import numpy as np

from core.benchmark.gradient_methods import STEPS, attributions
from core.benchmark.methods import Outcome, ours
from core.config import PRESETS
from core.examples import ExampleSet
from core.loaded_model import LoadedModel


def screened(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """The preset `standard` with the screen."""
    start = time.perf_counter()
    codes = ours(PRESETS["standard"])(loaded, examples, seed)
    heads, edges, passes = attributions(loaded, examples, seed, STEPS)
    return Outcome(
        combined(codes.heads, heads),
        combined(codes.edges, edges),
        time.perf_counter() - start,
        codes.forward_passes + passes,
    )


def combined(scores: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """Geometric means (...,) of scores and sizes of attributions (...,)."""
    means: np.ndarray = np.sqrt(scores * np.abs(attribution))
    return means
