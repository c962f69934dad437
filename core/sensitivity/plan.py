"""Which settings are moved, how far, and in what order: the plan of `core.sensitivity.sweep`.

1. One setting at a time around the settings of the run, each with several seeds; number of texts: drawn at random.
2. The map: dictionary size × sparsity, with the run's own seed.
3. A training that several rows need is done once. The run's own seed comes first, so that a sweep that is left
   early already tells something of every setting.

Nothing here needs torch, so the dashboard can tell the time that a sweep will take.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pydantic import ValidationError

from core.config import AutoencoderConfig, RunConfig
from core.examples.example_set import MINIMUM_PER_SIDE

SCORING_VERSION = 2
"""Goes up when scores are formed in another way, so that a sweep of the old way is not taken for one of the new."""

SETTINGS = ("latents", "sparsity", "epochs", "learning_rate", "members", "examples")
"""What is moved, in the order in which it is shown."""
SIZES = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Texts a side that are drawn, as far as there are more."""
LARGEST_SEED = 2**31 - 1
DIGITS = 6


@dataclass(frozen=True)
class Grid:
    """How far each setting is moved: factors of the run's own value, for `members` numbers; and how often.

    `seeds` counts the run's own seed; `draws` is how often texts of each number are drawn.
    """

    latents: tuple[float, ...] = (0.25, 0.5, 2, 4)
    sparsity: tuple[float, ...] = (0.1, 0.1**0.5, 10**0.5, 10)
    epochs: tuple[float, ...] = (0.25, 0.5, 2, 4)
    learning_rate: tuple[float, ...] = (0.25, 0.5, 2, 4)
    members: tuple[float, ...] = (1, 2, 4, 8, 16)
    sizes: tuple[int, ...] = SIZES
    seeds: int = 3
    draws: int = 5
    map: bool = True


GRID = Grid()


@dataclass(frozen=True)
class Training:
    """One training: settings, seed, and the draw of so many texts a side; 0 texts means all of them."""

    autoencoder: AutoencoderConfig
    seed: int
    texts: int = 0
    draw: int = 0


@dataclass(frozen=True)
class Row:
    """A row of sweep.csv before it is measured."""

    setting: str
    value: float
    is_default: bool
    training: Training


@dataclass(frozen=True)
class Cell:
    """A row of sweep_map.csv before it is measured."""

    latents: float
    sparsity: float
    is_default: bool
    training: Training


@dataclass(frozen=True)
class Plan:
    """Rows and cells, and the trainings that they need, each once and in order."""

    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    trainings: tuple[Training, ...]
    default: Training


def plan(config: RunConfig, per_side: int, grid: Grid = GRID) -> Plan:
    """The plan for the settings of a run with so many texts on its smaller side."""
    settings = config.autoencoder
    seeds = [(config.seed + i) % (LARGEST_SEED + 1) for i in range(grid.seeds)]
    by_seed = [list(_rows(settings, seed, per_side, grid)) for seed in seeds]
    cells = list(_cells(settings, config.seed, grid)) if grid.map else []
    drawn = [
        Row("examples", float(size), False, Training(settings, config.seed, size, draw))
        for size in grid.sizes
        if MINIMUM_PER_SIDE <= size < per_side
        for draw in range(grid.draws)
    ]
    order = [row.training for row in [*by_seed[0], *drawn]] + [cell.training for cell in cells]
    rows = [row for one in by_seed for row in one]
    trainings = dict.fromkeys([*order, *(row.training for row in rows)])
    ordered = sorted([*rows, *drawn], key=lambda row: (SETTINGS.index(row.setting), row.value))
    return Plan(tuple(ordered), tuple(cells), tuple(trainings), Training(settings, config.seed))


def values(settings: AutoencoderConfig, name: str, grid: Grid = GRID) -> list[float]:
    """The values that a setting of the autoencoders takes, the run's own among them; none out of its bounds."""
    own = getattr(settings, name)
    wanted = getattr(grid, name) if name == "members" else [own * factor for factor in getattr(grid, name)]
    return sorted(
        {_value(own)} | {_value(getattr(m, name)) for v in wanted if (m := moved(settings, name, v))}
    )


def moved(settings: AutoencoderConfig, name: str, value: float) -> AutoencoderConfig | None:
    """The settings with one of them changed, as they are for their own value; None where it is out of bounds."""
    own = getattr(settings, name)
    if _value(value) == _value(own):
        return settings
    whole = isinstance(own, int)
    changed = round(value) if whole else float(f"{value:.{DIGITS}g}")
    try:
        return AutoencoderConfig.model_validate({**settings.model_dump(), name: changed})
    except ValidationError:
        return None


def estimated_seconds(config: RunConfig, per_side: int, train_seconds: float, grid: Grid = GRID) -> float:
    """How long the sweep takes, about, from the seconds that training took in the run itself."""
    own = _work(config.autoencoder)
    shares = (
        _work(training.autoencoder) / own * (training.texts / per_side if training.texts else 1.0)
        for training in plan(config, per_side, grid).trainings
    )
    return train_seconds * sum(shares)


def settings_key(config: RunConfig, grid: Grid = GRID) -> str:
    """A name for what decides the numbers of a sweep, but for the weights: it changes when one of them does."""
    own = config.model_dump(mode="json", exclude={"evidence", "device", "permutations"})
    content = [SCORING_VERSION, own, asdict(grid)]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _rows(settings: AutoencoderConfig, seed: int, per_side: int, grid: Grid) -> Iterator[Row]:
    """The run's own settings under every name, then one of them moved at a time."""
    for name in SETTINGS:
        own = float(per_side) if name == "examples" else _value(getattr(settings, name))
        yield Row(name, own, True, Training(settings, seed))
    for name in SETTINGS[:-1]:
        for value in values(settings, name, grid):
            changed = moved(settings, name, value)
            if changed is not None and changed is not settings:
                yield Row(name, value, False, Training(changed, seed))


def _cells(settings: AutoencoderConfig, seed: int, grid: Grid) -> Iterator[Cell]:
    for sparsity in values(settings, "sparsity", grid):
        for latents in values(settings, "latents", grid):
            changed = moved(settings, "latents", latents)
            both = moved(changed, "sparsity", sparsity) if changed else None
            if both is not None:
                yield Cell(latents, sparsity, both == settings, Training(both, seed))


def _value(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _work(settings: AutoencoderConfig) -> float:
    return float(settings.members * settings.latents * settings.epochs)
