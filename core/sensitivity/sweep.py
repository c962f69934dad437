"""How far a result hangs on the settings: the same texts, trained again with one setting moved at a time.

1. The head outputs are captured once, through the cache.
2. The autoencoders are trained for every training of the plan (`core.sensitivity.plan`), and heads scored and
   chosen as in an analysis.
3. Each choice is held against that of the run as it stands, with its own settings and seed (agreement: Jaccard).
4. Where the true circuit is known, scores are held against it too (`against_truth`). Training, scoring and choosing
   never see it.

Where candidates come from codes and the causal screen, the screen is made once, since no setting that is moved changes
it, and combined with every training. With fewer texts, pairs stay together, the screen is that of these pairs, and
positions and attention weights are those of all of them.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from core.analysis.candidates import Scores, screened
from core.analysis.gradient_screen import gradient_screen, steps_of
from core.analysis.observations import Observations, observe, scores_of, train_codes
from core.causal.edge_attribution import Attributed
from core.config import RunConfig
from core.discovery.stability import jaccard
from core.errors import StorageError
from core.examples.alignment import Alignment
from core.examples.example_set import read_examples
from core.generators import relayed
from core.heads import all_heads
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.runs.run_folder import RunFolder
from core.scenarios import load_scenario, load_truth
from core.schema import FORMAT, Progress
from core.sensitivity.plan import GRID, Cell, Grid, Plan, Row, Training, plan, settings_key
from core.sensitivity.summary import (
    COLUMNS,
    MAP_COLUMNS,
    MAP_FILE,
    SENSITIVITY_FILE,
    SWEEP_FILE,
    read_sensitivity,
    read_table,
    summary,
)
from core.text.csv_safe import csv_bytes

__all__ = ["Swept", "against_truth", "known_truth", "robustness", "summary", "sweep"]

STAGE = "sensitivity"
WRITE_EVERY = 2.0
"""Seconds between two writings of what is found so far."""


@dataclass(frozen=True)
class Swept:
    """The tables of a sweep as far as it is (columns of `core.sensitivity.summary`)."""

    table: pd.DataFrame
    grid: pd.DataFrame
    trained: int
    trainings: int

    @property
    def complete(self) -> bool:
        """Whether every training of the plan is done."""
        return self.trained == self.trainings


@dataclass(frozen=True)
class _Ground:
    """What all trainings start from."""

    config: RunConfig
    observed: Observations
    truth: np.ndarray | None
    attributed: Attributed | None = None

    @property
    def loaded(self) -> LoadedModel:
        """The model."""
        return self.observed.loaded

    @property
    def alignment(self) -> Alignment:
        """What is compared, of all texts."""
        return self.observed.alignment

    @property
    def per_side(self) -> int:
        """Texts on the smaller side."""
        return min(self.alignment.n_anomalous, len(self.alignment.kept) - self.alignment.n_anomalous)


@dataclass
class _Found:
    """What was measured of each training, and the heads that the run as it stands chooses."""

    plan: Plan
    ground: _Ground
    by_training: dict[Training, dict[str, Any]] = field(default_factory=dict)

    def as_tables(self) -> Swept:
        """Rows and cells whose training is done."""
        done = self.by_training
        about = {
            "task": self.ground.config.scenario,
            "model": self.ground.loaded.shape.architecture,
            "examples": self.ground.per_side,
        }
        rows = [
            {**about, **_of_row(row), **done[row.training]} for row in self.plan.rows if row.training in done
        ]
        cells = [
            {**about, **_of_cell(cell), **done[cell.training]}
            for cell in self.plan.cells
            if cell.training in done
        ]
        return Swept(
            pd.DataFrame(rows, columns=list(COLUMNS)),
            pd.DataFrame(cells, columns=list(MAP_COLUMNS)),
            len(done),
            len(self.plan.trainings),
        )


def sweep(
    config: RunConfig,
    models: ModelPool | None = None,
    store: ActivationStore | None = None,
    *,
    grid: Grid = GRID,
    before: Swept | None = None,
) -> Generator[Progress | Swept, None, None]:
    """Progress records, after each training a Swept of what is found so far, the last one whole.

    `before` is what an earlier sweep of the same settings found; it is not trained again. Raises HeadlightError for
    what a user can mend. Activations go through `store`, by default the one in the home folder.
    """
    yield Progress("load", 0, 1)
    config.examples.check()
    loaded = (models or ModelPool(size=1)).get(config.model, config.device)
    ground = _ground(config, loaded, store)
    if config.candidates == "screened":
        ground = replace(ground, attributed=(yield from _attributed(ground)))
    planned = plan(config, ground.per_side, grid)
    found = _Found(planned, ground)
    if before is not None:
        found.by_training.update(_known(planned, before))
    total = len(planned.trainings)
    yield Progress(STAGE, len(found.by_training), total)
    if len(found.by_training) == total:
        yield found.as_tables()
        return
    own = yield from _trained(ground, planned.default, len(found.by_training), total)
    for training in planned.trainings:
        if training in found.by_training:
            continue
        began = time.perf_counter()
        scores = own
        if training != planned.default:
            scores = yield from _trained(ground, training, len(found.by_training), total)
        seconds = round(time.perf_counter() - began, 4)
        found.by_training[training] = {**_measured(scores, own, ground.truth), "seconds": seconds}
        yield found.as_tables()
        yield Progress(STAGE, len(found.by_training), total)


def robustness(
    run: RunFolder, config: RunConfig, models: ModelPool | None = None, grid: Grid = GRID
) -> Generator[Progress, None, None]:
    """The sweep into sweep.csv, sweep_map.csv and robustness.json of a folder; goes on where it was left early."""
    before, spent = _earlier(run, config, grid)
    began, written = time.perf_counter(), 0.0
    latest: Swept | None = None
    try:
        for item in sweep(config, models, grid=grid, before=before):
            if isinstance(item, Progress):
                yield item
                continue
            latest = item
            if time.perf_counter() - written > WRITE_EVERY:
                _write(run, config, grid, latest, spent + time.perf_counter() - began)
                written = time.perf_counter()
    finally:
        if latest is not None:
            _write(run, config, grid, latest, spent + time.perf_counter() - began)


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
    heads = all_heads(loaded.shape.n_layers, loaded.shape.n_heads)
    return np.array([head in truth.heads for head in heads])


def _ground(config: RunConfig, loaded: LoadedModel, store: ActivationStore | None) -> _Ground:
    shared = config.autoencoder.shared
    mode = "mean" if shared and config.positions == "auto" else config.positions
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        observed = observe(loaded, config.examples, mode, config.pairing, attention=not shared, store=cache)
    return _Ground(config, observed, known_truth(config, loaded))


def _trained(ground: _Ground, training: Training, step: int, total: int) -> Generator[Progress, None, Scores]:
    """Train and score; progress stays at `step`, so that a long training can be left."""
    texts = _texts(ground, training)
    observed, settings = ground.observed.of(texts), training.autoencoder
    codes = yield from relayed(
        train_codes(observed, settings, training.seed), lambda _: Progress(STAGE, step, total)
    )
    flow = observed.flow()
    scores = scores_of(observed, flow.weigh(codes), flow, settings)
    if ground.attributed is None:
        return scores
    pairs = ground.attributed.by_pair[texts[: observed.n_anomalous]]
    return screened(scores, replace(ground.attributed, by_pair=pairs))


def _attributed(ground: _Ground) -> Generator[Progress, None, Attributed | None]:
    """The gradient screen over all texts; None where there is none, as in an analysis."""
    alignment, total = ground.alignment, steps_of(ground.alignment)
    running = gradient_screen(ground.loaded, ground.config.examples, alignment, ground.config.seed)
    screen = yield from relayed(running, lambda step: Progress("load", step, total))
    return screen.attributed


def _texts(ground: _Ground, training: Training) -> np.ndarray:
    """Indices of the texts of a training, anomalous first."""
    n_anomalous, n_texts = ground.alignment.n_anomalous, len(ground.alignment.kept)
    if not training.texts:
        return np.arange(n_texts)
    numbers = np.random.default_rng([training.seed, training.texts, training.draw])
    first = np.sort(numbers.permutation(n_anomalous)[: training.texts])
    if ground.alignment.paired:
        return np.concatenate([first, n_anomalous + first])
    second = np.sort(numbers.permutation(n_texts - n_anomalous)[: training.texts])
    return np.concatenate([first, n_anomalous + second])


def _measured(scores: Scores, own: Scores, truth: np.ndarray | None) -> dict[str, Any]:
    nan = float("nan")
    auc, precision = against_truth(scores.heads.score.numpy(), truth) if truth is not None else (nan, nan)
    return {
        "auc": auc,
        "average_precision": precision,
        "agreement": jaccard(scores.head_selected, own.head_selected),
        "selected": int(scores.head_selected.sum()),
    }


def _of_row(row: Row) -> dict[str, Any]:
    where = {"draw": row.training.draw, "seed": row.training.seed}
    return {**where, "setting": row.setting, "value": row.value, "is_default": row.is_default}


def _of_cell(cell: Cell) -> dict[str, Any]:
    place = {"latents": cell.latents, "sparsity": cell.sparsity}
    return {"seed": cell.training.seed, **place, "is_default": cell.is_default}


def _known(planned: Plan, before: Swept) -> dict[Training, dict[str, Any]]:
    """What an earlier sweep measured, by training."""
    names = ["auc", "average_precision", "agreement", "selected", "seconds"]
    parts: list[tuple[list[str], pd.DataFrame, Sequence[Row | Cell]]] = [
        (["setting", "value", "seed", "draw"], before.table, planned.rows),
        (["latents", "sparsity"], before.grid, planned.cells),
    ]
    found: dict[Training, dict[str, Any]] = {}
    for key, table, wanted in parts:
        records = table[[*key, *names]].to_dict("records")
        known = {tuple(r[name] for name in key): {name: r[name] for name in names} for r in records}
        found |= {entry.training: known[entry.key] for entry in wanted if entry.key in known}
    return {training: found[training] for training in planned.trainings if training in found}


def _earlier(run: RunFolder, config: RunConfig, grid: Grid) -> tuple[Swept | None, float]:
    """What an earlier sweep of the same settings found before it was left, and the seconds it took."""
    try:
        content = read_sensitivity(run, config, grid)
        if content is None or content["complete"]:
            return None, 0.0
        tables = read_table(run, SWEEP_FILE), read_table(run, MAP_FILE)
        return Swept(*tables, content["trained"], content["trainings"]), float(content["seconds"])
    except (StorageError, KeyError):
        return None, 0.0


def _write(run: RunFolder, config: RunConfig, grid: Grid, found: Swept, seconds: float) -> None:
    """Tables first, then the summary, which tells that they are there; a deleted run stays deleted."""
    if not run.path.exists():
        return
    run.write_bytes(SWEEP_FILE, csv_bytes(found.table))
    run.write_bytes(MAP_FILE, csv_bytes(found.grid))
    run.write_json(SENSITIVITY_FILE, _content(config, grid, found, seconds))


def _content(config: RunConfig, grid: Grid, found: Swept, seconds: float) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "key": settings_key(config, grid),
        "complete": found.complete,
        "trained": found.trained,
        "trainings": found.trainings,
        "seconds": round(seconds, 2),
        "seeds": sorted({int(seed) for seed in found.table["seed"]}),
        "draws": grid.draws,
        "truth_known": bool(found.table["auc"].notna().any()),
        "summary": summary(found.table, found.grid),
    }
