"""The run folder: what a run is and how far it is, in JSON and CSV files, written whole or not at all.

config.json     the settings, as submitted
meta.json       name, owner, when it was made: what a user may edit
state.json      how far the analysis is (`core.runs.job_state`); state-*.json the same of each deeper check
progress.jsonl  every progress record, for the loss curve
heads.csv, edges.csv, codes.csv, examples.csv, effects.csv, evidence.json, manifest.json, report.html     the result
labels.json, review.json, roi.json    what people added to it
poc.json        what was ticked by hand in the check list (`core.runs.checklist`); it stays when the run is resumed
"""

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import BaseFileLock
from pydantic import TypeAdapter, ValidationError

from core.config import RunConfig, as_config_error, first_complaint
from core.errors import StorageError
from core.runs.job_state import (
    CHECK_KINDS,
    FORMER_CHECK_FILE,
    STATE_FILES,
    JobKind,
    JobState,
    read_state,
    state_file,
)
from core.schema import FORMAT, Manifest, Stored
from core.storage import home, storage_error, take_lock, write_atomically

Model = TypeVar("Model", bound=Stored)
Record = TypeVar("Record")
LONGEST_ID = 100
"""Characters of an id from outside; a longer one is no folder name, and some systems refuse to look for it."""


@dataclass(frozen=True)
class RunMeta:
    """What a user may edit about a run."""

    name: str = ""
    owner: str = ""
    created: str = ""


