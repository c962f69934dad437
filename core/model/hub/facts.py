"""What the hub says of a model before any of its weights are fetched."""

from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any, TypedDict

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from core.errors import ModelError
from core.model.hub.cache import INDEX, cached_revision, complete, parted, repository
from core.model.hub.errors import hub_errors

PATIENCE = 10.0
"""Seconds to wait for the hub's answer."""
_BESIDE = (
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "*token*.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.jinja",
    "chat_template*",
    "additional_chat_templates/*",
    INDEX,
)
"""What is fetched beside the weights: config, tokenizer and chat templates, no code and no pickle."""


class HubFile(TypedDict):
    """One file: its path in the repository, its size in bytes, its name in the cache, and its SHA-256 where known."""

    name: str
    size: int
    blob: str
    sha256: str


class HubFacts(TypedDict):
    """What the hub says; `revision` is the commit that is fetched.

    `gated` tells that the authors ask for an agreement, `access` that this account has it, `private` that only chosen
    accounts see the model, `logged_in` that a token is there. `files` are those to fetch, `missing_bytes` the size of
    those of them that are not here; `gguf` are GGUF files to choose one of where there are no safetensors. `cached`
    tells that a whole model is here, `cached_revision` of which commit.
    """

    name: str
    revision: str
    licence: str
    gated: bool
    access: bool
    private: bool
    logged_in: bool
    files: list[HubFile]
    gguf: list[HubFile]
    size_bytes: int
    missing_bytes: int
    cached: bool
    cached_revision: str


def ask_hub(source: str, gguf: str = "") -> HubFacts:
    """What the hub says of `ID` or `ID@REVISION`; `gguf` is the chosen file of a repository of such files.

    Raises ModelError where there is no such model, no way to the hub, or nothing that can be read.
    """
    name, revision = parted(source)
    with hub_errors(source):
        said = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=PATIENCE)
    files = [_file(entry) for entry in said.siblings or [] if entry.size is not None]
    wanted, choice = chosen_files(files, gguf)
    if not wanted and not choice:
        raise ModelError("hub_no_weights", name=source)
    gated = bool(said.gated)
    return {
        "name": source,
        "revision": said.sha or "",
        "licence": _licence(said),
        "gated": gated,
        "access": not gated or _has_access(name, source),
        "private": bool(said.private),
        "logged_in": get_token() is not None,
        "files": wanted,
        "gguf": choice,
        "size_bytes": sum(file["size"] for file in wanted),
        "missing_bytes": sum(file["size"] for file in wanted if not is_here(name, said.sha or "", file)),
        "cached": complete(source),
        "cached_revision": cached_revision(source),
    }


def chosen_files(files: Sequence[HubFile], gguf: str = "") -> tuple[list[HubFile], list[HubFile]]:
    """The files to fetch, and the GGUF files to choose from where there are no safetensors.

    Of several forms of the same weights the one that transformers reads is fetched: `model*.safetensors`, and no copy
    of another program beside it, such as `consolidated.safetensors`.
    """
    top = [file for file in files if "/" not in file["name"] and file["name"].endswith(".safetensors")]
    usual = [file for file in top if fnmatch(file["name"], "model*.safetensors")]
    beside = [file for file in files if any(fnmatch(file["name"], pattern) for pattern in _BESIDE)]
    if top:
        return [*(usual or top), *beside], []
    choice = [file for file in files if file["name"].endswith(".gguf")]
    return [file for file in choice if file["name"] == gguf], choice


def is_here(name: str, revision: str, file: HubFile) -> bool:
    """Whether the cache holds this file."""
    folder = repository(name)
    return (folder / "blobs" / file["blob"]).is_file() or (
        folder / "snapshots" / revision / file["name"]
    ).is_file()


def login_page(name: str) -> str:
    """Address where a gated model's conditions are agreed to."""
    return f"{constants.ENDPOINT}/{parted(name)[0]}"


def _has_access(name: str, source: str) -> bool:
    try:
        with hub_errors(source):
            HfApi().auth_check(name)
    except ModelError as error:
        if error.key not in ("hub_gated", "hub_not_found", "hub_no_access"):
            raise
        return False
    except (GatedRepoError, HfHubHTTPError):
        return False
    return True


def _licence(said: Any) -> str:
    card = said.card_data.to_dict() if said.card_data else {}
    named = card.get("license_name") or card.get("license")
    tagged = [tag.removeprefix("license:") for tag in said.tags or [] if tag.startswith("license:")]
    return str(named or (tagged[0] if tagged else ""))


def _file(entry: Any) -> HubFile:
    sha256 = str(entry.lfs.sha256) if entry.lfs else ""
    return {
        "name": entry.rfilename,
        "size": int(entry.size),
        "blob": sha256 or str(entry.blob_id or ""),
        "sha256": sha256,
    }
