"""Where `from_pretrained` looks for a model: a folder here, or the hub and its cache."""

import socket
import time
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

TIMEOUT = 3.0
"""Seconds to wait for a connection."""

REMEMBERED = 60
"""Seconds for which an answer is not asked for again."""


def place_of(source: str) -> dict[str, Any]:
    """Where `from_pretrained` looks: a folder here, or the hub and its cache."""
    folder = Path(source).expanduser()
    if folder.exists():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    return {"pretrained_model_name_or_path": source, **hub_options()}


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
