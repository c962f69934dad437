"""One setting moved away from its default at a time, on tasks whose circuit is known: the rows of sweep.csv."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.benchmark.methods.method import ours
from core.benchmark.metrics.ranking import ranking
from core.benchmark.tasks.task import Task
from core.config import PRESETS, AutoencoderConfig
from core.discovery.selection import HEAD_RULE, select
from core.discovery.stability import jaccard
from core.examples.example_set import ExampleSet

SETTINGS: dict[str, tuple[float, ...]] = {
    "latents": (16, 32, 64, 128, 256),
    "sparsity": (0.2, 2 / 10**0.5, 2.0, 2 * 10**0.5, 20.0),
    "epochs": (0, 15, 30, 60, 120, 240),
    "learning_rate": (0.00075, 0.0015, 0.003, 0.006, 0.012),
    "members": (1, 2, 4, 8, 16),
}
SEEDS = 2


@dataclass(frozen=True)
class SweepRow:
    """One analysis with one setting moved: the columns of sweep.csv.

    `agreement` is the overlap (Jaccard) of the candidate heads with those of the default settings and the same seed.
    """

    task: str
    model: str
    examples: int
    draw: int
    seed: int
    setting: str
    value: float
    is_default: bool
    auc: float
    average_precision: float
    agreement: float
    selected: int
    seconds: float


def sweep_rows(task: Task, examples: int, draw: int) -> Iterator[SweepRow]:
    """Rows of one draw: every value of every setting, with SEEDS seeds."""
    texts, default, truth = task.draw(examples, draw), PRESETS["standard"], task.head_truth()
    for seed in range(SEEDS):
        usual = _timed(default, task, texts, seed)
        for setting, values in SETTINGS.items():
            for value in values:
                settings = moved(default, setting, value)
                heads, seconds = usual if settings == default else _timed(settings, task, texts, seed)
                selected: np.ndarray = select(heads, HEAD_RULE)
                yield SweepRow(
                    task.name,
                    task.model,
                    examples,
                    draw,
                    seed,
                    setting,
                    round(value, 6),
                    settings == default,
                    *ranking(truth, heads),
                    agreement=round(jaccard(select(usual[0], HEAD_RULE), selected), 4),
                    selected=int(selected.sum()),
                    seconds=round(seconds, 4),
                )


def _timed(settings: AutoencoderConfig, task: Task, texts: ExampleSet, seed: int) -> tuple[np.ndarray, float]:
    """Scores of the heads with these settings, and the seconds they took."""
    start = time.perf_counter()
    return ours(settings)(task.loaded, texts, seed).heads, time.perf_counter() - start


def moved(settings: AutoencoderConfig, name: str, value: float) -> AutoencoderConfig:
    """The settings with one of them changed; whole numbers where the setting is one."""
    kind = type(getattr(settings, name))
    return settings.model_copy(update={name: kind(value)})
