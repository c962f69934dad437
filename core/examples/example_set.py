"""Examples and sets of them: reading pasted text, CSV and JSON Lines, with every check that needs no model."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.errors import ExamplesError

Label = Literal["anomalous", "normal"]
LABELS: tuple[Label, Label] = ("anomalous", "normal")
COLUMNS = ("label", "text", "pair", "expected", "actual")
MINIMUM_PER_SIDE = 3
ADVISED_PER_SIDE = (5, 10)
MAXIMUM_PER_SIDE = 200

LABEL_WORDS: dict[str, Label] = {
    "anomalous": "anomalous",
    "異常": "anomalous",
    "異常例": "anomalous",
    "normal": "normal",
    "正常": "normal",
    "正常例": "normal",
}
"""How a label may be written in a file or a pasted table."""


class Example(BaseModel):
    """One text with its label; `line` is where it stood in what the user gave, for messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label
    text: str
    pair: str = ""
    expected: str = ""
    actual: str = ""
    line: int = 0


class ExampleSet(BaseModel):
    """The anomalous and normal examples of one run, in the user's order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: tuple[Example, ...] = ()

    def of(self, label: Label) -> list[Example]:
        """The examples of one label, in order."""
        return [example for example in self.examples if example.label == label]

    def count(self, label: Label) -> int:
        """How many examples have this label."""
        return len(self.of(label))

    def texts(self, label: Label) -> list[str]:
        """The texts of one label, in order."""
        return [example.text for example in self.of(label)]

    def keeping_columns_of(self, before: "ExampleSet") -> "ExampleSet":
        """These texts, each with the pair and the words that its line had before.

        Lines are matched as in a comparison of two files; a changed line is the example that stood there.
        """
        return ExampleSet(
            examples=tuple(e for label in LABELS for e in _continued(before.of(label), self.of(label)))
        )

    def check(self) -> "ExampleSet":
        """Return self if it can be analysed; raises ExamplesError for the first thing that hinders it."""
        _check_texts(self.examples)
        for label in LABELS:
            _check_count(label, self.count(label))
        _check_pairs(self.examples)
        return self


def _continued(before: Sequence[Example], after: Sequence[Example]) -> list[Example]:
    texts = [[example.text for example in side] for side in (before, after)]
    sources: dict[int, Example] = {}
    for change, start, end, first, last in SequenceMatcher(
        None, texts[0], texts[1], autojunk=False
    ).get_opcodes():
        if change == "equal" or (change == "replace" and end - start == last - first):
            sources |= dict(zip(range(first, last), before[start:end], strict=True))
    return [
        sources.get(i, example).model_copy(update={"text": example.text, "line": example.line})
        for i, example in enumerate(after)
    ]


def from_rows(rows: Iterable[dict[str, Any]], first_line: int = 1) -> ExampleSet:
    """Examples from records with the keys of COLUMNS; missing optional ones are empty.

    Every way in ends here, so that one text has one form: without spaces and line breaks at its ends.
    Raises ExamplesError for unknown columns or labels and for empty texts.
    """
    examples = []
    for line, row in enumerate(rows, start=first_line):
        examples.append(_example(row, int(row.get("line") or line)))
    return ExampleSet(examples=tuple(examples))


def from_pasted(anomalous: str, normal: str) -> tuple[ExampleSet, int]:
    """One text a line from two boxes. Returns the set and how many empty lines were left out."""
    rows: list[dict[str, Any]] = []
    empty = 0
    for label, text in zip(LABELS, (anomalous, normal), strict=True):
        lines = text.splitlines()
        filled = [(line, content) for line, content in enumerate(lines, start=1) if content.strip()]
        rows += [{"label": label, "text": content, "line": line} for line, content in filled]
        empty += len(lines) - len(filled)
    return from_rows(rows), empty


def read_examples(path: Path, encoding: str | None = None) -> ExampleSet:
    """Examples of a .csv or .jsonl file. `encoding` None means UTF-8, with or without a byte order mark."""
    if not path.is_file():
        raise ExamplesError("examples_file_missing", name=path)
    return parse_examples(path.read_bytes(), path.name, encoding)


def parse_examples(content: bytes, name: str, encoding: str | None = None) -> ExampleSet:
    """Examples of an uploaded file's bytes; the name's ending tells the format."""
    text = _decode(content, encoding)
    if name.lower().endswith(".jsonl"):
        return from_rows(_jsonl_rows(text))
    if name.lower().endswith((".csv", ".tsv")):
        return from_rows(_csv_rows(text))
    raise ExamplesError("unknown_examples_format", name=name)


def to_csv(examples: Sequence[Example]) -> bytes:
    """The examples as a CSV file that `parse_examples` and Excel read: UTF-8 with byte order mark."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for example in examples:
        writer.writerow({column: getattr(example, column) for column in COLUMNS})
    return buffer.getvalue().encode("utf-8-sig")


