"""A pasted spreadsheet: lines whose cells are parted by tabs, told by its headings or by a column of labels.

1. A first row with a known heading over texts names the columns. 2. A first row of the two sides stands over two
columns of texts, side by side, which are pairs. 3. Without headings, a column that holds nothing but labels tells the
sides; the other columns are text, pair, expected, actual. Anything else is no spreadsheet that we can read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.examples.example_set import LABELS, ExampleSet, Label
from core.examples.reading.building import examples_of
from core.examples.reading.formats.cells import TextRow, rows_of
from core.examples.reading.headings import role_of
from core.examples.reading.labels import side_named
from core.examples.reading.mapping import Mapping
from core.examples.reading.tables import column_of_labels, cut
from core.schema import Note

How = Literal["header", "sides", "labels"]


@dataclass(frozen=True)
class Sheet:
    """What a pasted spreadsheet holds, how its columns were told, and what must be known of it."""

    examples: ExampleSet
    how: How
    notes: tuple[Note, ...] = ()


def read_sheet(
    text: str, side: Label, mapping: Mapping | None = None, keep_space: bool = False
) -> Sheet | None:
    """The examples of pasted cells; `side` is the label where the cells name none.

    None where no cell is parted by a tab or the columns cannot be told. Raises ExamplesError where headings name the
    columns but a row does not fit them.
    """
    if "\t" not in text or not text.strip():
        return None
    how = _told_by([row for row in rows_of(text, "\t") if any(map(str.strip, row.cells))])
    if how is None:
        return None
    reading = examples_of(
        cut(text, "\t"), mapping, keep_space=keep_space, side=side if how == "header" else None
    )
    return Sheet(reading.examples, how, reading.notes)


def _told_by(rows: Sequence[TextRow]) -> How | None:
    if not rows:
        return None
    first = rows[0].cells
    if {"text", "messages"} & {role_of(cell) for cell in first}:
        return "header" if len(rows) > 1 else None
    if {side_named(cell) for cell in first if cell.strip()} == set(LABELS) and len(rows) > 1:
        return "sides"
    return "labels" if column_of_labels(rows) is not None else None
