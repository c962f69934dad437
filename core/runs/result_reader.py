"""The tables of a finished run, read back from its files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from core.errors import StorageError
from core.runs.compared import read_partners
from core.runs.facts import Facts, facts
from core.runs.run_folder import RunFolder
from core.schema import FORMER_DIRECTIONS, CircuitRecord, MechanismsRecord
from core.text.csv_safe import unguarded

CIRCUIT_FILE = "circuit.json"
"""What the check of the circuit as a whole says; written anew after each of its parts, so that none is lost."""

MECHANISMS_FILE = "mechanisms.json"


def read_mechanisms(run: RunFolder) -> MechanismsRecord | None:
    """What the heads and MLP blocks that matter do; None for a run without it, as earlier versions made them."""
    if not (run.path / MECHANISMS_FILE).exists():
        return None
    return run.read_model(MECHANISMS_FILE, MechanismsRecord)


def read_circuit(run: RunFolder) -> CircuitRecord | None:
    """What is known of the circuit as a whole, as `core.jobs.checks` wrote it, or None."""
    if not (run.path / CIRCUIT_FILE).exists():
        return None
    return run.read_model(CIRCUIT_FILE, CircuitRecord)


def saved_facts(run: RunFolder, own_names: dict[str, str] | None = None) -> Facts:
    """What the sentences need; raises StorageError where a file is missing or damaged."""
    tables = saved_heads(run), saved_edges(run)
    return facts(run.manifest(), *tables, own_names, read_circuit(run), read_partners(run), saved_mlps(run))


def saved_heads(run: RunFolder) -> pd.DataFrame:
    """The heads of heads.csv, best first; raises StorageError where it is missing or damaged, as all of these do."""
    with _or_damaged(run):
        table = _units(run)
        return table[table["unit"] == "head"].reset_index(drop=True).astype({"head": int})


def saved_mlps(run: RunFolder) -> pd.DataFrame:
    """The MLP blocks of heads.csv, from the first layer on; empty for a run without them, or of an earlier version."""
    with _or_damaged(run):
        table = _units(run)
        return table[table["unit"] == "mlp"].reset_index(drop=True)


def _units(run: RunFolder) -> pd.DataFrame:
    """heads.csv; every row of an earlier version, which has no `unit`, is a head."""
    table = _scored(run, "heads")
    return table.assign(unit=table["unit"].fillna("head") if "unit" in table else "head")


def saved_edges(run: RunFolder) -> pd.DataFrame:
    """edges.csv, best first."""
    return _scored(run, "edges")


def saved_codes(run: RunFolder) -> pd.DataFrame:
    """codes.csv; codes and names of positions are texts."""
    return _text_columns(run, "codes", ("label", "pair", "position", "code"))


def saved_examples(run: RunFolder) -> pd.DataFrame:
    """examples.csv: the texts with what the model says next and further columns, every cell as it was written."""
    with _or_damaged(run):
        return _table(run, "examples", dtype=str, keep_default_na=False).map(unguarded)


def saved_effects(run: RunFolder) -> pd.DataFrame:
    """effects.csv: effects on single texts of heads, edges and MLP blocks, by `kind`."""
    with _or_damaged(run):
        table = _table(run, "effects")
        empty_in_some = table.columns.intersection(["source_head", "target_layer", "target_head"])
        numbers = dict.fromkeys(empty_in_some, "Int64")
        return table.assign(direction=table["direction"].replace(FORMER_DIRECTIONS)).astype(numbers)


def _scored(run: RunFolder, name: str) -> pd.DataFrame:
    with _or_damaged(run):
        table = _table(run, name)
        return table.assign(selected=table["selected"].astype(str).str.lower().isin(("true", "1")))


def _text_columns(run: RunFolder, name: str, columns: Sequence[str]) -> pd.DataFrame:
    with _or_damaged(run):
        table = _table(run, name, dtype=dict.fromkeys(columns, str), keep_default_na=False)
        texts = table.columns.intersection(columns)
        return table.assign(**{column: table[column].map(unguarded) for column in texts})


def _table(run: RunFolder, name: str, **options: Any) -> pd.DataFrame:
    return pd.read_csv(run.path / f"{name}.csv", encoding="utf-8-sig", **options)


@contextmanager
def _or_damaged(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None
