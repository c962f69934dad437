"""What people add to a finished run: their own names and notes for heads.

labels.json    name and note of heads, by `L3H5`
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import StorageError
from core.runs import FORMAT, RunFolder

LONGEST_NAME = 40
LONGEST_NOTE = 1000
"""Characters kept of a text; the fields of the dashboard take no more."""


@dataclass(frozen=True)
class HeadLabel:
    """What a user calls a head and notes on it; either may be empty."""

    name: str = ""
    note: str = ""


def read_labels(run: RunFolder) -> dict[str, HeadLabel]:
    """Names and notes by head (`L3H5`); raises StorageError where the file is damaged or newer."""
    heads = read_added(run, "labels.json").get("heads", {})
    if not isinstance(heads, Mapping):
        raise StorageError("damaged_run", path=run.path, detail="labels.json: heads is no JSON object")
    return {str(head): HeadLabel(**_texts(said, HeadLabel)) for head, said in heads.items()}


def write_label(run: RunFolder, head: str, label: HeadLabel) -> None:
    """Name a head and note something on it; an empty name and note remove the entry."""
    labels = read_labels(run)
    kept = HeadLabel(one_line(label.name, LONGEST_NAME), label.note.strip()[:LONGEST_NOTE])
    labels[head] = kept
    heads = {name: asdict(said) for name, said in labels.items() if said != HeadLabel()}
    run.write_json("labels.json", {"format": FORMAT, "heads": heads})


def one_line(text: str, longest: int) -> str:
    """The text without line breaks and doubled spaces, cut to a length."""
    return " ".join(text.split())[:longest]


def read_added(run: RunFolder, name: str) -> dict[str, Any]:
    """Content of a file that people add to a run, empty where they have not yet."""
    if not (run.path / name).exists():
        return {}
    content = run.read_json(name)
    if content.get("format", 1) > FORMAT:
        raise StorageError("newer_run", path=run.path, found=content["format"], known=FORMAT)
    return content


def _texts(content: Any, kind: type) -> dict[str, str]:
    """The fields of a dataclass of texts, as far as a file has them."""
    found = content if isinstance(content, Mapping) else {}
    return {name: str(found.get(name, "")) for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
