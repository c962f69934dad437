"""What methods are measured on: a model, a true circuit, and fresh draws of examples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.examples import ExampleSet
from core.heads import EdgeId, HeadId, all_heads
from core.models import LoadedModel, ModelPool
from core.scenarios import load_scenario, load_truth, scenario_names
from core.scenarios.make_examples import examples_of
from core.scenarios.make_truth import fresh_pairs

FIRST_SEED = 50_000
"""Draws start here: no seed of training, of the bundled examples, of the truth, nor of the tuning draws."""


@dataclass(frozen=True)
class Task:
    """A model with a true circuit; draws come from `draw`."""

    name: str
    loaded: LoadedModel
    true_heads: frozenset[HeadId]
    true_edges: frozenset[EdgeId]

    def draw(self, examples: int, draw: int) -> ExampleSet:
        """`examples` fresh pairs; the same numbers give the same examples."""
        return ExampleSet(examples=tuple(examples_of(fresh_pairs(self.name, examples, FIRST_SEED + draw))))

    def head_truth(self) -> np.ndarray:
        """Which of the flat heads are true (head,)."""
        shape = self.loaded.shape
        return np.array([head in self.true_heads for head in all_heads(shape.n_layers, shape.n_heads)])

    def edge_truth(self) -> np.ndarray:
        """Which pairs of flat heads are true edges (source, target)."""
        n_heads = self.loaded.shape.n_heads
        truth = np.zeros((len(self.head_truth()),) * 2, dtype=bool)
        for source, target in self.true_edges:
            truth[source.layer * n_heads + source.head, target.layer * n_heads + target.head] = True
        return truth

    def forward(self) -> np.ndarray:
        """Which pairs of flat heads run forward (source, target)."""
        layer = np.arange(len(self.head_truth())) // self.loaded.shape.n_heads
        return layer[:, None] < layer[None, :]


def tasks(models: ModelPool) -> Iterator[Task]:
    """Every scenario whose circuit is known."""
    for name in scenario_names():
        truth = load_truth(name)
        if truth is not None:
            loaded = models.get(str(load_scenario(name).model_folder), "cpu")
            yield Task(name, loaded, truth.heads, truth.edges)
