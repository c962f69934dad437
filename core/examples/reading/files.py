"""Reading a file of examples: bytes → table → examples."""

from pathlib import Path

from core.errors import ExamplesError
from core.examples.example_set import ExampleSet
from core.examples.reading.building import examples_of
from core.examples.reading.mapping import FinalTurn, Mapping, Reading
from core.examples.reading.tables import table_of


def read_examples(path: Path, encoding: str | None = None) -> ExampleSet:
    """Examples of a file, as `parse_examples` reads them without anything said about it."""
    return read_file(path, encoding=encoding).examples


def read_file(
    path: Path,
    *,
    encoding: str | None = None,
    mapping: Mapping | None = None,
    final_turn: FinalTurn | None = None,
    keep_space: bool = False,
) -> Reading:
    """What a file holds, as `parse_examples` reads it; raises ExamplesError where there is none."""
    if not path.is_file():
        raise ExamplesError("examples_file_missing", name=path)
    return parse_examples(
        path.read_bytes(),
        path.name,
        encoding=encoding,
        mapping=mapping,
        final_turn=final_turn,
        keep_space=keep_space,
    )


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

    Raises ExamplesError; `columns_unclear` and `labels_unclear` ask for a `mapping`, `not_utf8` offers an `encoding`.
    """
    return examples_of(table_of(content, name, encoding), mapping, final_turn, keep_space)
