"""Codes combined with the gradient screen: a method of its own, never part of the others.

The screen is attribution with integrated gradients (`core.causal.edge_attribution`, `eap_ig`): a handful of forward and
backward passes. A head's score is the geometric mean of its code score and its attribution; an edge's that of its own
score and the attribution along it. So both must speak for it. That both count alike was chosen on the tuning models
(`core.benchmark.tasks.task`).
"""

import time

from core.benchmark.methods.method import Outcome, ours
from core.causal.edge_attribution import STEPS, attributions
from core.config import PRESETS
from core.discovery.scoring import combined
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel


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
