"""A measured benchmark read back from its folder, without PyTorch.

The folder holds summary.csv and about.json, and where they were measured goals.csv, sweep.csv and speed.csv. A column
that is missing or empty was not measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.benchmark.names import FORMER, group_of
from core.benchmark.tables.summaries import NUMBERS
from core.errors import StorageError
from core.storage import home
from core.text.csv_safe import unguarded

PROJECT = Path(__file__).parent / "measured"
"""What the project itself measured."""

KEYS = ("task", "model", "method", "unit")
SWEEP_NUMBERS = ("examples", "draw", "seed", "value", "auc", "average_precision", "agreement", "seconds")
SPEED_NUMBERS = ("heads", "examples", "members", "seconds", "peak_mb", "forward_seconds")
NEEDED = ("summary.csv", "about.json")


@dataclass(frozen=True)
class BenchmarkResult:
    """A measured benchmark. Tables have every column of the contract; those not measured are empty.

    `summary` has two more: `case`, a task on a model, and `group`, the key in GROUPS or "other".
    """

    path: Path
    summary: pd.DataFrame
    goals: pd.DataFrame
    sweep: pd.DataFrame
    speed: pd.DataFrame
    about: Mapping[str, Any]


def result_folders() -> list[Path]:
    """The folders that hold a result: the project's own, then ./benchmark and the one in the home folder."""
    folders = (PROJECT, Path("benchmark").absolute(), home() / "benchmark")
    return [folder for folder in dict.fromkeys(folders) if any((folder / name).is_file() for name in NEEDED)]


def read(folder: Path) -> BenchmarkResult:
    """The result in a folder; raises StorageError for a file that is missing or cannot be read."""
    summary = _table(folder, "summary.csv", (*KEYS, "examples"), ("role",), NUMBERS)
    summary = summary[~summary["role"].isin(["tuning"])].replace({"method": FORMER})
    if not len(summary):
        raise _damaged(folder, "summary.csv", "no rows of test tasks")
    for name in (*KEYS, "examples"):
        if summary[name].isna().any():
            raise _damaged(folder, "summary.csv", f"an empty cell in the column {name}")
    goals = _table(folder, "goals.csv", ("key",), ("comparison", "met", "note"), ("wanted", "measured"))
    return BenchmarkResult(
        folder,
        summary.assign(
            examples=summary["examples"].astype(int),
            case=summary["task"] + " · " + summary["model"],
            group=summary["method"].map(group_of),
        ),
        goals.assign(met=[_met(cell) for cell in goals["met"]], note=goals["note"].fillna("").map(unguarded)),
        _table(folder, "sweep.csv", ("setting", "value"), ("task", "model", "is_default"), SWEEP_NUMBERS),
        _table(folder, "speed.csv", ("what",), ("device",), SPEED_NUMBERS),
        about(folder),
    )


def _table(
    folder: Path, name: str, needed: tuple[str, ...], texts: tuple[str, ...], numbers: tuple[str, ...]
) -> pd.DataFrame:
    """A table with all these columns: numbers as floats, the rest as texts; empty where there is no such file.

    Only summary.csv has to be there. Raises StorageError.
    """
    try:
        table = pd.read_csv(folder / name, encoding="utf-8-sig", dtype=str, keep_default_na=False)
        if missing := [column for column in needed if column not in table]:
            raise ValueError(f"no column {missing[0]}")
        table = table.reindex(columns=list(dict.fromkeys((*needed, *texts, *numbers))))
        cells = table.replace({"": None, "nan": None, "NaN": None})
        for column in {*numbers, "examples", "value"} & {*cells.columns}:
            cells[column] = pd.to_numeric(cells[column]).astype(float)
    except FileNotFoundError:
        if name in NEEDED:
            raise _damaged(folder, name, "it is missing") from None
        return pd.DataFrame(columns=list(dict.fromkeys((*needed, *texts, *numbers))))
    except (OSError, ValueError) as error:
        raise _damaged(folder, name, str(error)) from None
    return cells


def about(folder: Path) -> Mapping[str, Any]:
    """Where, when and how a result was measured; raises StorageError."""
    try:
        content = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _damaged(folder, "about.json", "it is missing") from None
    except (OSError, ValueError) as error:
        raise _damaged(folder, "about.json", str(error)) from None
    if not isinstance(content, dict):
        raise _damaged(folder, "about.json", "no JSON object")
    return content


def _met(cell: Any) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(cell).strip().lower())


def _damaged(folder: Path, name: str, detail: str) -> StorageError:
    return StorageError("damaged_benchmark", path=folder, file=name, detail=detail)
