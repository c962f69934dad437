"""Any file as one table: headings, and rows that know the file's line; what was dropped or assumed stands in notes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from core.errors import ExamplesError
from core.examples.reading.formats.cells import rows_of, separator_of
from core.examples.reading.formats.decoding import decode
from core.examples.reading.formats.json_records import Record, records_of, written
from core.examples.reading.formats.workbooks import WORKBOOKS, parquet_records, sheet_of
from core.examples.reading.headings import is_known, normalised, role_of
from core.examples.reading.labels import side_named, side_of
from core.examples.reading.notes import of_lines, quoted, readable
from core.schema import Note
from core.text.csv_safe import unguarded

TEXT_FILES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".psv", "")
JSON_FILES = (".json", ".jsonl", ".ndjson")
PARQUET_FILES = (".parquet", ".pq")
ENDINGS = (*TEXT_FILES[:-1], *JSON_FILES, *WORKBOOKS, *PARQUET_FILES)
"""How the name of a file of examples may end."""

_IN_ORDER = ("text", "pair", "expected", "actual")
_DEEPEST_HEADING = 10
"""Among how many first rows the headings are looked for, where something stands above them."""


class _Row(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def cells(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class TableRow:
    """The line of the file where a row begins, and a cell for each heading: text, or what JSON holds."""

    line: int
    cells: tuple[object, ...]


@dataclass(frozen=True)
class Table:
    """What a file holds. `heading_line` is the line of the headings, 0 where there is none."""

    headings: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[Note, ...] = ()
    encoding: str = ""
    separator: str = ""
    heading_line: int = 0

    def column(self, place: int) -> list[object]:
        """The cells under a heading."""
        return [row.cells[place] for row in self.rows]


def table_of(content: bytes, name: str, encoding: str | None = None) -> Table:
    """The table of a file; the name's ending tells the format. Raises ExamplesError."""
    ending = PurePath(name).suffix.lower()
    if ending not in (*ENDINGS, ""):
        raise ExamplesError("unknown_examples_format", name=readable(name))
    if not content:
        raise ExamplesError("empty_file")
    if ending in WORKBOOKS:
        sheet = sheet_of(content, is_known)
        others = quoted(sheet.others)
        values = {"sheet": sheet.name, "others": others}
        notes = [Note(key="sheet_read", values=values)] if others else []
        if sheet.errors:
            cells = ", ".join(sheet.errors[:8]) + (", …" if len(sheet.errors) > 8 else "")
            notes.append(Note(key="error_cells", values={"count": len(sheet.errors), "cells": cells}))
        return grid(sheet.rows, notes)
    if ending in PARQUET_FILES:
        return _recorded(parquet_records(content))
    decoded = decode(content, encoding)
    if ending in JSON_FILES or _looks_like_json(decoded.text):
        return _recorded(records_of(decoded.text), decoded.notes, decoded.encoding)
    separator, text, above = separator_of(decoded.text, name, is_known)
    return cut(text, separator, decoded.notes, decoded.encoding, above)


def cut(
    text: str, separator: str, notes: Iterable[Note] = (), encoding: str = "", lines_above: int = 0
) -> Table:
    """The table of a text whose cells are parted by `separator`."""
    rows = list(rows_of(text, separator, lines_above))
    plain = [_PlainRow(row.line, tuple(map(unguarded, row.cells))) for row in rows]
    lines = [row.line for row, other in zip(rows, plain, strict=True) if row.cells != other.cells]
    found = [
        *notes,
        *of_lines("apostrophes_removed", lines),
        *of_lines("quotes_kept", [row.line for row in rows if row.quotes_kept]),
        *of_lines("breaks_changed", [row.line for row in rows if row.breaks_changed]),
    ]
    return grid(plain, found, encoding, separator)


@dataclass(frozen=True)
class _PlainRow:
    line: int
    cells: tuple[str, ...]


def grid(rows: Sequence[_Row], notes: Sequence[Note] = (), encoding: str = "", separator: str = "") -> Table:
    """A table of rows of cells: the headings found, empty rows and columns dropped, every row as long as they are."""
    filled = [row for row in rows if any(cell.strip() for cell in row.cells)]
    if not filled:
        raise ExamplesError("empty_file")
    empty = {row.line for row in rows} - {row.line for row in filled}
    told = [*notes, *of_lines("empty_rows", sorted(empty))]
    place = _place_of_headings(filled)
    if place is None:
        names = _names_without_headings(filled)
        told.append(Note(key="no_headings", values={"columns": ", ".join(names)}))
        heading_line, body = 0, filled
    else:
        above = [row.line for row in filled[:place]]
        told += of_lines("rows_above_headings", above)
        names = [_clean(cell) for cell in filled[place].cells]
        heading_line, body = filled[place].line, filled[place + 1 :]
    while names and not names[-1] and all(not "".join(row.cells[len(names) - 1 :]).strip() for row in body):
        names.pop()
    padded = [TableRow(row.line, _fitted(row, len(names))) for row in body]
    told += of_lines("short_rows", [row.line for row in body if len(row.cells) < len(names)])
    return _without_unnamed(
        Table(tuple(names), tuple(padded), tuple(told), encoding, separator, heading_line)
    )


