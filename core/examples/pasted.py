"""A pasted spreadsheet: lines whose cells are parted by tabs, told by a header or by a column of labels.

1. A first row with `text` in it is a header. 2. A first row of the two labels stands over two columns of texts,
side by side, which are pairs. 3. Without a header, a column that holds nothing but labels tells the sides; the
other columns are text, pair, expected, actual. Anything else is no spreadsheet that we can read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.examples.example_set import COLUMNS, LABEL_WORDS, LABELS, ExampleSet, Label
from core.examples.reading import check_columns, from_rows, with_line_feeds

How = Literal["header", "sides", "labels"]
Row = dict[str, str | int]

_HEADINGS = {
    "ラベル": "label",
    "テキスト": "text",
    "例文": "text",
    "ペア": "pair",
    "期待": "expected",
    "実際": "actual",
}

_CELL = re.compile(r'(?:"((?:[^"]|"")*+)"|([^\t\n]*))(\t|\n|\Z)')
"""A cell and what ends it. Quotes enclose a cell only where they reach to its end: spreadsheets put a cell with a
line break in quotes, but leave a text that begins with a quotation mark as it is, and `csv` would run on from there."""


@dataclass(frozen=True)
class Sheet:
    """What a pasted spreadsheet holds, and how its columns were told."""

    examples: ExampleSet
    how: How


def read_sheet(text: str, side: Label) -> Sheet | None:
    """The examples of pasted cells; `side` is the label where the cells name none.

    None where no cell is parted by a tab or the columns cannot be told. Raises ExamplesError where a header
    names the columns but a row does not fit it.
    """
    if "\t" not in text:
        return None
    table = [(line, row) for line, row in enumerate(_cells(text), start=1) if any(row)]
    if not table:
        return None
    names = [_HEADINGS.get(name, name.lower()) for name in table[0][1]]
    if "text" in names:
        return Sheet(from_rows(_under_header(names, table[1:], side)), "header")
    over = [LABEL_WORDS.get(name) for name in names]
    if len(over) == len(LABELS) and set(over) == set(LABELS):
        return Sheet(from_rows(_side_by_side([label for label in over if label], table[1:])), "sides")
    return _by_labels(table)


def _cells(text: str) -> list[list[str]]:
    """The stripped cells of every row, each row at least one cell."""
    rows: list[list[str]] = [[]]
    for cell in _CELL.finditer(with_line_feeds(text)):
        quoted, plain, end = cell.groups()
        rows[-1].append((plain if quoted is None else quoted.replace('""', '"')).strip())
        if end == "\n":
            rows.append([])
    return rows


def _under_header(names: Sequence[str], table: Sequence[tuple[int, list[str]]], side: Label) -> list[Row]:
    check_columns([name for name in names if name])
    rows: list[Row] = []
    for line, cells in table:
        row: Row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        rows.append({"label": side, **row, "line": line})
    return rows


def _side_by_side(labels: Sequence[Label], table: Sequence[tuple[int, list[str]]]) -> list[Row]:
    rows: list[Row] = []
    for line, cells in table:
        filled = [(label, cell) for label, cell in zip(labels, cells, strict=False) if cell]
        pair = str(line - 1) if len(filled) == len(LABELS) else ""
        rows += [{"label": label, "text": cell, "pair": pair, "line": line} for label, cell in filled]
    return rows


def _by_labels(table: Sequence[tuple[int, list[str]]]) -> Sheet | None:
    width = max(len(row) for _, row in table)
    filled = [(line, row + [""] * (width - len(row))) for line, row in table]
    labelled = [
        column for column in range(width) if all(row[column].lower() in LABEL_WORDS for _, row in filled)
    ]
    if len(labelled) != 1 or not 2 <= width <= len(COLUMNS):
        return None
    others = [column for column in range(width) if column != labelled[0]]
    rows: list[Row] = []
    for line, cells in filled:
        row: Row = dict(zip(COLUMNS[1:], (cells[column] for column in others), strict=False))
        rows.append({"label": cells[labelled[0]], **row, "line": line})
    return Sheet(from_rows(rows), "labels")
