"""What lies in the place that a person names: a model, an adapter alone or beside a model, checkpoints, GGUF files."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.model.loaded_model import one_line
from core.model.loading.files import has_weights
from core.storage import local_model

NO_ADAPTER = "none"
"""The setting `adapter` of a person who wants the model without the adapter that lies in its folder."""

ADAPTER_CONFIG = "adapter_config.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Settled:
    """What is read: a model, and the adapter that is added to it, if any."""

    source: str
    adapter: str = ""

    @property
    def folder(self) -> Path | None:
        """The model's folder here, or None for one of the hub."""
        path = Path(self.source)
        return path if path.is_dir() else path.parent if path.is_file() else None


def settle(source: str | Path, adapter: str = "") -> Settled:
    """The model and the adapter that two settings mean.

    Raises ModelError with `choices` (`core.inspection.answers.Choice`) where the person has to choose first.
    """
    source, adapter = local_model(str(source)), local_model(adapter)
    folder = Path(source)
    if folder.is_dir():
        _check_folder(source, folder, adapter)
    return Settled(source, "" if adapter == NO_ADAPTER else adapter)


def _check_folder(source: str, folder: Path, adapter: str) -> None:
    if (folder / ADAPTER_CONFIG).is_file():
        if not (folder / "config.json").is_file() or not has_weights(folder):
            raise without_base(source)
        if not adapter:
            raise _beside(source)
    if (folder / "config.json").is_file():
        return
    if checkpoints := checkpoints_in(folder):
        names = ", ".join(path.name for path in checkpoints)
        raise ModelError(
            "training_folder",
            name=source,
            checkpoints=names,
            choices=_checkpoint_choices(checkpoints, adapter),
        )
    files = gguf_files(folder)
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        choices = [_choice("gguf", {"name": file.name}, str(file), adapter) for file in files]
        raise ModelError("several_gguf", name=source, files=names, choices=choices)


def without_base(adapter: str) -> ModelError:
    """An adapter was named as the model: the base it was trained on is proposed."""
    base = str(adapter_config(adapter).get("base_model_name_or_path") or "")
    choice = _choice("base", {"model": base or "?", "adapter": Path(adapter).name}, base, adapter)
    return ModelError("adapter_without_base", name=adapter, base=base or "?", choices=[choice])


def _beside(source: str) -> ModelError:
    choices = [
        _choice("with_adapter", {"adapter": Path(source).name}, source, source),
        _choice("without_adapter", {}, source, NO_ADAPTER),
    ]
    return ModelError("adapter_beside", name=source, none=NO_ADAPTER, choices=choices)


def adapter_config(adapter: str) -> dict[str, Any]:
    """The config of an adapter's folder; raises ModelError where it cannot be read."""
    try:
        content = json.loads((Path(adapter) / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        return dict(content)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError("bad_adapter", name=adapter, detail=f"{ADAPTER_CONFIG}: {one_line(error)}") from None


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints that a training has left in a folder, the last one first."""
    numbered = {
        path: int(match[1])
        for path in folder.glob("checkpoint-*")
        if (match := CHECKPOINT.fullmatch(path.name))
        and any((path / name).is_file() for name in ("config.json", ADAPTER_CONFIG))
    }
    return sorted(numbered, key=lambda path: -numbered[path])


def _checkpoint_choices(checkpoints: list[Path], adapter: str) -> list[dict[str, Any]]:
    return [_choice("checkpoint", {"name": path.name}, str(path), adapter) for path in checkpoints]


def gguf_files(folder: Path) -> list[Path]:
    """The GGUF files of a folder that hold a model; of one in several parts, the first."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".gguf" and file.is_file()]
    parts = [re.search(r"-(\d{5})-of-\d{5}$", file.stem) for file in files]
    return [file for file, part in zip(files, parts, strict=True) if part is None or int(part[1]) == 1]


def _choice(key: str, values: dict[str, Any], model: str, adapter: str) -> dict[str, Any]:
    return {"key": key, "values": values, "model": model, "adapter": adapter}
