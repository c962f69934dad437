"""The home folder, files that are written whole or not at all, and locks between processes."""

import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from filelock import BaseFileLock, FileLock, Timeout

from core.errors import StorageError

_TRIES = 50 if os.name == "nt" else 1
BUNDLED_MODELS = Path(__file__).resolve().parent / "scenarios" / "models"
_BUNDLED = "bundled:"
"""What stands for that folder in files, which may be opened by another installation."""
_FETCHED = "fetched:"
"""The same for the folder of fetched models."""

_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("‘", "’"), ("「", "」"))
_HUB_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)(?:[/?#].*)?$")
"""A model's page, or one below it."""


def home() -> Path:
    """Folder of runs and cache: HEADLIGHT_HOME, else ~/.headlight; only its owner may enter."""
    path = _home()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def fetched_models() -> Path:
    """Folder of the models that were fetched for scenarios; it need not be there yet."""
    return _home() / "models"


def _home() -> Path:
    return Path(os.environ.get("HEADLIGHT_HOME") or Path.home() / ".headlight").expanduser()


def portable_model(source: str) -> str:
    """A model's name for a file: a bundled or fetched one without the path of this installation."""
    folder = Path(source)
    if folder.parent == BUNDLED_MODELS:
        return f"{_BUNDLED}{folder.name}"
    return (
        f"{_FETCHED}{folder.name}" if folder.is_absolute() and folder.parent == fetched_models() else source
    )


def local_model(source: str) -> str:
    """Where a model is here, from its name in a file or as a person gives it.

    Names arrive with quotes and spaces around, as `file://` or a page of the hub, with `~`, and as a file of the
    model's folder. Files of earlier versions hold the whole path of a bundled model, maybe of another installation.
    """
    source = _folder_of(_bare(source))
    folder = Path(source.replace("\\", "/"))
    if source.startswith(_FETCHED):
        return str(fetched_models() / folder.name.removeprefix(_FETCHED))
    elsewhere = folder.parts[-4:-1] == BUNDLED_MODELS.parts[-3:] and not Path(source).exists()
    if source.startswith(_BUNDLED) or elsewhere:
        here = BUNDLED_MODELS / folder.name.removeprefix(_BUNDLED)
        return str(here) if here.is_dir() else source
    return source


def _bare(source: str) -> str:
    """A pasted name without what surrounds it."""
    name = source.strip()
    while len(name) > 1 and any(name.startswith(left) and name.endswith(right) for left, right in _QUOTES):
        name = name[1:-1].strip()
    if name.lower().startswith("file:"):
        return url2pathname(unquote(urlsplit(name).path))
    if page := _HUB_PAGE.match(name):
        return page[1]
    return name


def _folder_of(name: str) -> str:
    """The folder of a model where a file of it was named; a GGUF file stands for itself."""
    try:
        spaced = name.replace("\\ ", " ")  # as a shell writes spaces
        name = spaced if not Path(name).exists() and Path(spaced).exists() else name
        path = Path(name).expanduser() if name.startswith("~") else Path(name)
        if path.is_file() and path.suffix.lower() != ".gguf":
            return str(path.parent)
        return str(path) if name.startswith("~") and path.exists() else name
    except (OSError, RuntimeError, ValueError):  # too long for a path, no home folder, a zero byte
        return name


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write under a temporary name in the same folder, then rename: after a crash the old or the new content is there.

    The file gets the mode that the umask gives any new file. Without `durable` nothing waits for the disk: for what is
    replaced many times a second.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        replace_file(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise storage_error(error, path) from None


def replace_file(temporary: Path, path: Path) -> None:
    """Rename over a file; raises OSError. Windows refuses that for as long as another process reads the old one."""
    for _ in range(_TRIES - 1):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            time.sleep(0.02)
    temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    """Make a rename last over a power failure, on systems where a folder can be opened for that."""
    if os.name != "posix":
        return
    with suppress(OSError):  # some network file systems refuse; the content itself is safe
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def storage_error(error: OSError, path: Path) -> StorageError:
    if error.errno in (ENOSPC, EDQUOT):
        return StorageError("disk_full", path=path)
    return StorageError("folder_not_writable", path=path, detail=error.strerror or error)


@contextmanager
def locked(path: Path, seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock of a file or folder against other processes, by a file beside it that ends in `.lock`.

    Raises StorageError where another process holds it for longer than `seconds`, or the folder cannot be written.
    """
    lock = take_lock(path.with_name(f"{path.name}.lock"), seconds)
    try:
        yield
    finally:
        lock.release()


def take_lock(file: Path, seconds: float = 0.0) -> BaseFileLock:
    """Take the lock of a lock file, on Linux, macOS and Windows alike; any thread may release it.

    Raises StorageError where another process holds it for longer than `seconds`, or the folder cannot be written.
    """
    lock = FileLock(file, thread_local=False)
    try:
        file.parent.stat()  # a missing folder is never made by its lock
        lock.acquire(timeout=seconds)
    except Timeout:
        raise StorageError("locked", path=file.parent) from None
    except OSError as error:
        raise storage_error(error, file) from None
    return lock
