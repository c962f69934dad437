"""CSV that spreadsheets open as it is meant: a byte order mark, and no text that is taken for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

_FORMULA = re.compile("'*[=+\\-@\t\r＝＋－＠]")
"""How a cell begins that a spreadsheet may take for a formula, full-width forms too, behind any apostrophes."""


def guarded(cell: Any) -> Any:
    """Text that begins like a formula, with an apostrophe before it; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """A text cell without the apostrophe that `guarded` put before it."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def read_cells(content: bytes) -> list[list[str]]:
    """The cells of a CSV file row by row, every digit as it was written."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def write_cells(rows: Iterable[Sequence[str]]) -> bytes:
    """CSV in UTF-8 with byte order mark."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode("utf-8-sig")


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table in UTF-8 with byte order mark; texts that look like formulas get an apostrophe, numbers never."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [guarded(cell) for cell in safe[column]]
    safe.columns = [guarded(str(column)) for column in safe.columns]
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
