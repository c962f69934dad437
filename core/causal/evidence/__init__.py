"""Causal evidence: what happens to the behaviour when a head or an edge is changed.

1. `core.causal.metric` turns the behaviour into one number a text, and says whether the two sides differ at all.
2. Which heads are tested: every head of the model where that takes at most EVERY_HEAD_RUNS changed runs of single texts
   (heads × texts × partners; `most_runs` where they read few tokens anew), with fewer partners a text where that helps.
   Otherwise the candidates, and beside them every head that a cheap signal holds strong, the strongest first
   (`STRONG_HEADS` at most).
3. `core.causal.comparison` takes each of them out (noising) and, between the texts of a pair, puts it in (denoising);
   its effect on a text is the change of the metric as a share of the gap between the sides.
4. `core.causal.verdicts` judges the effects. Then the strongest edges between the heads that matter are tested alike.
5. All confirmed heads are changed together, and all heads but these, beside random sets of heads
   (`core.causal.evidence.joint`): single effects do not say what the heads do together.

Beside the verdicts, and without a say in them: which of query, key and value carries an edge that is confirmed or
partly so (`core.causal.qkv_effects`); what the other ablations say of the heads that matter
(`core.causal.ablation_comparison`); and the attribution of every head of the model, a first-order guess
(`core.causal.attribution`).

Where the sides do not differ no effect is measured and no verdict is given. Where a model's edges cannot be patched,
its heads alone are tested.
"""

from core.causal.evidence._chosen import (
    EVERY_HEAD_RUNS,
    STRONG_HEADS,
    HeadEffects,
    every_head_rounds,
    most_runs,
)
from core.causal.evidence._gathering import MOST_EDGES, Evidence, gather

__all__ = [
    "EVERY_HEAD_RUNS",
    "MOST_EDGES",
    "STRONG_HEADS",
    "Evidence",
    "HeadEffects",
    "every_head_rounds",
    "gather",
    "most_runs",
]
