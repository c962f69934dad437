"""The tables of a sweep: made from what was measured of each training, written, and read again to go on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd

from core.config import RunConfig
from core.errors import StorageError
from core.runs.run_folder import RunFolder
from core.schema import FORMAT
from core.sensitivity.plan import Cell, Grid, Plan, Row, Training, settings_key
from core.sensitivity.summary import (
    COLUMNS,
    MAP_COLUMNS,
    MAP_FILE,
    SENSITIVITY_FILE,
    SWEEP_FILE,
    read_record,
    read_sensitivity,
    read_table,
    summary,
)
from core.text.csv_safe import csv_bytes


@dataclass(frozen=True)
class Measurement:
    """What one training came to; shares from 0 to 1, NaN where the true circuit is not known."""

    auc: float
    average_precision: float
    agreement: float
    selected: int
    seconds: float


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


def as_tables(
    planned: Plan, measured: Mapping[Training, Measurement], about: Mapping[str, str | int]
) -> Swept:
    """Rows and cells whose training is measured; `about` holds the columns that are the same in every row."""

    def table(entries: Sequence[Row | Cell], columns: Sequence[str]) -> pd.DataFrame:
        records = [
            {**about, **_columns(entry), **asdict(measured[entry.training])}
            for entry in entries
            if entry.training in measured
        ]
        return pd.DataFrame(records, columns=list(columns))

    tables = table(planned.rows, COLUMNS), table(planned.cells, MAP_COLUMNS)
    return Swept(*tables, len(measured), len(planned.trainings))


def measured_before(planned: Plan, before: Swept | None) -> dict[Training, Measurement]:
    """What an earlier sweep measured of the plan's trainings, in the order of the plan."""
    if before is None:
        return {}
    names = [item.name for item in fields(Measurement)]
    parts: list[tuple[list[str], pd.DataFrame, Sequence[Row | Cell]]] = [
        (["setting", "value", "seed", "draw"], before.table, planned.rows),
        (["latents", "sparsity"], before.grid, planned.cells),
    ]
    measured: dict[Training, Measurement] = {}
    for key, table, entries in parts:
        records = table[[*key, *names]].to_dict("records")
        by_key = {tuple(r[name] for name in key): Measurement(*(r[name] for name in names)) for r in records}
        for entry in entries:
            if (of_entry := tuple(_columns(entry)[name] for name in key)) in by_key:
                measured[entry.training] = by_key[of_entry]
    return {training: measured[training] for training in planned.trainings if training in measured}


def _columns(entry: Row | Cell) -> dict[str, object]:
    return {**vars(entry.training), **vars(entry)}


def read_unfinished(run: RunFolder, config: RunConfig, grid: Grid) -> tuple[Swept | None, float]:
    """An earlier sweep of the same settings that was left early, and the seconds that it took."""
    try:
        content = read_sensitivity(run, config, grid)
        if content is None or content["complete"]:
            return None, 0.0
        tables = read_table(run, SWEEP_FILE), read_table(run, MAP_FILE)
        return Swept(*tables, content["trained"], content["trainings"]), float(content["seconds"])
    except (StorageError, KeyError):
        return None, 0.0


def holds_complete(run: RunFolder) -> bool:
    """Whether a whole sweep lies in the folder, around whatever settings."""
    try:
        return bool(read_record(run).get("complete"))
    except StorageError:
        return False


def write(run: RunFolder, config: RunConfig, grid: Grid, swept: Swept, seconds: float) -> None:
    """Tables first, then the summary, which says that they are there; a deleted run stays deleted."""
    if not run.path.exists():
        return
    run.write_bytes(SWEEP_FILE, csv_bytes(swept.table))
    run.write_bytes(MAP_FILE, csv_bytes(swept.grid))
    content = {
        "format": FORMAT,
        "key": settings_key(config, grid),
        "complete": swept.complete,
        "trained": swept.trained,
        "trainings": swept.trainings,
        "seconds": round(seconds, 2),
        "seeds": sorted({int(seed) for seed in swept.table["seed"]}),
        "draws": grid.draws,
        "truth_known": bool(swept.table["auc"].notna().any()),
        "summary": summary(swept.table, swept.grid),
    }
    run.write_json(SENSITIVITY_FILE, content)
