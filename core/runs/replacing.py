"""A new result in the place of an old one, which stays with all that people added to it until the new one is whole."""

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.config import RunConfig
from core.runs.run_folder import RunFolder
from core.storage import replace_file, storage_error

STAGING = ".new"
"""Folder inside the run, and so on the same disk, in which the new result is written."""


@contextmanager
def replacing(out: Path, config: RunConfig, name: str, language: str = "en") -> Iterator[RunFolder]:
    """The folder to write a new result into, held against other processes.

    That is `out` itself, or, where it holds a result, a folder inside it: its files take the place of the old ones when
    the block ends, and are dropped when it ends by an exception. Raises StorageError where `out` cannot be used.
    """
    run = RunFolder(out)
    if not (out / "config.json").exists():
        RunFolder.create(out, config, name, language=language)
    lock = run.hold()
    try:
        if not (out / "manifest.json").exists():
            yield RunFolder.create(out, config, name, language=language)
            return
        shutil.rmtree(out / STAGING, ignore_errors=True)
        try:
            yield RunFolder.create(out / STAGING, config, name, language=language)
        except BaseException:
            shutil.rmtree(out / STAGING, ignore_errors=True)
            raise
        with _undisturbed():
            _move_in(run)
    finally:
        lock.release()


def _move_in(run: RunFolder) -> None:
    """Put the staged files in the place of the old ones, the manifest last: it says that a result is there.

    Where a file cannot be moved, what was not moved yet stays in the staging folder. Raises StorageError.
    """
    staging = run.path / STAGING
    files = sorted(file.name for file in staging.iterdir())
    try:
        for name in sorted(files, key=lambda file: file == "manifest.json"):
            replace_file(staging / name, run.path / name)
        run.clear(but=files)
    except OSError as error:
        raise storage_error(error, run.path) from None
    shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let interrupts wait: whatever asks this process to end would leave half of the old result and half of the new."""
    asked: list[int] = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            former[number] = signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for number in asked:
            signal.raise_signal(number)
