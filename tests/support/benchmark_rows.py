"""Rows of a benchmark, made by hand."""

import pandas as pd

from core.benchmark.tables.rows import Row


def table(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([vars(row) for row in rows])


def row(method: str, auc: float, draw: int = 0, seed: int = 0, task: str = "a", **more) -> Row:
    values = {"examples": 8, "unit": "head", **more}
    return Row(task, "gpt2", method, draw=draw, seed=seed, auc=auc, **values)
