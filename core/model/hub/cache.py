"""What of a model lies in the hub's cache on this machine."""

import json
import re
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import validate_repo_id

INDEX = "model.safetensors.index.json"


def parted(source: str) -> tuple[str, str]:
    """A hub id and its revision, from `ID` or `ID@REVISION`; `main` where none is named."""
    name, _, revision = source.strip().partition("@")
    return name, revision or "main"


def is_hub_id(source: str) -> bool:
    """Whether a name can be one of the hub, and is no path here."""
    if not source or re.match(r"[/~.\\]|[A-Za-z]:[\\/]", source) or Path(source).exists():
        return False
    try:
        validate_repo_id(parted(source)[0])
    except HFValidationError:
        return False
    return True


def repository(name: str) -> Path:
    """Folder of the cache that holds what was fetched of a model."""
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")


def cached_revision(source: str) -> str:
    """The commit that a name stands for in the cache, or nothing."""
    name, revision = parted(source)
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision if (repository(name) / "snapshots" / revision).is_dir() else ""
    ref = repository(name) / "refs" / revision
    return ref.read_text(encoding="utf-8").strip() if ref.is_file() else ""


def snapshot(source: str) -> Path | None:
    """Folder of a model's files in the cache, or None where there is none."""
    commit = cached_revision(source)
    folder = repository(parted(source)[0]) / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def complete(source: str) -> bool:
    """Whether the cache holds a model's config, tokenizer and all of its safetensors files."""
    folder = snapshot(source)
    if folder is None or not (folder / "config.json").is_file():
        return False
    if not any(folder.glob("tokenizer*")) and not any(folder.glob("*.model")):
        return False
    if (folder / INDEX).is_file():
        parts = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        return all((folder / part).is_file() for part in set(parts))
    return any(folder.glob("*.safetensors"))
