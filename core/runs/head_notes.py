"""What people add to a finished run: names, notes and groups of heads by `L3H5` (labels.json)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import Field

from core.runs.run_folder import RunFolder
from core.schema import FORMAT, Stored

LONGEST_NAME = 40
LONGEST_NOTE = 1000
LONGEST_GROUP = 30
"""Characters kept of a text; the fields of the dashboard take no more."""


@dataclass(frozen=True)
class HeadLabel:
    """What a user calls a head, notes on it, and the group the head belongs to; each may be empty."""

    name: str = ""
    note: str = ""
    group: str = ""


class _Labels(Stored):
    """labels.json"""

    format: int = FORMAT
    heads: dict[str, HeadLabel] = Field(default_factory=dict)


def read_labels(run: RunFolder) -> dict[str, HeadLabel]:
    """Names, notes and groups by head (`L3H5`); raises StorageError where the file is damaged or newer."""
    return dict(run.read_added("labels.json", _Labels).heads)


def write_label(run: RunFolder, head: str, label: HeadLabel) -> None:
    """Name a head, note something on it and put it into a group; a label without any text is removed."""
    tidy = HeadLabel(
        one_line(label.name, LONGEST_NAME),
        label.note.strip()[:LONGEST_NOTE],
        one_line(label.group, LONGEST_GROUP),
    )
    with run.changing():
        _write(run, {**read_labels(run), head: tidy})


def write_group(run: RunFolder, heads: Iterable[str], group: str) -> None:
    """Put several heads into a group; an empty name takes them out of theirs."""
    name = one_line(group, LONGEST_GROUP)
    with run.changing():
        labels = read_labels(run)
        _write(run, labels | {head: replace(labels.get(head, HeadLabel()), group=name) for head in heads})


def groups(labels: Mapping[str, HeadLabel]) -> dict[str, list[str]]:
    """The heads of each group; groups in the order of their names."""
    members: dict[str, list[str]] = {}
    for head, label in labels.items():
        if label.group:
            members.setdefault(label.group, []).append(head)
    return dict(sorted(members.items()))


def one_line(text: str, longest: int) -> str:
    """The text without line breaks and doubled spaces, cut to a length."""
    return " ".join(text.split())[:longest]


def _write(run: RunFolder, labels: Mapping[str, HeadLabel]) -> None:
    heads = {name: label for name, label in labels.items() if label != HeadLabel()}
    run.write_model("labels.json", _Labels(heads=heads))
