"""The tables of a finished run, read back from its files."""

import pandas as pd

from core.errors import StorageError
from core.runs.facts import Facts, facts
from core.runs.run_folder import RunFolder
from core.schema import FORMER_DIRECTIONS, CircuitRecord
from core.text.csv_safe import unguarded

CIRCUIT_FILE = "circuit.json"
"""What the check of the circuit as a whole says; written anew after each of its parts, so that none is lost."""


def read_circuit(run: RunFolder) -> CircuitRecord | None:
    """What is known of the circuit as a whole, as `core.jobs.checks` wrote it, or None."""
    if not (run.path / CIRCUIT_FILE).exists():
        return None
    return run.read_model(CIRCUIT_FILE, CircuitRecord)


def saved_facts(run: RunFolder, own_names: dict[str, str] | None = None) -> Facts:
    """What the sentences need; raises StorageError where a file is missing or damaged."""
    try:
        tables = _scored(run, "heads"), _scored(run, "edges")
        return facts(run.manifest(), *tables, own_names, read_circuit(run))
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None


def saved_examples(run: RunFolder) -> pd.DataFrame:
    """The texts with what the model says next; raises StorageError where the file is missing or damaged."""
    try:
        table = pd.read_csv(run.path / "examples.csv", encoding="utf-8-sig", dtype=str, keep_default_na=False)
        texts = ["text", "pair", "expected", "actual", "next_word"]
        return table.assign(**{name: table[name].map(unguarded) for name in texts})
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None


def saved_heads(run: RunFolder) -> pd.DataFrame:
    """The head table; raises StorageError where the file is missing or damaged."""
    try:
        return _scored(run, "heads")
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None


def saved_effects(run: RunFolder) -> pd.DataFrame:
    """Effects on single texts; raises StorageError where the file is missing or damaged."""
    try:
        table = pd.read_csv(run.path / "effects.csv", encoding="utf-8-sig")
        return table.assign(direction=table["direction"].replace(FORMER_DIRECTIONS))
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None


def _scored(run: RunFolder, name: str) -> pd.DataFrame:
    table = pd.read_csv(run.path / f"{name}.csv", encoding="utf-8-sig")
    return table.assign(selected=table["selected"].astype(str).str.lower().isin(("true", "1")))
