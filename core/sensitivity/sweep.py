"""How far a result hangs on the settings: the same texts, trained again with one setting moved at a time.

1. The head outputs are captured once, through the cache.
2. The autoencoders are trained for every training of the plan (`core.sensitivity.plan`), and heads scored and
   selected as in an analysis.
3. Each selection is held against that of the run as it stands, with its own settings and seed (agreement: Jaccard).
4. Where the true circuit is known, scores are held against it too (`against_truth`). Training, scoring and selecting
   never see it.

What candidates come from beside the codes, gradients and exact effects, is measured once, since no setting that is
moved changes it, and combined with every training. With fewer texts, pairs stay together, these signals are those of
these texts, and positions, attention weights and first-order effects of edges are those of all of them. Partners are
made once.
"""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from core.analysis.candidates import Scores, with_signals
from core.analysis.observations import Observations, scores_of, train_codes
from core.analysis.signals import Signals
from core.analysis.steps import Clock, observe_texts, ranked_heads, with_partners
from core.config import RunConfig
from core.discovery.stability import jaccard
from core.examples.reading import read_examples
from core.generators import relayed
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario, load_truth
from core.schema import Progress
from core.sensitivity.plan import GRID, Grid, Training, plan
from core.sensitivity.sweep_files import (
    Measurement,
    Swept,
    as_tables,
    holds_complete,
    measured_before,
    read_unfinished,
    write,
)

STAGE = "sensitivity"
WRITE_EVERY = 2.0
"""Seconds between two writings of what was measured so far."""


@dataclass(frozen=True)
class _Ground:
    """What all trainings start from."""

    config: RunConfig
    observed: Observations
    truth: np.ndarray | None
    signals: Signals | None = None
    edge_gradient: np.ndarray | None = None

    @property
    def per_side(self) -> int:
        """Texts on the smaller side."""
        alignment = self.observed.alignment
        return min(alignment.n_anomalous, len(alignment.kept) - alignment.n_anomalous)


@within_memory
def sweep(
    config: RunConfig,
    models: ModelPool | None = None,
    store: ActivationStore | None = None,
    *,
    grid: Grid = GRID,
    before: Swept | None = None,
) -> Generator[Progress | Swept, None, None]:
    """Progress records, after each training a Swept of what was measured so far, the last one whole.

    `before` is what an earlier sweep of the same settings measured; it is not trained again. Raises HeadlightError for
    what a user can mend. Activations go through `store`, by default the one in the home folder.
    """
    yield Progress("load", 0, 1)
    config.examples.check()
    with (models or ModelPool(size=1)).lease(config.model, config.device, config.adapter) as loaded:
        ground = yield from _ground(config, loaded, store)
        yield from _trainings(config, ground, grid, before)


def _trainings(
    config: RunConfig, ground: _Ground, grid: Grid, before: Swept | None
) -> Generator[Progress | Swept, None, None]:
    """Every training of the plan on the same observations."""
    ground = yield from _with_signals(ground)
    planned = plan(config, ground.per_side, grid)
    about: dict[str, str | int] = {
        "task": config.scenario,
        "model": ground.observed.loaded.shape.architecture,
        "examples": ground.per_side,
    }
    measured, total = measured_before(planned, before), len(planned.trainings)
    yield Progress(STAGE, len(measured), total)
    if len(measured) == total:
        yield as_tables(planned, measured, about)
        return
    own = yield from _trained(ground, planned.default, len(measured), total)
    for training in planned.trainings:
        if training in measured:
            continue
        began = time.perf_counter()
        scores = own
        if training != planned.default:
            scores = yield from _trained(ground, training, len(measured), total)
        seconds = round(time.perf_counter() - began, 4)
        measured[training] = _measurement(scores, own, ground.truth, seconds)
        yield as_tables(planned, measured, about)
        yield Progress(STAGE, len(measured), total)


