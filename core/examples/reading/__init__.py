"""Reading examples from files, from two boxes, from rows; and writing them."""

from core.examples.reading.boxes import Pasted, from_pasted, lines_of, with_line_feeds
from core.examples.reading.mapping import ColumnRole, FinalTurn, Mapping, Reading, sentence
from core.examples.reading.rows import check_columns, from_rows, parse_examples, read_examples, to_csv

__all__ = [
    "ColumnRole",
    "FinalTurn",
    "Mapping",
    "Pasted",
    "Reading",
    "check_columns",
    "from_pasted",
    "from_rows",
    "lines_of",
    "parse_examples",
    "read_examples",
    "sentence",
    "to_csv",
    "with_line_feeds",
]
