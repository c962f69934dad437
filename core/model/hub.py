"""Whether the model hub can be reached, so that a machine without network hears it at once and not after retries."""

import socket
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

TIMEOUT = 3.0
"""Seconds to wait for a connection."""

REMEMBERED = 60
"""Seconds for which an answer is not asked for again."""


def hub_options() -> dict[str, Any]:
    """Arguments for `from_pretrained`: local files alone where the hub cannot be reached."""
    return (
        {} if _reachable(constants.ENDPOINT, int(time.time() // REMEMBERED)) else {"local_files_only": True}
    )


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
