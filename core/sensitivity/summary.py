"""What a sweep over settings comes to: its files, and the numbers and verdicts of its summary.

sweep.csv        one setting moved at a time: a row per training and setting
sweep_map.csv    dictionary size × sparsity
sensitivity.json  the settings it was made around, how far it is, and the summary

The rule, for each setting and each of the two metrics, on means over seeds and draws:

1. Agreement (Jaccard overlap of the chosen heads with those of the run as it stands): a value passes at 0.8 or more.
2. ROC AUC (where the true circuit is known): a value passes within 0.02 of that of the run's own settings.
3. A setting needs no care where every value passes. Else it is to be minded from the nearest value on that does
   not pass, on either side of the run's own.

Agreement tells how stable a choice is, not whether it is right. Reading all this needs no torch.
"""

from pathlib import Path
from typing import Any, Literal, TypedDict

import pandas as pd

from core.config import RunConfig
from core.errors import StorageError
from core.runs.job_state import state_file
from core.runs.run_folder import RunFolder
from core.sensitivity.plan import GRID, SETTINGS, Grid, settings_key
from core.storage import storage_error

Quality = Literal["auc", "agreement"]
METRICS: tuple[Quality, ...] = ("auc", "agreement")
_MEASURED = ("auc", "average_precision", "agreement", "selected", "seconds")
COLUMNS = ("task", "model", "examples", "draw", "seed", "setting", "value", "is_default", *_MEASURED)
MAP_COLUMNS = ("task", "model", "examples", "seed", "latents", "sparsity", "is_default", *_MEASURED)
SWEEP_FILE, MAP_FILE, SENSITIVITY_FILE = "sweep.csv", "sweep_map.csv", "sensitivity.json"
FORMER_FILE = "robustness.json"
"""Name of sensitivity.json in folders of earlier versions."""
AGREEMENT = 0.8
"""Mean agreement from which on a value needs no care."""
AUC_CHANGE = 0.02
"""Largest change of the mean ROC AUC that needs no care."""
ROUNDING = 1e-9


class Spread(TypedDict):
    """The mean over seeds of the run's own settings; for agreement without the run's own seed, which agrees
    with itself.
    """

    mean: float
    lowest: float
    highest: float


class MapSpread(TypedDict):
    """How many cells of the map there are and pass the rule, and their lowest and highest number."""

    cells: int
    passing: int
    lowest: float
    highest: float


class Verdict(TypedDict):
    """One setting by one metric: the mean at the run's own value (`default`), lowest and highest mean of the
    other values.

    `change` is the largest in size and occurs `at` a value; `below` and `above` are the nearest values on
    either side of the run's own that do not pass.
    """

    default: float
    lowest: float
    highest: float
    change: float
    at: float
    below: float | None
    above: float | None


def summary(table: pd.DataFrame, grid: pd.DataFrame | None = None) -> dict[str, Any]:
    """The numbers of a sweep from its tables (COLUMNS, and MAP_COLUMNS where there is a map), as plain JSON.

    `by` is the metric that counts; `settings` holds of each setting the run's own `value`, all `values`, and a Verdict
    by metric; `seeds` a Spread and `map` a MapSpread by metric. A metric that is not known is missing.
    """
    qualities = [quality for quality in METRICS if table[quality].notna().any()]
    settings: dict[str, Any] = {}
    for name in SETTINGS:
        part = table[table["setting"] == name]
        if part["is_default"].any() and not part["is_default"].all():
            own = float(part.loc[part["is_default"], "value"].iloc[0])
            tried = sorted({float(value) for value in part["value"]})
            verdicts = {quality: _verdict(part, quality) for quality in qualities}
            settings[name] = {"value": own, "values": tried, **verdicts}
    spreads = {quality: _over_seeds(table, quality) for quality in qualities}
    return {
        "by": qualities[0] if qualities else None,
        "rule": {"agreement": AGREEMENT, "auc": AUC_CHANGE},
        "settings": settings,
        "seeds": {quality: spread for quality, spread in spreads.items() if spread},
        "map": {q: _map(grid, q) for q in qualities} if grid is not None and len(grid) else {},
    }


def needs_care(verdict: Verdict) -> bool:
    """Whether some value of the setting does not pass."""
    return verdict["below"] is not None or verdict["above"] is not None


