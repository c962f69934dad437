"""What the columns of a file and the words of its labels stand for, and what reading a file gave."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.examples.example_set import ExampleSet, Label
from core.schema import Note

ColumnRole = Literal[
    "label",
    "text",
    "pair",
    "expected",
    "actual",
    "messages",
    "system",
    "answer",
    "beginning",
    "frame",
    "pair_source",
    "anomalous",
    "normal",
    "carried",
    "ignored",
]
"""What a column holds. `messages` are the turns of a conversation, `answer` what the model answered (or, where that is
chosen, the beginning of the answer), `anomalous` and `normal` are texts side by side; `carried` columns are kept.
`pair_source` says that a partner was made (`made`) or not."""

ROLES: tuple[ColumnRole, ...] = get_args(ColumnRole)

FinalTurn = Literal["answer", "beginning"]
"""Whether an assistant's turn at the end is what the model answered, or the beginning of the answer it shall give."""


@dataclass(frozen=True)
class Mapping:
    """What a person says of a file: heading → role, and word of a label → side. What is not named is recognised."""

    columns: Table[str, ColumnRole] = field(default_factory=dict)
    labels: Table[str, Label] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """The examples of a file, what must be known of how they were read, and how each column was understood.

    `encoding` and `separator` are empty where the file has none; `columns` maps each heading to its role.
    """

    examples: ExampleSet
    notes: tuple[Note, ...] = ()
    encoding: str = ""
    separator: str = ""
    columns: Table[str, ColumnRole] = field(default_factory=dict)
