"""The run folder: what a run is and how far it is, in JSON and CSV files, written whole or not at all.

config.json     the settings, as submitted
meta.json       name, owner, when it was made: what a user may edit
state.json      how far the analysis is (`core.runs.job_state`); state-*.json the same of each deeper check
progress.jsonl  every progress record, for the loss curve
heads.csv, edges.csv, codes.csv, examples.csv, effects.csv, evidence.json, partners.json, manifest.json, report.html
                the result
labels.json, review.json, roi.json    what people added to it
poc.json        what was ticked by hand in the check list (`core.runs.checklist`); it stays when the run is resumed
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import BaseFileLock
from pydantic import TypeAdapter, ValidationError

from core.config import RunConfig, first_complaint
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
from core.runs.run_files import ADDED_FILES, RESULT_FILES
from core.schema import FORMAT, Manifest, Stored
from core.storage import home, locked, storage_error, take_lock, write_atomically
from core.text import LANGUAGES

Json = dict[str, Any]
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
    """ISO date and time."""
    language: str = "en"
    """Language of the report that is written when the analysis ends."""

    sample: bool = False
    """Whether it came with the package as a finished result; its times are those of another machine."""


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
    def create(
        cls, path: Path, config: RunConfig, name: str = "", owner: str = "", language: str = "en"
    ) -> "RunFolder":
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
        run.write_json("config.json", {"format": FORMAT, **config.stored()})
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        run.write_json(
            "meta.json", asdict(RunMeta(name=name, owner=owner, created=created, language=language))
        )
        run.write_state(JobState())
        return run

    def clear(self, but: Collection[str] = ()) -> None:
        """Remove the result, what people added to it, and how far every job is, all but some files."""
        written = {*RESULT_FILES, *ADDED_FILES, *STATE_FILES, FORMER_CHECK_FILE, "progress.jsonl", "log.txt"}
        for name in written.difference(but):
            (self.path / name).unlink(missing_ok=True)

    def config(self) -> RunConfig:
        """The settings as submitted; raises StorageError for a missing, damaged or newer folder."""
        return self._parsed("config.json", _config_of)

    def state(self, kind: JobKind = "analysis") -> JobState:
        """How far a job on the run is; raises StorageError where it was never begun, or the file is damaged."""
        return self._parsed(state_file(kind), read_state)

    def last_check(self) -> JobState | None:
        """The deeper check that was at work last, or None; raises StorageError for a damaged file."""
        files = [*map(state_file, CHECK_KINDS), FORMER_CHECK_FILE]
        states = [self._parsed(file, read_state) for file in files if (self.path / file).exists()]
        return max(states, key=lambda state: state.updated, default=None)

    def meta(self) -> RunMeta:
        """Name, owner, creation time."""
        return self._parsed("meta.json", _META.validate_python)

    def language(self) -> str:
        """Language of the report that is written when the analysis ends; raises StorageError as `meta` does."""
        return self.meta().language if self.meta().language in LANGUAGES else LANGUAGES[0]

    def rename(self, name: str, owner: str | None = None) -> None:
        """Change the user's name of the run, and its owner where one is given."""
        with self.changing():
            meta = self.meta()
            owner = meta.owner if owner is None else owner
            self.write_json("meta.json", asdict(replace(meta, name=name, owner=owner)))

    def changing(self) -> AbstractContextManager[None]:
        """Hold this while a file that people add to is read, changed and written, so that nothing is lost.

        Raises StorageError where another process holds it for too long, or the folder is gone.
        """
        return locked(self.path / ".added")

    def write_state(self, state: JobState) -> None:
        """Replace the file of the job's state, stamping the time."""
        content = asdict(replace(state, updated=time.time()))
        self.write_json(state_file(state.kind), content, durable=not state.active)

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

    def manifest(self) -> Manifest:
        """The result's manifest; raises StorageError where there is none, or a damaged or newer one."""
        return self.read_model("manifest.json", Manifest)

    def read_model(self, name: str, kind: type[Model]) -> Model:
        """A JSON file of the folder as a model of `core.schema`; raises StorageError as `read_json` does."""
        return self._parsed(name, kind.model_validate, large=True)

    def read_added(self, name: str, kind: type[Model]) -> Model:
        """A file that people add to a run, empty where they have not yet; raises StorageError as `read_json` does."""
        return self.read_model(name, kind) if (self.path / name).exists() else kind()

    def write_model(self, name: str, content: Stored) -> None:
        """Write a model of `core.schema` as a JSON file, whole or not at all."""
        self.write_json(name, content.model_dump(mode="json"))

    def read_json(self, name: str) -> Json:
        """Content of a JSON file of the folder; raises StorageError where it is missing, damaged or newer."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StorageError("no_run", path=self.path) from None
        except (OSError, ValueError, RecursionError) as error:
            raise StorageError("damaged_run", path=self.path, detail=f"{name}: {error}") from None
        if not isinstance(content, dict):
            raise StorageError("damaged_run", path=self.path, detail=f"{name} is no JSON object")
        number = content.get("format", FORMAT)
        if isinstance(number, bool) or not isinstance(number, int):
            raise StorageError("damaged_run", path=self.path, detail=f"{name}: format {number!r:.40}")
        if number > FORMAT:
            raise StorageError("newer_run", path=self.path, found=number, known=FORMAT)
        return content

    def write_json(self, name: str, content: Mapping[str, Any], durable: bool = True) -> None:
        """Write a JSON file whole or not at all."""
        self.write_bytes(name, json.dumps(content, ensure_ascii=False, indent=1).encode(), durable)

    def write_bytes(self, name: str, content: bytes, durable: bool = True) -> None:
        """Write a file under a temporary name and rename it; raises StorageError, e.g. for a full disk."""
        write_atomically(self.path / name, content, durable)

    def delete(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _parsed(self, name: str, parse: Callable[[Json], Record], large: bool = False) -> Record:
        """What a JSON file holds, parsed once for each time that it was written: pages look at all runs, often."""
        file = self.path / name
        try:
            stat = file.stat()
        except OSError:
            return _parse(self, name, parse)  # says what is the matter
        stamp = stat.st_mtime_ns, stat.st_ino, stat.st_size
        once = _large_parsed_once if large else _parsed_once
        record: Record = once(str(file), stamp, parse)
        return record


_META = TypeAdapter(RunMeta)


def _config_of(content: Json) -> RunConfig:
    # what candidates are chosen by was no setting once, and was the codes alone
    settings = {"candidates": "codes", **content}
    return RunConfig.model_validate({name: value for name, value in settings.items() if name != "format"})


@lru_cache(maxsize=4096)
def _parsed_once(file: str, stamp: tuple[int, int, int], parse: Callable[[Json], Any]) -> Any:
    folder, name = os.path.split(file)
    return _parse(RunFolder(Path(folder)), name, parse)


_large_parsed_once = lru_cache(maxsize=32)(_parsed_once.__wrapped__)
"""The same for manifests and what checks write: results of large models take megabytes."""


def _parse(run: RunFolder, name: str, parse: Callable[[Json], Record]) -> Record:
    try:
        return parse(run.read_json(name))
    except ValidationError as error:
        detail = ": ".join((name, *first_complaint(error)))
    except ValueError as error:
        detail = f"{name}: {error}"
    raise StorageError("damaged_run", path=run.path, detail=detail)


def list_runs(folder: Path | None = None) -> list[RunFolder]:
    """Every run of the folder, newest first; damaged ones too, so that they can be shown and deleted."""
    return [RunFolder(Path(path)) for path, _ in stamped_runs(folder)]


def stamped_runs(folder: Path | None = None) -> list[tuple[str, int]]:
    """Paths of the runs, newest first, each with a stamp that is another one when a file of it was replaced."""
    with os.scandir(folder or runs_folder()) as entries:
        folders = [(entry.path, entry.stat().st_mtime_ns) for entry in entries if entry.is_dir()]
    return [(path, stamp) for path, stamp in sorted(folders, reverse=True) if _is_run(path, stamp)]


@lru_cache(maxsize=4096)
def _is_run(folder: str, _stamp: int) -> bool:
    """Whether a folder is one of ours, whole or not; one that may not be entered counts as damaged."""
    files = ("config.json", "state.json", "manifest.json")
    return not os.access(folder, os.X_OK) or any(Path(folder, name).exists() for name in files)


def open_run(run_id: str) -> RunFolder:
    """The run with this id; raises StorageError where there is none or the id is no plain folder name."""
    path = runs_folder() / run_id
    plain = run_id and Path(run_id).name == run_id and len(run_id) <= LONGEST_ID
    if not plain or not (path / "config.json").exists():
        raise StorageError("no_run", path=run_id[:LONGEST_ID])
    return RunFolder(path)
