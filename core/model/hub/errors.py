"""What the hub refuses, or the way to it, as one plain line each. No token is ever part of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC

from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from core.errors import HeadlightError, ModelError, StorageError

_WAYS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests")
"""Packages that the hub's client reaches it through; their errors mean that the way is broken."""


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Raise HeadlightError instead of what the hub's client raises."""
    try:
        yield
    except HeadlightError:
        raise
    except Exception as error:
        known = hub_error(name, error)
        if known is None:
            raise
        raise known from None


def hub_error(name: str, error: BaseException) -> HeadlightError | None:
    """The error to show for one of the hub's client; None where it is none that is known."""
    simple = {
        HFValidationError: "hub_bad_id",
        GatedRepoError: "hub_gated",
        RepositoryNotFoundError: "hub_not_found",
        RevisionNotFoundError: "hub_no_revision",
        OfflineModeIsEnabled: "hub_offline",
        LocalEntryNotFoundError: "hub_offline",
    }
    for kind, key in simple.items():  # a gated repository is also one that is not found
        if isinstance(error, kind):
            return ModelError(key, name=name)
    if isinstance(error, HfHubHTTPError) and not isinstance(error, EntryNotFoundError):
        return _refusal(name, error)
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        return StorageError("disk_full", path=name)
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.split(".")[0] in _WAYS:
        return ModelError("hub_offline", name=name)
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return ModelError("download_broken", name=name)
    return None


def _refusal(name: str, error: HfHubHTTPError) -> ModelError:
    response = getattr(error, "response", None)
    status = int(getattr(response, "status_code", 0))
    if status == 429:
        return ModelError("hub_rate_limit", name=name)
    if status in (401, 403):
        return ModelError("hub_no_access", name=name)
    return ModelError("hub_trouble", name=name, status=status)
