"""Resample patching of every head and path patching of every edge: the ceiling, and what it costs."""

import numpy as np

from core.benchmark.methods.method import Outcome
from core.causal.paired_runs import PairedRuns
from core.causal.patching import Patching
from core.examples.alignment import align
from core.examples.example_set import ExampleSet
from core.generators import result_of
from core.heads import forward_pairs
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise


def exact_patching(loaded: LoadedModel, examples: ExampleSet, seed: int) -> Outcome:
    """Size of the mean effect in the direction where it is larger, as the true circuits are measured."""
    recording = Recording(loaded, tokenise(loaded, examples), streams=True)
    alignment = align(examples, recording.texts)
    runs = PairedRuns(loaded, examples, seed, alignment, recording=recording)
    heads, pairs = list(loaded.heads), list(forward_pairs(loaded.heads))
    patching = Patching(recording.of(alignment.kept), runs.count, paired=True)
    sizes = [
        np.abs(result_of(patching.effects(targets, runs.metric)).mean(axis=-1)).max(axis=0)
        for targets in (heads, pairs)
    ]
    edges = np.zeros((len(heads),) * 2)
    for pair, size in zip(pairs, sizes[1], strict=True):
        edges[heads.index(pair.source), heads.index(pair.target)] = size
    passes = recording.forward_passes + patching.forward_passes
    return Outcome(sizes[0], edges, passes)
