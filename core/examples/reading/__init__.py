"""Reading examples from files, from two boxes, from rows; and writing them."""

from core.examples.reading.boxes import Pasted, from_pasted
from core.examples.reading.cutting import Cut, Cutting, recognised, with_line_feeds, written
from core.examples.reading.mapping import ColumnRole, FinalTurn, Mapping, Reading, sentence
from core.examples.reading.rows import check_columns, from_rows, parse_examples, read_examples, to_csv

__all__ = [
    "ColumnRole",
    "Cut",
    "Cutting",
    "FinalTurn",
    "Mapping",
    "Pasted",
    "Reading",
    "check_columns",
    "from_pasted",
    "from_rows",
    "parse_examples",
    "read_examples",
    "recognised",
    "sentence",
    "to_csv",
    "with_line_feeds",
    "written",
]
