"""A run as a Python script and as a notebook: its settings with all texts, and its numbers, to do it again.

Both use the public names of `core` alone, print the heads with their verdicts, and compare them with the run's.
A notebook is plain JSON of the format nbformat 4.5.
"""

import json
import math
from pprint import pformat
from typing import Any

from core.runs.result_reader import saved_heads
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
_COMPARE = """def same(row):
    score, effect, verdict = STORED[f"L{row.layer}H{row.head}"]
    effects = (math.nan if effect is None else effect, math.nan if row.effect is None else row.effect)
    close = all(map(math.isnan, effects)) or math.isclose(*effects, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    told = row.verdict if isinstance(row.verdict, str) else ""
    return close and told == verdict and math.isclose(score, row.score, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


other = [f"L{row.layer}H{row.head}" for row in result.heads.itertuples() if not same(row)]
complete = len(result.heads) == len(STORED)
print("same as in the run:", "yes" if complete and not other else f"no ({', '.join(other)})")"""


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
        "# score, effect and verdict of every head in the run\n"
        f"STORED = {pformat(stored, width=WIDTH, sort_dicts=False)}\n"
        f"TOLERANCE = {TOLERANCE}",
        _COMPARE,
    ]


def _numbers(run: RunFolder) -> dict[str, tuple[float, float | None, str]]:
    heads = saved_heads(run)
    return {
        f"L{row.layer}H{row.head}": (
            float(row.score),
            None if math.isnan(row.effect) else float(row.effect),
            row.verdict if isinstance(row.verdict, str) else "",
        )
        for row in heads.itertuples()
    }


def _cell(name: str, kind: str, content: str) -> dict[str, Any]:
    return {"id": name, "cell_type": kind, "metadata": {}, "source": content.splitlines(keepends=True)}
