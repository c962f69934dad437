"""What is fetched and how far it is: one folder a request, which every process of this machine reads alike.

fetches/KEY/state.json   how far it is (`FetchState`)
fetches/KEY/.lock        held by the process that fetches; it goes with the process, however it ends
fetches/KEY/stop         asks that process to stop
fetches/KEY/log.txt      what it wrote
"""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

import core
from core.errors import StorageError
from core.scenarios.loader import fetched_names
from core.schema import Stored
from core.storage import home, storage_error, take_lock, write_atomically

Status = Literal["running", "done", "failed", "cancelled", "interrupted"]
BEGINNING = 30.0
"""Seconds that a process has to take the lock before it counts as ended."""


class FetchRequest(Stored):
    """A scenario's model by the scenario's name, or a model of the hub; `gguf` is the chosen file of such a model."""

    kind: Literal["scenario", "hub"]
    name: str
    gguf: str = ""

    @property
    def folder(self) -> Path:
        """Where its state lies."""
        digest = hashlib.blake2b(self.model_dump_json().encode(), digest_size=6).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", self.name)[:60]
        return home() / "fetches" / f"{readable}-{digest}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold its lock while it is fetched; raises StorageError where another process holds it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = take_lock(self.folder / ".lock")
        try:
            yield
        finally:
            lock.release()


def request_of(name: str, gguf: str = "") -> FetchRequest:
    """The request for a scenario of this name, else for the model of this hub id."""
    return FetchRequest(kind="scenario" if name in fetched_names() else "hub", name=name, gguf=gguf)


class FetchState(Stored):
    """How far a fetch is: `step` of `total` bytes in the stage `download`; `source` names the model when it is done.

    Times are seconds since the epoch.
    """

    status: Status = "running"
    stage: str = ""
    step: int = 0
    total: int = 0
    began_with: int = 0
    """Bytes that were here when it began."""

    source: str = ""
    error_key: str = ""
    error_values: dict[str, Any] = Field(default_factory=dict)
    started: float = 0.0
    updated: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it is still going to change."""
        return self.status == "running"

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return min(1.0, self.step / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the download ends at its pace so far; None where nothing tells."""
        fetched, took = self.step - self.began_with, self.updated - self.started
        if self.stage != "download" or fetched <= 0 or took < 1:
            return None
        return took * (self.total - self.step) / fetched


def begin(request: FetchRequest) -> None:
    """Start a process that fetches; one that is at work already is joined. Raises StorageError."""
    folder = request.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "stop").unlink(missing_ok=True)
        known = state_of(request)
        if known is not None and known.active:
            return
        now = time.time()
        write_state(request, FetchState(started=now, updated=now))
        with (folder / "log.txt").open("wb") as log:
            _start(request, log)
    except OSError as error:
        raise storage_error(error, folder) from None


def state_of(request: FetchRequest) -> FetchState | None:
    """How far a fetch is; None where it was never begun. One whose process is gone was interrupted."""
    try:
        state = FetchState.model_validate_json((request.folder / "state.json").read_bytes())
    except (OSError, ValidationError):
        return None
    beginning = time.time() - state.started < BEGINNING and not state.stage
    if state.active and not beginning and not _held(request.folder):
        return state.model_copy(update={"status": "interrupted"})
    return state


def cancel(request: FetchRequest) -> None:
    """Ask the process to stop; what it has fetched stays for the next time."""
    with suppress(OSError):
        (request.folder / "stop").touch()


def write_state(request: FetchRequest, state: FetchState) -> None:
    """Replace the state, stamping the time."""
    stamped = state.model_copy(update={"updated": time.time()})
    write_atomically(
        request.folder / "state.json", stamped.model_dump_json().encode(), durable=not state.active
    )


def _held(folder: Path) -> bool:
    try:
        take_lock(folder / ".lock").release()
    except StorageError as error:
        return error.key == "locked"
    return False


def _start(request: FetchRequest, log: Any) -> None:
    root = str(Path(core.__file__ or "").parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    subprocess.Popen(
        [sys.executable, "-m", "core.jobs.fetching.process", request.model_dump_json()],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        # it goes on when the dashboard is stopped: its state is on the disk
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
