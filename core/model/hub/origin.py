"""Where a model's weights came from: the hub at a commit, a package, or a folder that nobody described."""

import json
import re
from pathlib import Path
from typing import Literal, TypedDict

from core.model.hub.cache import cached_revision, is_hub_id, parted

FILE = "origin.json"
"""What a fetched folder says of itself; it is written last, so that a folder without it is not complete."""


class Origin(TypedDict):
    """`kind` hub: `id` is the hub id and `revision` the commit; package: its name and version; folder: both empty."""

    kind: Literal["hub", "package", "folder"]
    id: str
    revision: str


def origin_of(source: str) -> Origin:
    """Where the weights of a hub id, a fetched folder, or a file in the hub's cache came from."""
    path = Path(source).expanduser()
    if is_hub_id(source):
        return {"kind": "hub", "id": parted(source)[0], "revision": cached_revision(source)}
    if (path / FILE).is_file():
        content = json.loads((path / FILE).read_text(encoding="utf-8"))
        return {"kind": content["kind"], "id": content["id"], "revision": content["revision"]}
    in_cache = re.search(r"models--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})", str(path.absolute()))
    if in_cache:
        return {"kind": "hub", "id": in_cache[1].replace("--", "/", 1), "revision": in_cache[2]}
    return {"kind": "folder", "id": "", "revision": ""}


def write_origin(folder: Path, origin: Origin) -> None:
    """Say in a fetched folder where it came from."""
    (folder / FILE).write_text(json.dumps(origin, indent=1), encoding="utf-8")
