"""Where `from_pretrained` looks for a model: a folder here, or the hub and its cache."""

import socket
import time
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

from core.model.hub.cache import complete, parted, snapshot
from core.model.loading.places import gguf_files

TIMEOUT = 3.0
"""Seconds to wait for a connection."""

REMEMBERED = 60
"""Seconds for which an answer is not asked for again."""


def place_of(source: str) -> dict[str, Any]:
    """Where `from_pretrained` looks: a folder or GGUF file here, or the hub and its cache."""
    path = Path(source).expanduser()
    if file := gguf_of(source):
        return {
            "pretrained_model_name_or_path": str(file.parent),
            "gguf_file": file.name,
            "local_files_only": True,
        }
    if path.exists():
        return {"pretrained_model_name_or_path": str(path), "local_files_only": True}
    if complete(source):
        # read as a folder: nothing is asked of the hub, and no newer model takes the place of this one unasked
        return {"pretrained_model_name_or_path": str(snapshot(source)), "local_files_only": True}
    name, revision = parted(source)
    return {"pretrained_model_name_or_path": name, "revision": revision, **hub_options()}


def gguf_of(source: str) -> Path | None:
    """The GGUF file that a source means: itself, or the only one of a folder without config.json."""
    path = Path(source).expanduser()
    if path.is_file() and path.suffix.lower() == ".gguf":
        return path
    if not path.is_dir() or (path / "config.json").exists():
        return None
    files = gguf_files(path)
    return files[0] if len(files) == 1 else None


def hub_options() -> dict[str, Any]:
    """Arguments for `from_pretrained`: local files alone where the hub cannot be reached."""
    reachable = _reachable(constants.ENDPOINT, int(time.time() // REMEMBERED))
    return {} if reachable else {"local_files_only": True}


@lru_cache(maxsize=4)
def _reachable(endpoint: str, _minute: int) -> bool:
    """True where a connection opens; behind a proxy only the real request can tell, so True as well."""
    if constants.HF_HUB_OFFLINE:
        return False
    parts = urlsplit(endpoint)
    if getproxies().get(parts.scheme):
        return True
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), TIMEOUT).close()
    except OSError:
        return False
    return True