def passes(value: float, default: float, quality: Quality) -> bool:
    """Whether a mean passes the rule beside that of the run's own settings."""
    if quality == "agreement":
        return value >= AGREEMENT - ROUNDING
    return abs(value - default) <= AUC_CHANGE + ROUNDING


def means(table: pd.DataFrame, setting: str, quality: Quality) -> pd.DataFrame:
    """One row a value of a setting: `value, is_default, mean, low, high, rows`; low and high over seeds and draws."""
    part = table[(table["setting"] == setting) & table[quality].notna()]
    grouped = part.groupby(["value", "is_default"], as_index=False)[quality]
    return grouped.agg(mean="mean", low="min", high="max", rows="count")


def sweep_folder(path: Path) -> RunFolder:
    """A folder to write a sweep into: new, empty, a run's, or that of an earlier sweep; raises StorageError else."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {file.name for file in path.iterdir()}
    except OSError as error:
        raise storage_error(error, path) from None
    if names and not names & {SENSITIVITY_FILE, FORMER_FILE, state_file("sensitivity"), "config.json"}:
        raise StorageError("out_folder_in_use", path=path)
    return RunFolder(path)


def read_sensitivity(run: RunFolder, config: RunConfig, grid: Grid = GRID) -> dict[str, Any] | None:
    """What is known of the sweep of a run; None where there is none, or it was made around other settings."""
    content = read_record(run)
    return content if content.get("key") == settings_key(config, grid) else None


def read_record(run: RunFolder) -> dict[str, Any]:
    """sensitivity.json as it is, that of an earlier version too; empty where there is none."""
    file = next((name for name in (SENSITIVITY_FILE, FORMER_FILE) if (run.path / name).exists()), None)
    return run.read_json(file) if file else {}


def read_table(run: RunFolder, name: str) -> pd.DataFrame:
    """sweep.csv or sweep_map.csv, every digit as it was written; empty where it is missing.

    Raises StorageError where the file is damaged.
    """
    columns = COLUMNS if name == SWEEP_FILE else MAP_COLUMNS
    if not (run.path / name).exists():
        return pd.DataFrame(columns=list(columns))
    try:
        table = pd.read_csv(run.path / name, encoding="utf-8-sig", float_precision="round_trip")
        table = table[list(columns)]
        return table.assign(is_default=table["is_default"].astype(str).str.lower().isin(("true", "1")))
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=f"{name}: {error}") from None


def _verdict(part: pd.DataFrame, quality: Quality) -> Verdict:
    """One setting by one metric; `part` holds its rows."""
    by_value = means(part, str(part["setting"].iloc[0]), quality)
    default, others = by_value[by_value["is_default"]].iloc[0], by_value[~by_value["is_default"]]
    reference = 1.0 if quality == "agreement" else float(default["mean"])
    changes = others["mean"] - reference
    largest = changes.abs().idxmax()
    failing = [
        float(row.value) for row in others.itertuples() if not passes(float(row.mean), reference, quality)
    ]
    return {
        "default": _plain(default["mean"]),
        "lowest": _plain(others["mean"].min()),
        "highest": _plain(others["mean"].max()),
        "change": _plain(changes[largest]),
        "at": float(others.loc[largest, "value"]),
        "below": max((value for value in failing if value < default["value"]), default=None),
        "above": min((value for value in failing if value > default["value"]), default=None),
    }


def _over_seeds(table: pd.DataFrame, quality: Quality) -> Spread | None:
    """The run's own settings with every seed; nothing where there is one seed alone."""
    own = table[table["is_default"]].drop_duplicates("seed")
    if len(own) < 2:
        return None
    values = own[quality].iloc[1:] if quality == "agreement" else own[quality]
    return {"mean": _plain(values.mean()), "lowest": _plain(values.min()), "highest": _plain(values.max())}


def _map(grid: pd.DataFrame, quality: Quality) -> MapSpread:
    own = grid.loc[grid["is_default"], quality]
    reference = float(own.iloc[0]) if len(own) else 1.0
    passing = sum(passes(float(value), reference, quality) for value in grid[quality])
    lowest, highest = _plain(grid[quality].min()), _plain(grid[quality].max())
    return {"cells": len(grid), "passing": passing, "lowest": lowest, "highest": highest}


def _plain(value: Any) -> float:
    return round(float(value), 6)
