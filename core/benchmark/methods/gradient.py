"""Methods that need a gradient of the metric m: a few forward and backward passes for all heads or edges.

1. `hisp`, head importance (Michel 2019, arXiv 1905.10650): |∂m/∂ξ_h| for a gate ξ_h = 1 on what head h writes, its mean
   over the anomalous texts, divided by the length of its layer's vector. Edges: an edge is worth what its weaker head
   is worth, since the published circuits are made of whole heads (Conmy 2023).
2. `eap`, edge attribution patching (Syed 2023, arXiv 2310.10348): for an edge s→r the change of what s writes into the
   residual stream, from the normal text's to the anomalous one's, times the gradient of m with respect to the input of
   r alone: its queries, keys and values together, through the norm in front. It is path patching to first order. Heads:
   attribution patching, the same with the gradient with respect to what the head writes.
3. `eap_ig` (Hanna 2024, arXiv 2403.17806): the same with gradients averaged over STEPS runs on the way from the normal
   text's word embeddings to the anomalous one's.

Scores are sizes of the mean over texts, in the direction of taking the anomalous value out. Not for models with a norm
behind the attention (Gemma 2 and 3), where what a layer writes is no sum over heads.
"""

import numpy as np
import torch
from torch import Tensor

from core.benchmark.methods.method import Method, Outcome, by_codes
from core.causal.edge_attribution import STEPS, attributions, gradients, over_positions
from core.causal.paired_runs import PairBatch, PairedRuns, forward_mask
from core.config import PRESETS
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel


def hisp(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Head importance by gates."""
    runs = PairedRuns(loaded, examples, seed)
    by_pair = np.zeros((runs.count, len(loaded.heads)))
    for batch in runs.batches:
        np.add.at(by_pair, batch.pairs, gate_gradients(runs, batch).T.numpy())
    sizes = np.abs(by_pair).sum(axis=0)
    length = np.ones(len(sizes))
    for layer in loaded.layers_with_heads:
        own = loaded.slice_of(layer)
        length[own] = np.sqrt((sizes[own] ** 2).sum()) or 1
    heads = sizes / length
    edges = np.minimum.outer(heads, heads) * forward_mask(loaded)
    return Outcome(heads, edges, runs.forward_passes)


def gate_gradients(runs: PairedRuns, batch: PairBatch) -> Tensor:
    """Gradient (flat head, row) of each row's metric with respect to a gate on each head."""
    gradient = gradients(runs, batch)
    sides = zip(batch.z, gradient, strict=True)
    return torch.cat([over_positions(z.to(slope) * slope) for z, slope in sides])


def _attributed(steps: int) -> Method:
    def method(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
        heads, edges, passes = attributions(loaded, examples, seed, steps)
        return Outcome(np.abs(heads), np.abs(edges), passes)

    return method


eap, eap_ig = _attributed(1), _attributed(STEPS)


def screened(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Codes of the preset `standard` with the gradient screen: geometric means of code score and size of attribution.

    So both must speak for a head or an edge. That both count alike was chosen on the tuning models
    (`core.benchmark.tasks.task`).
    """
    codes = by_codes(PRESETS["standard"])(loaded, examples, seed)
    heads, edges, passes = attributions(loaded, examples, seed, STEPS)
    scores = np.sqrt(codes.heads * np.abs(heads)), np.sqrt(codes.edges * np.abs(edges))
    return Outcome(*scores, codes.forward_passes + passes)
