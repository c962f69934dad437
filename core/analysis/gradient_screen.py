"""The gradient screen: scores of codes combined with attribution, so that both must be high for a head or an edge.

1. Attribution with integrated gradients (`core.causal.edge_attribution`) of all heads and edges, on the pairs
   that an analysis compares: a handful of forward and backward passes.
2. A combined score is the geometric mean of the code score and the attribution. Scores of single members are combined
   with the same attribution; scores of texts drawn anew with the attribution of these texts.

Gradients read the behaviour on the very texts on which effects are measured afterwards. So it is never part of a score
unless asked for, and p-values of candidates that it chose are somewhat too small.

There is none, and `state` says why, where the texts are no pairs of equal length, the sides do not differ in
behaviour, a norm stands behind the attention, memory does not suffice, or the gradients are no finite numbers.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.causal.edge_attribution import STEPS, Attributed, adds_up_by_head, attributed, tokens_at_once
from core.causal.metric import Metric
from core.causal.paired_runs import PairedRuns
from core.errors import ExamplesError, ModelError
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.model.memory import is_out_of_memory
from core.model.recording import Recording
from core.schema import GradientScreenRecord, Note

State = Literal["computed", "no_pairs", "no_difference", "norm", "memory", "not_finite"]


@dataclass(frozen=True)
class GradientScreen:
    """The attribution, or in `state` why there is none; and what it cost."""

    state: State
    attributed: Attributed | None = None
    forward_passes: int = 0
    backward_passes: int = 0

    def record(self) -> GradientScreenRecord:
        """For the manifest."""
        cost = {"forward_passes": self.forward_passes, "backward_passes": self.backward_passes}
        return GradientScreenRecord(state=self.state, steps=STEPS, **cost)

    def note(self) -> Note:
        """What a reader must know, as key and values for the catalogues."""
        values = {"steps": STEPS} if self.attributed else {}
        return Note(key=f"gradient_screen_{self.state}", values=values)


def gradient_screen(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    seed: int,
    metric: Metric | None = None,
) -> Generator[int, None, GradientScreen]:
    """Attribution of all heads and edges on these pairs; yields how many gradients of single texts are done.

    `recording` is of the whole example set, `metric` that of the compared texts where it is there already.
    """
    loaded = recording.loaded
    if not adds_up_by_head(loaded):
        return GradientScreen("norm")
    runs = None
    try:
        runs = PairedRuns(loaded, examples, seed, alignment, tokens_at_once(loaded), recording, metric)
        if not runs.metric.differs:
            return GradientScreen("no_difference", None, runs.forward_passes)
        attribution = yield from attributed(runs, STEPS)
    except ExamplesError:
        return GradientScreen("no_pairs")
    except (RuntimeError, MemoryError, ModelError) as error:
        if not is_out_of_memory(error):
            raise
        return GradientScreen("memory", None, runs.forward_passes if runs else 0)
    cost = attribution.forward_passes, attribution.backward_passes
    if not (np.isfinite(attribution.by_pair).all() and np.isfinite(attribution.edges).all()):
        return GradientScreen("not_finite", None, *cost)
    return GradientScreen("computed", attribution, *cost)


def steps_of(alignment: Alignment) -> int:
    """How many gradients of single texts a screen takes."""
    return STEPS * alignment.n_anomalous
