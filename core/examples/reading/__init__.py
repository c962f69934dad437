"""Reading examples from files, from two boxes, from rows; and writing them."""

from core.examples.reading.boxes import Pasted, from_pasted
from core.examples.reading.cutting import Cut, Cutting, recognised, with_line_feeds, written
from core.examples.reading.files import parse_examples, read_examples, read_file
from core.examples.reading.mapping import ColumnRole, FinalTurn, Mapping, Reading
from core.examples.reading.notes import sentence
from core.examples.reading.rows import carried_heading, from_rows, to_csv
from core.examples.reading.tables import ENDINGS

__all__ = [
    "ENDINGS",
    "ColumnRole",
    "Cut",
    "Cutting",
    "FinalTurn",
    "Mapping",
    "Pasted",
    "Reading",
    "carried_heading",
    "from_pasted",
    "from_rows",
    "parse_examples",
    "read_examples",
    "read_file",
    "recognised",
    "sentence",
    "to_csv",
    "with_line_feeds",
    "written",
]
