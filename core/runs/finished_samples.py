"""A finished run that came with the package, copied among the runs of this machine so that it opens like any other."""

import shutil
import tempfile
from dataclasses import asdict, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from core.errors import StorageError
from core.runs.run_folder import RunFolder, runs_folder
from core.storage import storage_error


def copy_in(finished: Path) -> RunFolder:
    """The run of this machine that was copied from the folder, copied now if it was not yet.

    The id follows from the content, so opening it twice opens the same run, and a newer package brings its own.
    Raises StorageError where the folder is missing or cannot be written.
    """
    stored = RunFolder(finished)
    meta, content = stored.meta(), b"".join(path.read_bytes() for path in sorted(finished.iterdir()))
    made = datetime.fromisoformat(meta.created)
    target = runs_folder() / f"{made:%Y%m%d-%H%M%S}-{sha256(content).hexdigest()[:8]}"
    if (target / "config.json").exists():
        return RunFolder(target)
    try:
        with tempfile.TemporaryDirectory(dir=runs_folder(), prefix=".copy-") as place:
            copy = RunFolder(Path(shutil.copytree(finished, Path(place) / "run")))
            copy.write_json("meta.json", asdict(replace(meta, sample=True)))
            copy.path.replace(target)
    except OSError as error:
        if not (target / "config.json").exists():  # else another window was quicker
            raise storage_error(error, target) from None
    except shutil.Error as error:
        raise StorageError("damaged_run", path=finished, detail=str(error)) from None
    return RunFolder(target)
