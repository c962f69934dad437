"""Fetching a model's files from the hub: a download that broke goes on where it ended, also in another process.

1. Every file goes into a part file beside the place where it will lie; what such a file holds already is not asked for
   again (a Range request of the hub's own client).
2. A complete part is compared with the SHA-256 that the hub names, then renamed.
3. In the hub's cache the client makes the links of a snapshot; a folder of one's own holds the files themselves.

The hub's client downloads into a file of a new name each time, so that a process that ends loses what it fetched.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from huggingface_hub import hf_hub_download, hf_hub_url
from huggingface_hub.file_download import get_hf_file_metadata, http_get
from huggingface_hub.utils import build_hf_headers

from core.errors import ModelError, StorageError
from core.model.hub.cache import parted, repository, snapshot
from core.model.hub.errors import hub_errors
from core.model.hub.facts import HubFacts, HubFile, is_here
from core.schema import Progress
from core.storage import write_atomically

Result = TypeVar("Result")
PAUSE = 0.2
"""Seconds between two looks at how far a download is."""
_ROOM = 1.02
"""Room on the disk that is asked for, as a multiple of what is fetched."""


def fetch(facts: HubFacts, folder: Path | None = None) -> Generator[Progress, None, Path]:
    """Fetch the files of a model into the hub's cache, or into a folder; returns where they lie.

    Yields how many of the bytes are here. Raises ModelError for a refusal or a broken way, StorageError for no room.
    """
    if not facts["access"]:
        raise ModelError("hub_gated", name=facts["name"])
    name, commit = parted(facts["name"])[0], facts["revision"]
    place = folder or repository(name)
    place.mkdir(parents=True, exist_ok=True)
    missing = [file for file in facts["files"] if not _there(file, facts, folder)]
    check_room(place, sum(file["size"] - _size(_part(place, file)) for file in missing))

    def work() -> None:
        with hub_errors(facts["name"]):
            for file in missing:
                _fetch_file(name, commit, file, place, in_cache=folder is None)

    yield from followed(work, lambda: _here(facts, folder), facts["size_bytes"])
    if folder is not None:
        return folder
    for file in facts["files"]:
        with hub_errors(facts["name"]):
            hf_hub_download(name, file["name"], revision=commit)
    if parted(facts["name"])[1] != commit:
        write_atomically(_ref(facts["name"]), commit.encode())
    found = snapshot(facts["name"])
    if found is None:
        raise ModelError("download_broken", name=facts["name"])
    return found


def followed(
    work: Callable[[], Result], done: Callable[[], int], total: int, stage: str = "download"
) -> Generator[Progress, None, Result]:
    """Do the work in a thread and yield how far it is; returns what it returns, raises what it raises.

    The thread ends with the process: who stops early ends the process.
    """
    ended: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        yield Progress(stage, min(done(), total), total)
        thread.join(PAUSE)
    if failed:
        raise failed[0]
    yield Progress(stage, total, total)
    return ended[0]


def check_room(folder: Path, needed: int) -> None:
    """Raise StorageError where the disk of a folder has less room than `needed` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed * _ROOM:
        raise StorageError("no_room_for_model", path=folder, needed=megabytes(needed), free=megabytes(free))


def megabytes(size: int) -> str:
    """A size for an error's text."""
    return f"{size / 1e6:,.0f} MB"


def _fetch_file(name: str, commit: str, file: HubFile, place: Path, in_cache: bool) -> None:
    part = _part(place, file)
    part.parent.mkdir(parents=True, exist_ok=True)
    url, headers = hf_hub_url(name, file["name"], revision=commit), build_hf_headers()
    told = get_hf_file_metadata(
        url, headers=headers
    )  # raises for a gated model and for a token that is not valid
    if _size(part) > file["size"]:
        part.unlink()
    if urlsplit(told.location).netloc != urlsplit(url).netloc:
        headers.pop(
            "authorization", None
        )  # the token is for the hub alone, not for the host of its large files
    with part.open("ab") as stream:
        http_get(told.location, stream, resume_size=_size(part), headers=headers, expected_size=file["size"])
    _compare(part, file, name)
    blob = told.etag or file["blob"]
    target = place / "blobs" / blob if in_cache else place / file["name"]
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def _compare(part: Path, file: HubFile, name: str) -> None:
    """Raise ModelError, and forget the part, where its content is not what the hub names."""
    if not file["sha256"]:
        return
    with part.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != file["sha256"]:
        part.unlink()
        raise ModelError("download_damaged", name=name, file=file["name"])


def _part(place: Path, file: HubFile) -> Path:
    return place / "parts" / f"{file['blob'] or file['name'].replace('/', '--')}.part"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _there(file: HubFile, facts: HubFacts, folder: Path | None) -> bool:
    if folder is not None:
        return _size(folder / file["name"]) == file["size"]
    return is_here(parted(facts["name"])[0], facts["revision"], file)


def _here(facts: HubFacts, folder: Path | None) -> int:
    place = folder or repository(parted(facts["name"])[0])
    return sum(_bytes_of(file, facts, folder, place) for file in facts["files"])


def _bytes_of(file: HubFile, facts: HubFacts, folder: Path | None, place: Path) -> int:
    return file["size"] if _there(file, facts, folder) else _size(_part(place, file))


def _ref(source: str) -> Path:
    """The file of the cache that says which commit a branch's name stands for."""
    name, revision = parted(source)
    file = repository(name) / "refs" / revision
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
