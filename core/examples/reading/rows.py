"""Examples from records of our own columns, and the way back: as a CSV file that is read as it was written."""

import json
from collections.abc import Iterable, Mapping, Sequence

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import COLUMNS, Example, ExampleSet, shortened
from core.examples.reading.headings import CARRIED, role_of
from core.examples.reading.labels import side_of
from core.examples.reading.whole_characters import check_characters
from core.text.csv_safe import guarded, write_cells

Row = Mapping[str, object]
"""The cells of one example by the names of their columns, and `line`."""


def from_rows(rows: Iterable[Row], keep_space: bool = False) -> ExampleSet:
    """Examples from records with the keys of COLUMNS; missing optional ones are empty.

    White space around every cell is taken off: a blank at the end of one text would be a token of its own and change
    how the texts are aligned. `keep_space` keeps it around texts. Raises ExamplesError for unknown labels and for
    empty texts.
    """
    numbered = enumerate(rows, start=1)
    return ExampleSet(
        examples=tuple(_example(row, int(str(row.get("line") or line)), keep_space) for line, row in numbered)
    )


def to_csv(examples: ExampleSet) -> bytes:
    """The examples as a CSV file that `parse_examples` and Excel read: UTF-8 with byte order mark, no formula.

    Behind our columns stand, where there are any, `messages` (the turns as JSON), `system`, `beginning` (of the answer)
    `frame`, and `pair_source` (made partners), and the further columns of the user's file; one whose heading would be
    taken for ours begins with `carried.`.
    """
    chat = examples.form == "chat"
    around = {
        "messages": [_written(example.messages) for example in examples.examples],
        "system": [
            examples.system if chat and not _has_system(example) else "" for example in examples.examples
        ],
        "beginning": [_beginning(example) or examples.beginning * chat for example in examples.examples],
        "frame": ["" if chat else examples.frame for _ in examples.examples],
        "pair_source": [str(example.source) for example in examples.examples],
    }
    used = {heading: cells for heading, cells in around.items() if any(cells)}
    carried = list(dict.fromkeys(name for example in examples.examples for name in example.carried))
    rows = [
        [
            *(getattr(example, column) for column in COLUMNS),
            *(cells[number] for cells in used.values()),
            *(example.carried.get(name, "") for name in carried),
        ]
        for number, example in enumerate(examples.examples)
    ]
    headings = [*COLUMNS, *used, *map(carried_heading, carried)]
    return write_cells([[guarded(cell) for cell in row] for row in (headings, *rows)])


def carried_heading(name: str) -> str:
    """The heading of a further column: as it was, behind `carried.` where a reader would take it for one of ours."""
    return f"{CARRIED}{name}" if role_of(name) or side_of(name) or not name.strip() else name


def _has_system(example: Example) -> bool:
    return example.messages[:1] != () and example.messages[0].role == "system"


def _beginning(example: Example) -> str:
    last = example.messages[-1:]
    return last[0].content if last and last[0].role == "assistant" else ""


def _written(messages: Sequence[Message]) -> str:
    """The turns in front of the beginning of the answer, as JSON."""
    turns = messages[:-1] if messages and messages[-1].role == "assistant" else messages
    return json.dumps([turn.model_dump() for turn in turns], ensure_ascii=False) if turns else ""


def _example(row: Row, line: int, keep_space: bool) -> Example:
    given = {column: "" if row.get(column) is None else str(row[column]) for column in COLUMNS}
    cells = {name: cell if keep_space and name == "text" else cell.strip() for name, cell in given.items()}
    check_characters(cells.values(), line)
    label = side_of(cells.pop("label"))
    if label is None:
        raise ExamplesError("unknown_label", line=line, label=shortened(str(row.get("label") or "")))
    if not cells["text"].strip():
        raise ExamplesError("empty_text", line=line)
    return Example(label=label, line=line, **cells)
