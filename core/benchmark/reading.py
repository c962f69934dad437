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

from core.errors import StorageError
from core.storage import home
from core.text.csv_safe import unguarded

PROJECT = Path(__file__).parent / "measured"
"""What the project itself measured."""

OURS = "headlight-standard"
PUBLISHED = ("paper", "paper-250", "paper-ensemble")
UNTRAINED = "untrained"
"""Ours but for the training: no rival, it tells what the training adds."""

CEILING = "exact-patching"
"""The truth itself was measured in this way, so it is no rival either."""

SCREENED = "headlight-screened"
"""Ours with the gradient screen."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "ours": (
        "headlight-standard",
        "headlight-fast",
        "headlight-screened",
        "headlight-unpaired",
        "headlight-unequal",
        "headlight-last",
        "headlight-mean",
        "headlight-no-reach",
        "pair-difference-reach",
    ),
    "look": (
        "untrained",
        "k-means",
        "pair-difference-norm",
        "mean-difference",
        "probe",
        *PUBLISHED,
        "random",
    ),
    "change": (
        "hisp",
        "eap",
        "eap-ig",
        "subnetwork-probing",
        "acdc-kl",
        "acdc-logit-difference",
        "exact-patching",
    ),
}
"""The methods: ours, those that only look at what heads write, those that use gradients or change heads.

Of ours, `headlight-screened` uses gradients too; comparisons are made with `OURS`, which does not.
"""

KEYS = ("task", "model", "method", "unit")
NUMBERS = (
    "draws",
    "seeds",
    "auc",
    "auc_sd",
    "auc_seed_sd",
    "auc_lowest",
    "average_precision",
    "precision",
    "recall",
    "auc_true_heads",
    "jaccard",
    "seconds",
    "forward_passes",
    "peak_mb",
    "confirmed_precision",
    "confirmed_recall",
    "false_confirmations",
    "false_discoveries",
    "false_discoveries_unpaired",
    "wrong_at_q",
    "shuffles",
    "shuffles_unpaired",
)
SWEEP_NUMBERS = ("examples", "draw", "seed", "value", "auc", "average_precision", "agreement", "seconds")
SPEED_NUMBERS = ("heads", "examples", "members", "seconds", "peak_mb", "forward_seconds")
NEEDED = ("summary.csv", "about.json")


@dataclass(frozen=True)
class Measured:
    """One result. Tables have every column of the contract; those not measured are empty.

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


def read(folder: Path) -> Measured:
    """The result in a folder; raises StorageError for a file that is missing or cannot be read."""
    summary = _table(folder, "summary.csv", (*KEYS, "examples"), ("role",), NUMBERS)
    summary = summary[~summary["role"].isin(["tuning"])]
    if not len(summary):
        raise _damaged(folder, "summary.csv", "no rows of test tasks")
    for name in (*KEYS, "examples"):
        if summary[name].isna().any():
            raise _damaged(folder, "summary.csv", f"an empty cell in the column {name}")
    goals = _table(folder, "goals.csv", ("key",), ("comparison", "met", "note"), ("wanted", "measured"))
    return Measured(
        folder,
        summary.assign(
            examples=summary["examples"].astype(int),
            case=summary["task"] + " · " + summary["model"],
            group=summary["method"].map(group_of),
        ),
        goals.assign(met=[_met(cell) for cell in goals["met"]], note=[_text(cell) for cell in goals["note"]]),
        _table(folder, "sweep.csv", ("setting", "value"), ("task", "model", "is_default"), SWEEP_NUMBERS),
        _table(folder, "speed.csv", ("what",), ("device",), SPEED_NUMBERS),
        about(folder),
    )


def group_of(method: str) -> str:
    """What a method needs: a key of GROUPS, or "other" for a name that is not known."""
    return next((group for group, methods in GROUPS.items() if method in methods), "other")


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


def _text(cell: Any) -> str:
    return unguarded(cell) if isinstance(cell, str) else ""


def _damaged(folder: Path, name: str, detail: str) -> StorageError:
    return StorageError("damaged_benchmark", path=folder, file=name, detail=detail)
