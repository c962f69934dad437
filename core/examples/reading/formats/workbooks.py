"""Sheets of a workbook (Excel, OpenDocument) and Parquet files as rows of cells."""

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import ExamplesError
from core.examples.reading.formats.json_records import Json, flattened

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@dataclass(frozen=True)
class SheetRow:
    """The cells of a row and its number, as the spreadsheet counts."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """The sheet that was read, the names of the others that hold cells, and cells of any that show an error."""

    name: str
    rows: tuple[SheetRow, ...]
    others: tuple[str, ...]
    errors: tuple[str, ...] = ()


def sheet_of(content: bytes, knows: Callable[[str], bool]) -> Sheet:
    """The sheet whose first filled row has the most known headings, the first of them where several have."""
    from python_calamine import CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        tables = {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
        }
        errors = _errors(content)
    except Exception as error:  # the readers raise classes of their own for every kind of damage
        raise ExamplesError("bad_workbook", detail=" ".join(str(error).split())[:200]) from None
    rows = {
        name: [SheetRow(number, tuple(map(_cell, row))) for number, row in enumerate(table, start=1)]
        for name, table in tables.items()
    }
    firsts = {
        name: next((row for row in held if any(map(str.strip, row.cells))), None)
        for name, held in rows.items()
    }
    filled = {name: first for name, first in firsts.items() if first}
    if not filled:
        raise ExamplesError("empty_file")
    best = max(filled, key=lambda name: sum(knows(cell) for cell in filled[name].cells))
    return Sheet(best, tuple(rows[best]), tuple(name for name in filled if name != best), errors)


def parquet_records(content: bytes) -> list[tuple[int, dict[str, Json]]]:
    """The records of a Parquet file, numbered from 1. Raises ExamplesError where no engine can read it."""
    import pandas as pd

    try:
        table = pd.read_parquet(io.BytesIO(content))
    except ImportError:
        raise ExamplesError("no_parquet_engine") from None
    except Exception as error:  # engines raise classes of their own
        raise ExamplesError("bad_workbook", detail=" ".join(str(error).split())[:200]) from None
    return [
        (number, flattened({str(name): _plain(value) for name, value in row.items()}))
        for number, row in enumerate(table.to_dict("records"), start=1)
    ]


def _errors(content: bytes) -> tuple[str, ...]:
    """The cells of an Excel workbook that show an error of a formula (#N/A), which the reader takes for empty."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return ()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    cells = (cell for sheet in sheets for cell in re.findall(rb"<c\s[^>]*>", sheet) if b' t="e"' in cell)
    places = (re.search(rb' r="([A-Z]+[0-9]+)"', cell) for cell in cells)
    return tuple(place[1].decode() for place in places if place)


def _cell(value: object) -> str:
    """What a cell shows: whole numbers without a decimal point, dates as ISO writes them."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _plain(value: object) -> Json:
    """A value without numpy's and pandas' types: arrays as lists, missing numbers as nothing."""
    import numpy as np

    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value:  # NaN and NaT alone are unlike themselves
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)
