"""Further columns of the user's file reach examples.csv and come back from it."""

from pathlib import Path

import pandas as pd

from core.analysis.example_rows import ExampleRow
from core.analysis.result_tables import example_table
from core.examples.example_set import Example, ExampleSet
from core.runs.result_reader import saved_examples
from core.runs.run_folder import RunFolder
from core.schema import EXAMPLE_COLUMNS
from core.text.csv_safe import csv_bytes

SAID = {
    "next": [{"piece": " a", "probability": 0.5}],
    "continuation": " a b",
    "verdict": "",
    "expected": None,
    "actual": None,
}


def table(*carried: dict[str, str]) -> pd.DataFrame:
    examples = [Example(label="normal", text=f"t{i}", carried=cells) for i, cells in enumerate(carried)]
    row: ExampleRow = SAID  # type: ignore[assignment]
    return example_table(ExampleSet(examples=tuple(examples)), [[1]] * len(examples), [row] * len(examples))


def test_texts_without_further_columns_have_ours_alone() -> None:
    assert tuple(table({}, {}).columns) == EXAMPLE_COLUMNS


def test_further_columns_stand_at_the_end_and_ours_keep_their_names(tmp_path: Path) -> None:
    made = table({"id": "007", "tokens": "many"}, {"id": "-8", "note": "=1+1"})
    assert tuple(made.columns) == (*EXAMPLE_COLUMNS, "id", "carried.tokens", "note")
    (tmp_path / "examples.csv").write_bytes(csv_bytes(made))
    read = saved_examples(RunFolder(tmp_path))
    assert read[["id", "carried.tokens", "note"]].to_numpy().tolist() == [
        ["007", "many", ""],
        ["-8", "", "=1+1"],
    ]