def sweep_into(
    run: RunFolder, config: RunConfig, models: ModelPool | None = None, grid: Grid = GRID
) -> Generator[Progress, None, None]:
    """The sweep into sweep.csv, sweep_map.csv and sensitivity.json of a folder; goes on where it was left early.

    A sweep that lies there complete is replaced only by one that is complete.
    """
    before, spent = read_unfinished(run, config, grid)
    began, written = time.perf_counter(), 0.0
    latest: Swept | None = None
    replaces = holds_complete(run)
    try:
        for item in sweep(config, models, grid=grid, before=before):
            if isinstance(item, Progress):
                yield item
                continue
            latest = item
            if not replaces and time.perf_counter() - written > WRITE_EVERY:
                write(run, config, grid, latest, spent + time.perf_counter() - began)
                written = time.perf_counter()
    finally:
        if latest is not None and (latest.complete or not replaces):
            write(run, config, grid, latest, spent + time.perf_counter() - began)


def against_truth(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(ROC AUC, average precision) of head scores (head,) against the true heads; NaN where all or none are true."""
    if truth.all() or not truth.any():
        return float("nan"), float("nan")
    return float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores))


def known_truth(config: RunConfig, loaded: LoadedModel) -> np.ndarray | None:
    """Which flat heads are true (head,); None unless scenario, weights and every text are the bundled ones."""
    truth = load_truth(config.scenario) if config.scenario else None
    if truth is None or truth.model_hash != loaded.weights_hash:
        return None
    bundled = load_scenario(config.scenario)
    files = {bundled.examples_file, *bundled.examples.values()}
    texts = {(x.label, x.text) for file in files for x in read_examples(file).examples}
    if not {(x.label, x.text) for x in config.examples.examples} <= texts:
        return None
    heads = list(loaded.heads)
    return np.array([head in truth.heads for head in heads])


def _ground(
    config: RunConfig, loaded: LoadedModel, store: ActivationStore | None
) -> Generator[Progress, None, _Ground]:
    """Read the texts, batch by batch, so that a sweep can be left meanwhile."""

    def opened() -> AbstractContextManager[ActivationStore]:
        return nullcontext(store) if store is not None else closing(ActivationStore())

    truth, clock = known_truth(config, loaded), Clock()
    observed = yield from relayed(observe_texts(config, loaded, opened, clock), _loading)
    config, observed, _ = yield from relayed(with_partners(config, observed, opened, clock), _loading)
    return _Ground(config, observed, truth)


def _loading(record: Progress) -> Progress:
    """The same progress, in the stage in front of the trainings."""
    return Progress("load", record.step, record.total)


def _trained(ground: _Ground, training: Training, step: int, total: int) -> Generator[Progress, None, Scores]:
    """Train and score; progress stays at `step`, so that a long training can be left."""
    texts = _texts(ground, training)
    observed, settings = ground.observed.of(texts), training.autoencoder
    codes = yield from relayed(
        train_codes(observed, settings, training.seed), lambda _: Progress(STAGE, step, total)
    )
    flow = observed.flow()
    scores = scores_of(observed, flow.weigh(codes), flow, settings)
    if ground.signals is None:
        return scores
    signals = ground.signals.of(texts[: observed.n_anomalous])
    return with_signals(scores, signals, ground.edge_gradient)


def _with_signals(ground: _Ground) -> Generator[Progress, None, _Ground]:
    """What scores of codes are combined with, over all texts, as in an analysis."""
    if ground.config.ranked_by == "codes":
        return ground
    ranked = yield from relayed(ranked_heads(ground.config, ground.observed, Clock()), _loading)
    return replace(ground, signals=ranked.scores.signals, edge_gradient=ranked.scores.edge_gradient)


def _texts(ground: _Ground, training: Training) -> np.ndarray:
    """Indices of the texts of a training, anomalous first."""
    n_anomalous, n_texts = ground.observed.alignment.n_anomalous, len(ground.observed.alignment.kept)
    if not training.texts:
        return np.arange(n_texts)
    numbers = np.random.default_rng([training.seed, training.texts, training.draw])
    first = np.sort(numbers.permutation(n_anomalous)[: training.texts])
    if ground.observed.alignment.paired:
        return np.concatenate([first, n_anomalous + first])
    second = np.sort(numbers.permutation(n_texts - n_anomalous)[: training.texts])
    return np.concatenate([first, n_anomalous + second])


def _measurement(scores: Scores, own: Scores, truth: np.ndarray | None, seconds: float) -> Measurement:
    selected = scores.head_selected
    auc, precision = (np.nan, np.nan) if truth is None else against_truth(scores.heads.score.numpy(), truth)
    return Measurement(auc, precision, jaccard(selected, own.head_selected), int(selected.sum()), seconds)
