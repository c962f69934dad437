"""Texts of many lines come out of the tables of a run as they went in."""

import pandas as pd
import pytest

from core.config import make_config
from core.examples.example_set import Example, ExampleSet
from core.runs.result_reader import saved_examples
from core.runs.run_folder import RunFolder
from core.text.csv_safe import csv_bytes

TEXTS = [
    "one\ntwo\n\nthree",
    " kept \n",
    'She said "no",\nthen "yes"',
    "=1+1\n-2",
    "\t- a list\n\t- of two",
    "a, b; c",
]


@pytest.mark.parametrize("column", ["text", "expected", "actual", "continuation"])
def test_texts_of_many_lines_come_out_as_they_went_in(column, tmp_path):
    examples = ExampleSet(examples=(Example(label="normal", text="a"),))
    run = RunFolder.create(tmp_path / "run", make_config(model="m", examples=examples))
    run.write_bytes("examples.csv", csv_bytes(pd.DataFrame({column: TEXTS})))
    assert list(saved_examples(run)[column]) == TEXTS
