"""A result folder as the first version wrote it: former keys and values, absolute path of a bundled model."""

import shutil
from pathlib import Path

from core.runs.run_folder import RunFolder, new_run_id

SOURCE = Path(__file__).parent / "old_run"


def old_run(folder: Path) -> RunFolder:
    """A copy of it, with a new id, in this folder of runs."""
    return RunFolder(Path(shutil.copytree(SOURCE, folder / new_run_id())))
