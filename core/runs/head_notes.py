"""What people add to a finished run: their own names, notes and groups for heads.

labels.json    name, note and group of heads, by `L3H5`
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.errors import StorageError
from core.runs.run_folder import RunFolder
from core.schema import FORMAT

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


def read_labels(run: RunFolder) -> dict[str, HeadLabel]:
    """Names, notes and groups by head (`L3H5`); raises StorageError where the file is damaged or newer."""
    heads = read_added(run, "labels.json").get("heads", {})
    if not isinstance(heads, Mapping):
        raise StorageError("damaged_run", path=run.path, detail="labels.json: heads is no JSON object")
    return {str(head): HeadLabel(**_texts(said, HeadLabel)) for head, said in heads.items()}


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
    found: dict[str, list[str]] = {}
    for head, label in labels.items():
        if label.group:
            found.setdefault(label.group, []).append(head)
    return dict(sorted(found.items()))


def one_line(text: str, longest: int) -> str:
    """The text without line breaks and doubled spaces, cut to a length."""
    return " ".join(text.split())[:longest]


def read_added(run: RunFolder, name: str) -> dict[str, Any]:
    """Content of a file that people add to a run, empty where they have not yet."""
    if not (run.path / name).exists():
        return {}
    return run.read_json(name)


def _write(run: RunFolder, labels: Mapping[str, HeadLabel]) -> None:
    heads = {name: asdict(said) for name, said in labels.items() if said != HeadLabel()}
    run.write_json("labels.json", {"format": FORMAT, "heads": heads})


def _texts(content: Any, kind: type) -> dict[str, str]:
    """The fields of a dataclass of texts, as far as a file has them."""
    found = content if isinstance(content, Mapping) else {}
    return {name: str(found.get(name, "")) for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