def _clean(heading: str) -> str:
    return heading.replace("\ufeff", "").strip()


def _fitted(row: _Row, width: int) -> tuple[str, ...]:
    if any(cell.strip() for cell in row.cells[width:]):
        raise ExamplesError("row_too_long", line=row.line, count=len(row.cells), expected=width)
    return (*row.cells, *[""] * (width - len(row.cells)))[:width]


def _place_of_headings(rows: Sequence[_Row]) -> int | None:
    """Which row holds the headings; None where the first row is an example already."""
    first = rows[0].cells
    sides = {side_named(cell) for cell in first} - {None}
    if not any(role_of(cell) for cell in first) and len(sides) < 2:
        for place, row in enumerate(rows[1:_DEEPEST_HEADING], start=1):
            if sum(role_of(cell) is not None for cell in row.cells) >= 2:
                return place
        if column_of_labels(rows) is not None:
            return None
    return 0


def column_of_labels(rows: Sequence[_Row]) -> int | None:
    """The one column that holds nothing but words of the two sides."""
    width = max(len(row.cells) for row in rows)
    table = [(*row.cells, *[""] * (width - len(row.cells))) for row in rows]
    columns = [i for i in range(width) if all(side_of(cells[i]) for cells in table)]
    return columns[0] if len(columns) == 1 and 2 <= width <= len(_IN_ORDER) + 1 else None


def _names_without_headings(rows: Sequence[_Row]) -> list[str]:
    """`label` for the column of labels; the others are text, pair, expected, actual in order."""
    width = max(len(row.cells) for row in rows)
    names = list(_IN_ORDER[: width - 1])
    names.insert(column_of_labels(rows) or 0, "label")
    return names


def _without_unnamed(table: Table) -> Table:
    """Columns without heading: empty ones and row numbers as pandas writes them go, others take their place as name."""
    kept, names, notes, empty = [], list(table.headings), list(table.notes), 0
    for place, name in enumerate(table.headings):
        cells = [str(cell).strip() for cell in table.column(place)]
        if not name and not any(cells):
            empty += 1
        elif (
            normalised(name) in ("", "unnamed:_0") and cells == [str(i) for i in range(len(cells))] and cells
        ):
            notes.append(Note(key="index_column"))
        else:
            names[place] = name or f"column {place + 1}"
            kept.append(place)
    if empty:
        notes.append(Note(key="empty_columns", values={"count": empty}))
    return Table(
        _distinct([names[place] for place in kept]),
        tuple(TableRow(row.line, tuple(row.cells[place] for place in kept)) for row in table.rows),
        tuple(notes),
        table.encoding,
        table.separator,
        table.heading_line,
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The headings, one that stands there again with its number; raises ExamplesError where it is one of ours."""
    distinct: list[str] = []
    alike: dict[str, int] = {}
    for name in names:
        count = alike[normalised(name)] = alike.get(normalised(name), 0) + 1
        if count > 1 and (role_of(name) or side_of(name)):
            raise ExamplesError("doubled_columns", found=readable(normalised(name)))
        distinct.append(name if count == 1 else f"{name} ({count})")
    return tuple(distinct)


def _recorded(records: Sequence[Record], notes: Iterable[Note] = (), encoding: str = "") -> Table:
    if not records:
        raise ExamplesError("empty_file")
    for line, record in records:
        if not record:
            raise ExamplesError("bad_json_line", line=line, text="{}")
    names = list(dict.fromkeys(_clean(name) for _, record in records for name in record))
    rows: list[TableRow] = []
    for line, record in records:
        _distinct(list(record))
        cells = {_clean(name): value for name, value in record.items()}
        rows.append(TableRow(line, tuple(cells.get(name) for name in names)))
    merged = _merged(names, rows)
    empty = [row.line for row in merged.rows if not any(written(cell).strip() for cell in row.cells)]
    left_out = set(empty)
    filled = tuple(row for row in merged.rows if row.line not in left_out)
    return Table(merged.headings, filled, (*notes, *of_lines("empty_rows", empty)), encoding)


def _merged(names: Sequence[str], rows: Sequence[TableRow]) -> Table:
    """One column for names of ours that differ in how they are written: `Text` in one record, `text` in another."""
    plain = {name: normalised(name) if role_of(name) else name for name in names}
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(plain[name], name)
    headings = tuple(first.values())
    places = [headings.index(first[plain[name]]) for name in names]
    merged: list[TableRow] = []
    for row in rows:
        cells: list[object] = [None] * len(headings)
        for place, cell in zip(places, row.cells, strict=True):
            cells[place] = cell if cell is not None else cells[place]
        merged.append(TableRow(row.line, tuple(cells)))
    return Table(headings, tuple(merged))


def _looks_like_json(text: str) -> bool:
    begun = "".join(text[:200].split())
    return begun.startswith(('{"', '[{"'))
