"""A new result in the place of an old one, which stays with all that people added to it until the new one is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.config import RunConfig
from core.runs.run_folder import RunFolder

STAGING = ".new"
"""Folder inside the run, and so on the same disk, in which the new result is written."""


@contextmanager
def replacing(out: Path, config: RunConfig, name: str) -> Iterator[RunFolder]:
    """The folder to write a new result into, held against other processes.

    That is `out` itself, or, where it holds a result, a folder inside it: its files take the place of the old ones when
    the block ends, and are dropped when it ends by an exception. Raises StorageError where `out` cannot be used.
    """
    run = RunFolder(out)
    if not (out / "config.json").exists():
        RunFolder.create(out, config, name)
    lock = run.hold()
    try:
        if not (out / "manifest.json").exists():
            yield RunFolder.create(out, config, name)
            return
        shutil.rmtree(out / STAGING, ignore_errors=True)
        try:
            staged = RunFolder.create(out / STAGING, config, name)
            yield staged
            names = [file.name for file in staged.path.iterdir()]
            for name in names:
                (staged.path / name).replace(out / name)
            run.clear(but=names)
        finally:
            shutil.rmtree(out / STAGING, ignore_errors=True)
    finally:
        lock.release()
