"""Subnetwork probing over heads (Cao 2021, arXiv 2104.03514), in the form in which it finds circuits (Conmy 2023).

1. Every head has a hard-concrete gate g in 0 … 1 (Louizos 2018) with a learned location; where it is shut, the head
   writes what it writes in the normal text.
2. Adam minimises the divergence of the next word, at each place that is read, from that of the whole model on the
   anomalous texts, as a share of the divergence with all gates shut, plus PENALTY times the mean probability that a
   gate is not shut.
3. The score of a head is the probability that its gate is not shut at the end. An edge is worth what its weaker head is
   worth, since a circuit here is made of whole heads.

The penalty's scale: shutting a head pays where it explains less than the mean share, so nothing is tuned to a task.
"""

import math
from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core.benchmark.methods.method import Outcome
from core.causal.paired_runs import PairBatch, PairedRuns, forward_mask
from core.examples.example_set import ExampleSet
from core.model.hooks import on_z
from core.model.loaded_model import LoadedModel

STEPS, LEARNING_RATE, PENALTY = 300, 0.1, 1.0
BETA, LOW, HIGH = 2 / 3, -0.1, 1.1
"""Temperature of the gates, and how far they are stretched beyond 0 … 1."""

OPEN_AT_FIRST = 0.9
"""Value of a gate without noise at the start."""


def subnetwork_probing(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Learned gates on heads."""
    runs = PairedRuns(loaded, examples, seed)
    heads = learned_gates(runs, seed)
    edges = np.minimum.outer(heads, heads) * forward_mask(loaded)
    return Outcome(heads, edges, runs.forward_passes)


def learned_gates(runs: PairedRuns, seed: int, steps: int = STEPS) -> np.ndarray:
    """Probability (head,) that each gate is not shut, after training."""
    generator = torch.Generator().manual_seed(seed)
    share = (OPEN_AT_FIRST - LOW) / (HIGH - LOW)
    location = torch.full((len(runs.loaded.heads),), math.log(share / (1 - share))).requires_grad_()
    optimiser = torch.optim.Adam([location], lr=LEARNING_RATE)
    with torch.no_grad():
        shut = divergence(runs, torch.zeros_like(location))
    for _ in range(steps):
        optimiser.zero_grad()
        noise = torch.rand(location.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        with torch.enable_grad():
            loss = divergence(runs, gates(location, noise)) / shut.clamp_min(1e-9)
            loss = loss + PENALTY * not_shut(location).sigmoid().mean()
            loss.backward()
        optimiser.step()
    chances: np.ndarray = not_shut(location.detach()).double().sigmoid().numpy()
    return chances


def gates(location: Tensor, noise: Tensor) -> Tensor:
    """Hard-concrete gates in 0 … 1 from their locations and uniform noise."""
    soft = torch.sigmoid((noise.log() - (1 - noise).log() + location) / BETA)
    return (soft * (HIGH - LOW) + LOW).clamp(0, 1)


def not_shut(location: Tensor) -> Tensor:
    """Log-odds that a gate is above 0."""
    return location - BETA * math.log(-LOW / HIGH)


def divergence(runs: PairedRuns, gate: Tensor) -> Tensor:
    """Mean divergence, in nats, of the next word after the anomalous texts under gates (flat head,)."""
    total = torch.zeros(())
    for batch in runs.batches:
        with ExitStack() as stack:
            for layer in runs.loaded.layers_with_heads:
                own = gate[runs.loaded.slice_of(layer)]
                stack.enter_context(on_z(runs.loaded, layer, partial(_gated, batch, own, layer)))
            logits = runs.logits(batch)
        plain = batch.logits.float().log_softmax(dim=-1)
        total = total + (plain.exp() * (plain - logits.float().log_softmax(dim=-1))).sum()
    return total / runs.count


def _gated(batch: PairBatch, gate: Tensor, layer: int, z: Tensor) -> Tensor:
    other, share = batch.other[layer].to(z), gate.to(z)[:, None]
    return other + share * (z - other)
