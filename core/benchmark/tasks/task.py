"""What methods are measured on: a model, a true circuit, and fresh draws of examples.

Test tasks are the bundled scenarios and the models of other architectures in `models/`; no setting was chosen on any
of their draws. Settings are chosen on tuning tasks: models trained with other seeds
(`core.benchmark.tasks.train_models`), which are not bundled, and other draws.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from core.examples.example_set import ExampleSet
from core.heads import EdgeId, HeadId
from core.model.loading import LoadedModel, ModelPool
from core.scenarios.build.make_examples import examples_of
from core.scenarios.build.make_truth import fresh_pairs
from core.scenarios.build.tasks import TASKS, TaskPair
from core.scenarios.loader import load_scenario, load_truth, parse_edge, scenario_names

Role = Literal["test", "tuning"]
PairMaker = Callable[[str, int, int], list[TaskPair]]
"""Makes pairs from a task's name, a count and a seed."""

FIRST_SEEDS: dict[Role, int] = {"test": 70_000, "tuning": 20_000}
"""Draws start here: no seed of training, of the bundled examples, of the truth, nor of the other role."""

MODELS = Path(__file__).parents[1] / "models"


class TaskName(NamedTuple):
    """How to find a task again, in another process too; without a folder it is a bundled scenario, and `published` is
    one of `core.benchmark.tasks.gpt2_circuits`; `real` is the name of one of `core.benchmark.tasks.real.models`.
    """

    name: str
    folder: str = ""
    role: Role = "test"
    published: bool = False
    real: str = ""


@dataclass(frozen=True)
class NotRun:
    """A task that cannot be measured here, and why."""

    task: str
    model: str
    reason: str


@dataclass(frozen=True)
class Task:
    """A model with a true circuit; draws come from `draw`.

    `model_name` stands in the tables in place of the architecture. `head_effects` are shares of the gap, the larger of
    both directions with its sign. Where pairs of `make_pairs` have various numbers of tokens, `make_alike` makes pairs
    of one. `by_words_alone`: only the words given tell the sides apart.
    """

    name: str
    loaded: LoadedModel
    true_heads: frozenset[HeadId]
    true_edges: frozenset[EdgeId]
    role: Role = "test"
    make_pairs: PairMaker = fresh_pairs
    model_name: str = ""
    head_effects: Mapping[HeadId, float] = field(default_factory=dict)
    make_alike: PairMaker | None = None
    by_words_alone: bool = False

    @property
    def model(self) -> str:
        """Its name in the tables."""
        return self.model_name or self.loaded.shape.architecture

    def pairs(self, count: int, seed: int) -> list[TaskPair]:
        """`count` different pairs; the same numbers give the same pairs."""
        return self.make_pairs(self.name, count, seed)

    def draw(self, examples: int, draw: int) -> ExampleSet:
        """`examples` fresh pairs; the same numbers give the same examples."""
        pairs = self.pairs(examples, FIRST_SEEDS[self.role] + draw)
        return ExampleSet(examples=tuple(examples_of(pairs)))

    def head_truth(self) -> np.ndarray:
        """Which of the flat heads are true (head,)."""
        return np.array([head in self.true_heads for head in self.loaded.heads])

    def edge_truth(self) -> np.ndarray:
        """Which pairs of flat heads are true edges (source, target)."""
        truth = np.zeros((len(self.head_truth()),) * 2, dtype=bool)
        for source, target in self.true_edges:
            truth[self.flat(source), self.flat(target)] = True
        return truth

    def flat(self, head: HeadId) -> int:
        """Place of a head in the order of all heads."""
        return self.loaded.flat(head)


def bundled_names() -> list[TaskName]:
    """Every scenario whose circuit is known, then the tasks of the bundled models of other architectures."""
    scenarios = [TaskName(name) for name in scenario_names() if load_truth(name) is not None]
    return scenarios + names_in(MODELS, "test")


def names_in(folder: Path, role: Role = "tuning") -> list[TaskName]:
    """The tasks of a folder with one folder a model, each with its weights and a truth `TASK.json` per task."""
    models = sorted(path for path in folder.glob("*") if (path / "config.json").is_file())
    return [
        TaskName(task, str(model), role)
        for model in models
        for task in TASKS
        if (model / f"{task}.json").is_file()
    ]


def load_task(name: TaskName, models: ModelPool) -> Task:
    """The task of this name, on the CPU."""
    if not name.folder:
        truth = load_truth(name.name)
        assert truth is not None, f"no circuit is known of {name.name}"
        loaded = models.get(str(load_scenario(name.name).model_folder), "cpu")
        effects = {head: effect.largest for head, effect in truth.head_effects.items()}
        return Task(name.name, loaded, truth.heads, truth.edges, name.role, head_effects=effects)
    content = json.loads((Path(name.folder) / f"{name.name}.json").read_text(encoding="utf-8"))
    return Task(
        name.name,
        models.get(name.folder, "cpu"),
        frozenset(HeadId.parse(head) for head in content["heads"]),
        frozenset(parse_edge(edge) for edge in content["edges"]),
        name.role,
        head_effects=effects_in(content),
    )


def effects_in(content: Mapping[str, Any]) -> dict[HeadId, float]:
    """The larger effect of every head in a truth file, with its sign."""
    return {HeadId.parse(head): max(row[:2], key=abs) for head, row in content["head_effects"].items()}
