"""Reading examples: rows, lines pasted into two boxes, CSV, JSON Lines.

Every way in ends in `from_rows`, which takes outer white space off each cell: a blank at the end of one row would
otherwise be a token of its own and change how the texts are aligned.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from contextlib import suppress
from pathlib import Path

from core.errors import ExamplesError
from core.examples.example_set import COLUMNS, LABEL_WORDS, Example, ExampleSet, shortened
from core.examples.reading.mapping import FinalTurn, Mapping, Reading
from core.text.csv_safe import guarded, unguarded, write_cells

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character that UTF-16 writes in two; an escape in JSON can hold one alone, no encoding can write it."""

Row = Table[str, object]
"""The cells of one example by the names of their columns, and `line`."""


def from_rows(rows: Iterable[Row], keep_space: bool = False) -> ExampleSet:
    """Examples from records with the keys of COLUMNS; missing optional ones are empty.

    `keep_space` keeps the white space around texts. Raises ExamplesError for unknown labels and for empty texts.
    """
    numbered = enumerate(rows, start=1)
    return ExampleSet(
        examples=tuple(_example(row, int(str(row.get("line") or line)), keep_space) for line, row in numbered)
    )


def read_examples(path: Path, encoding: str | None = None) -> ExampleSet:
    """Examples of a file, as `parse_examples` reads them without anything said about it."""
    if not path.is_file():
        raise ExamplesError("examples_file_missing", name=path)
    return parse_examples(path.read_bytes(), path.name, encoding=encoding).examples


def parse_examples(
    content: bytes,
    name: str,
    *,
    encoding: str | None = None,
    mapping: Mapping | None = None,
    final_turn: FinalTurn | None = None,
    keep_space: bool = False,
) -> Reading:
    """Examples of an uploaded file's bytes; the name's ending tells the format.

    Raises ExamplesError; `columns_unclear` and `labels_unclear` ask for a `mapping`.
    """
    text = _decode(content, encoding)
    if name.lower().endswith(".jsonl"):
        return Reading(from_rows(_jsonl_rows(text), keep_space))
    if name.lower().endswith((".csv", ".tsv")):
        return Reading(from_rows(_csv_rows(text), keep_space))
    raise ExamplesError("unknown_examples_format", name=name)


def to_csv(examples: Sequence[Example]) -> bytes:
    """The examples as a CSV file that `parse_examples` and Excel read: UTF-8 with byte order mark, no formula."""
    rows = [[guarded(getattr(example, column)) for column in COLUMNS] for example in examples]
    return write_cells([COLUMNS, *rows])


def _decode(content: bytes, encoding: str | None) -> str:
    if encoding:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            raise ExamplesError("not_text") from None
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8-sig")
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        raise ExamplesError("not_text") from None
    raise ExamplesError("not_utf8", guess="Shift-JIS")


def _csv_rows(text: str) -> list[Row]:
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in header else ",", strict=True)
    rows: list[Row] = []
    try:
        columns = _columns([name or "" for name in reader.fieldnames or []])
        reader.fieldnames = columns
        for row in reader:
            if None in row:
                detail = "has more cells than the header; put texts with commas in quotes"
                raise ExamplesError("bad_csv", detail=f"line {reader.line_num} {detail}")
            cells = {name: unguarded(cell or "") for name, cell in row.items()}
            rows.append({**cells, "line": reader.line_num})
    except csv.Error as error:
        raise ExamplesError("bad_csv", detail=f"line {reader.line_num}: {error}") from None
    return rows


def _jsonl_rows(text: str) -> list[Row]:
    rows: list[Row] = []
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            pairs = json.loads(content, object_pairs_hook=tuple)  # a dict would keep one of two equal keys
        except (ValueError, RecursionError):
            pairs = None
        if not isinstance(pairs, tuple):
            raise ExamplesError("bad_json_line", line=line, text=shortened(content))
        columns = _columns([name for name, _ in pairs])
        if any(isinstance(cell, list | tuple) for _, cell in pairs):
            raise ExamplesError("bad_json_line", line=line, text=shortened(content))
        rows.append({**dict(zip(columns, (cell for _, cell in pairs), strict=True)), "line": line})
    return rows


def _columns(names: Sequence[str]) -> list[str]:
    """The columns that names stand for, however they are written; raises ExamplesError where they do not fit."""
    columns = [name.strip().lower() for name in names]
    if not {"label", "text"} <= set(columns):
        raise ExamplesError("missing_columns", found=_readable(", ".join(columns)) or "–")
    check_columns(columns)
    return columns


def check_columns(columns: Sequence[str]) -> None:
    """Raise ExamplesError for columns that are not known and for those that stand there more than once."""
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise ExamplesError("unknown_columns", found=_readable(", ".join(unknown)))
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled:
        raise ExamplesError("doubled_columns", found=", ".join(doubled))


def _example(row: Row, line: int, keep_space: bool) -> Example:
    given = {column: "" if row.get(column) is None else str(row[column]) for column in COLUMNS}
    cells = {name: cell if keep_space and name == "text" else cell.strip() for name, cell in given.items()}
    for cell in cells.values():
        if broken := _SURROGATE.search(cell):
            raise ExamplesError(
                "half_character", line=line, found=_readable(broken[0]), text=_readable(shortened(cell))
            )
    label = LABEL_WORDS.get(cells.pop("label").lower())
    if label is None:
        raise ExamplesError("unknown_label", line=line, label=shortened(str(row.get("label") or "")))
    if not cells["text"].strip():
        raise ExamplesError("empty_text", line=line)
    return Example(label=label, line=line, **cells)


def _readable(text: str) -> str:
    """A text for a message, with what no encoding can write as an escape."""
    return text.encode(errors="backslashreplace").decode()