def runs_folder() -> Path:
    """Folder that holds one folder a run."""
    path = home() / "runs"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def new_run_id() -> str:
    """A sortable id, safe in a URL: date, time, eight random hex digits."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}"


class RunFolder:
    """One run on the disk. Cheap to make; nothing is read until asked."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @classmethod
    def create(cls, path: Path, config: RunConfig, name: str = "", owner: str = "") -> "RunFolder":
        """Make the folder with config and state `queued`. Raises StorageError if the path is in use."""
        run = cls(path)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            in_use = any(run.path.iterdir())
        except OSError as error:
            raise storage_error(error, path) from None
        if in_use and not (run.path / "config.json").exists():
            raise StorageError("out_folder_in_use", path=path)
        run.clear()
        run.write_json("config.json", {"format": FORMAT, **config.model_dump(mode="json")})
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        run.write_json("meta.json", asdict(RunMeta(name=name, owner=owner, created=created)))
        run.write_state(JobState())
        return run

    def clear(self) -> None:
        """Remove the result, what people added to it, and how far every job is."""
        for name in (
            *RESULT_FILES,
            *ADDED_FILES,
            *STATE_FILES,
            FORMER_CHECK_FILE,
            "progress.jsonl",
            "log.txt",
        ):
            (self.path / name).unlink(missing_ok=True)

    def config(self) -> RunConfig:
        """The settings as submitted; raises StorageError for a missing, damaged or newer folder."""
        content = self.read_json("config.json")
        content.pop("format", None)
        try:
            return RunConfig.model_validate(content)
        except ValidationError as error:
            raise StorageError("damaged_run", path=self.path, detail=as_config_error(error)) from None

    def state(self, kind: JobKind = "analysis") -> JobState:
        """How far a job on the run is; raises StorageError where it was never begun, or the file is damaged."""
        return self._read_state(state_file(kind))

    def last_check(self) -> JobState | None:
        """The deeper check that was at work last, or None; raises StorageError for a damaged file."""
        files = [*map(state_file, CHECK_KINDS), FORMER_CHECK_FILE]
        states = [self._read_state(file) for file in files if (self.path / file).exists()]
        return max(states, key=lambda state: state.updated, default=None)

    def meta(self) -> RunMeta:
        """Name, owner, creation time."""
        return self._record("meta.json", RunMeta)

    def rename(self, name: str, owner: str | None = None) -> None:
        """Change the user's name of the run, and its owner where one is given."""
        meta = self.meta()
        self.write_json(
            "meta.json", asdict(replace(meta, name=name, owner=meta.owner if owner is None else owner))
        )

    def write_state(self, state: JobState) -> None:
        """Replace the file of the job's state, stamping the time."""
        self.write_json(state_file(state.kind), asdict(replace(state, updated=time.time())))

    def hold(self) -> BaseFileLock:
        """Lock the run for the job that works on it; the lock goes with the process, however it ends.

        Raises StorageError where another job holds it.
        """
        return take_lock(self.path / ".lock")

    def held(self) -> bool:
        """Whether some process works on the run."""
        try:
            self.hold().release()
        except StorageError as error:
            return error.key == "locked"
        return False

    def finish(self) -> None:
        """Mark the run as done; it began when it was made, where nothing else was written."""
        state = self.state()
        started = state.started or (self.path / "config.json").stat().st_mtime
        self.write_state(replace(state, status="done", started=started, finished=time.time()))

    def manifest(self) -> Manifest:
        """The result's manifest; raises StorageError where there is none, or a damaged or newer one."""
        return self.read_model("manifest.json", Manifest)

    def read_model(self, name: str, kind: type[Model]) -> Model:
        """A JSON file of the folder as a model of `core.schema`; raises StorageError as `read_json` does."""
        try:
            return kind.model_validate(self.read_json(name))
        except ValidationError as error:
            detail = ": ".join((name, *first_complaint(error)))
            raise StorageError("damaged_run", path=self.path, detail=detail) from None

    def write_model(self, name: str, content: Stored) -> None:
        """Write a model of `core.schema` as a JSON file, whole or not at all."""
        self.write_json(name, content.model_dump(mode="json"))

    def _record(self, name: str, kind: type[Record]) -> Record:
        try:
            return TypeAdapter(kind).validate_python(self.read_json(name))
        except ValidationError as error:
            detail = ": ".join((name, *first_complaint(error)))
            raise StorageError("damaged_run", path=self.path, detail=detail) from None

    def read_json(self, name: str) -> dict[str, Any]:
        """Content of a JSON file of the folder; raises StorageError where it is missing, damaged or newer."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StorageError("no_run", path=self.path) from None
        except (OSError, ValueError) as error:
            raise StorageError("damaged_run", path=self.path, detail=f"{name}: {error}") from None
        if not isinstance(content, dict):
            raise StorageError("damaged_run", path=self.path, detail=f"{name} is no JSON object")
        number = content.get("format", FORMAT)
        if isinstance(number, bool) or not isinstance(number, int):
            raise StorageError("damaged_run", path=self.path, detail=f"{name}: format {number!r:.40}")
        if number > FORMAT:
            raise StorageError("newer_run", path=self.path, found=number, known=FORMAT)
        return content

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        self.write_bytes(name, json.dumps(content, ensure_ascii=False, indent=1).encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file under a temporary name and rename it; raises StorageError, e.g. for a full disk."""
        write_atomically(self.path / name, content)

    def delete(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _read_state(self, file: str) -> JobState:
        try:
            return read_state(self.read_json(file))
        except ValueError as error:
            raise StorageError("damaged_run", path=self.path, detail=f"{file}: {error}") from None


RESULT_FILES = (
    "heads.csv",
    "edges.csv",
    "codes.csv",
    "examples.csv",
    "effects.csv",
    "evidence.json",
    "manifest.json",
    "report.html",
    "tensors.safetensors",
    "circuit.json",
    "sensitivity.json",
    "robustness.json",
    "sweep.csv",
    "sweep_map.csv",
)


ADDED_FILES = ("labels.json", "review.json", "roi.json")
"""What people add to a result (`core.runs.head_notes`, `core.runs.review`, `core.runs.cost_sheet`); it goes
with the result it speaks of.
"""


def list_runs(folder: Path | None = None) -> list[RunFolder]:
    """Every run of the folder, newest first. Folders without a readable state are listed too."""
    root = folder or runs_folder()
    return [
        RunFolder(path) for path in sorted(root.iterdir(), reverse=True) if (path / "config.json").exists()
    ]


def open_run(run_id: str) -> RunFolder:
    """The run with this id; raises StorageError where there is none or the id is no plain folder name."""
    path = runs_folder() / run_id
    plain = run_id and Path(run_id).name == run_id and len(run_id) <= LONGEST_ID
    if not plain or not (path / "config.json").exists():
        raise StorageError("no_run", path=run_id[:LONGEST_ID])
    return RunFolder(path)