def _decode(content: bytes, encoding: str | None) -> str:
    if encoding:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            raise ExamplesError("not_text") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        raise ExamplesError("not_text") from None
    raise ExamplesError("not_utf8", guess="Shift-JIS")


def _csv_rows(text: str) -> list[dict[str, Any]]:
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in header else ",", strict=True)
    rows = []
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
        _check_columns(columns)
        reader.fieldnames = columns
        for row in reader:
            if None in row:
                detail = (
                    f"line {reader.line_num} has more cells than the header; put texts with commas in quotes"
                )
                raise ExamplesError("bad_csv", detail=detail)
            rows.append({**row, "line": reader.line_num})
    except csv.Error as error:
        raise ExamplesError("bad_csv", detail=f"line {reader.line_num}: {error}") from None
    return rows


def _jsonl_rows(text: str) -> list[dict[str, Any]]:
    rows = []
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError:
            row = None
        if not isinstance(row, dict):
            raise ExamplesError("bad_json_line", line=line, text=_short(content))
        _check_columns(list(row))
        rows.append({**row, "line": line})
    return rows


def _check_columns(columns: Sequence[str]) -> None:
    if not {"label", "text"} <= set(columns):
        raise ExamplesError("missing_columns", found=", ".join(columns) or "–")
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise ExamplesError("unknown_columns", found=", ".join(unknown))


def _example(row: dict[str, Any], line: int) -> Example:
    cells = {column: str(row[column]).strip() if row.get(column) is not None else "" for column in COLUMNS}
    label = LABEL_WORDS.get(cells["label"].lower())
    if label is None:
        raise ExamplesError("unknown_label", line=line, label=_short(cells["label"]))
    if not cells["text"]:
        raise ExamplesError("empty_text", line=line)
    return Example.model_validate({**cells, "label": label, "line": line})


def _check_texts(examples: Sequence[Example]) -> None:
    seen: dict[str, Example] = {}
    for example in examples:
        if not example.text.strip():
            raise ExamplesError("empty_text", line=example.line)
        before = seen.setdefault(example.text, example)
        if before is example:
            continue
        place = {"line": example.line, "label": example.label, "first": before.line}
        text = _short(example.text)
        if before.label != example.label:
            raise ExamplesError("same_text_on_both_sides", **place, other=before.label, text=text)
        raise ExamplesError("duplicate_text", **place, text=text)


def _check_count(label: Label, count: int) -> None:
    if count == 0:
        raise ExamplesError("no_examples_of_kind", minimum=MINIMUM_PER_SIDE, label=label)
    if count < MINIMUM_PER_SIDE:
        raise ExamplesError(
            "too_few_examples",
            minimum=MINIMUM_PER_SIDE,
            label=label,
            count=count,
            missing=MINIMUM_PER_SIDE - count,
        )
    if count > MAXIMUM_PER_SIDE:
        raise ExamplesError("too_many_examples", maximum=MAXIMUM_PER_SIDE, label=label, count=count)


def _check_pairs(examples: Sequence[Example]) -> None:
    sides = Counter((example.pair, example.label) for example in examples if example.pair)
    for pair in dict.fromkeys(example.pair for example in examples if example.pair):
        anomalous, normal = (sides[pair, label] for label in LABELS)
        if (anomalous, normal) != (1, 1):
            raise ExamplesError("pair_not_one_to_one", pair=_short(pair), anomalous=anomalous, normal=normal)


def _short(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
