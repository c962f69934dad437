"""A run as a Python script and as a notebook: its settings with all texts, and its numbers, to do it again.

Both use the public names of `core` alone, print the heads with their verdicts, and compare them with the run's.
A notebook is plain JSON of the format nbformat 4.5.
"""

import json
import math
from pprint import pformat
from typing import Any

from core.runs.result_reader import saved_heads, saved_mlps
from core.runs.run_folder import RunFolder

SCRIPT, NOTEBOOK = "reproduce.py", "reproduce.ipynb"
WIDTH = 100
TOLERANCE = 1e-3
"""Relative difference up to which two numbers are the same: other processors add in another order."""

_IMPORTS = "import math\n\nfrom core import RunConfig, RunResult, analyse"
_ANALYSE = """config = RunConfig.model_validate(SETTINGS)
for record in analyse(config):
    if isinstance(record, RunResult):
        result = record
for row in result.heads.head(10).itertuples():
    print(f"L{row.layer}H{row.head}", f"{row.score:.3g}", row.verdict or "-")"""
_COMPARE = """def units():
    for row in result.heads.itertuples():
        yield f"L{row.layer}H{row.head}", row.score, row.effect, row.verdict
    for row in result.mlps.itertuples():
        yield f"MLP{row.layer}", None, row.effect, row.verdict


def close(one, other):
    one, other = (math.nan if value is None else value for value in (one, other))
    both_missing = math.isnan(one) and math.isnan(other)
    return both_missing or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


again = {name: (score, effect, told) for name, score, effect, told in units()}
other = []
for name, (score, effect, verdict) in STORED.items():
    new_score, new_effect, told = again.get(name, (None, None, "missing"))
    same_verdict = (told if isinstance(told, str) else "") == verdict
    if not (close(score, new_score) and close(effect, new_effect) and same_verdict):
        other.append(name)
print("same as in the run:", f"no ({', '.join(other)})" if other else "yes")"""


def script(run: RunFolder) -> str:
    """The run as a Python script; raises StorageError where its files are missing or damaged."""
    title, *cells = _cells(run)
    return f'"""{title}"""\n\n' + "\n\n".join(cells) + "\n"


def notebook(run: RunFolder) -> bytes:
    """The run as a notebook; raises StorageError where its files are missing or damaged."""
    title, *code = _cells(run)
    cells: list[dict[str, Any]] = [_cell("title", "markdown", title)]
    for number, content in enumerate(code, start=1):
        cell = _cell(f"step-{number}", "code", content)
        cells.append({**cell, "execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": cells,
    }
    return json.dumps(book, ensure_ascii=False, indent=1).encode()


def _cells(run: RunFolder) -> list[str]:
    """Title, imports, settings with the texts, analysis, the run's numbers, comparison."""
    settings, stored = run.config().stored(), _numbers(run)
    return [
        f"Analysis {run.run_id}, done again with Headlight {run.manifest().version or 'of the same version'}.",
        _IMPORTS,
        f"SETTINGS = {pformat(settings, width=WIDTH, sort_dicts=False)}",
        _ANALYSE,
        "# score, effect and verdict of every head and MLP block in the run; a block has no score\n"
        f"STORED = {pformat(stored, width=WIDTH, sort_dicts=False)}\n"
        f"TOLERANCE = {TOLERANCE}",
        _COMPARE,
    ]


def _numbers(run: RunFolder) -> dict[str, tuple[float | None, float | None, str]]:
    """Score, effect and verdict by name; None where the run holds none."""
    heads = [(f"L{row.layer}H{row.head}", row.score, row) for row in saved_heads(run).itertuples()]
    mlps = [(f"MLP{row.layer}", math.nan, row) for row in saved_mlps(run).itertuples()]
    return {
        name: (_number(score), _number(row.effect), row.verdict if isinstance(row.verdict, str) else "")
        for name, score, row in (*heads, *mlps)
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _cell(name: str, kind: str, content: str) -> dict[str, Any]:
    return {"id": name, "cell_type": kind, "metadata": {}, "source": content.splitlines(keepends=True)}
