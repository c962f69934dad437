"""All that can be known of a model before a weight is read: from its config and the headers of its files."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from core.model.architectures import text_part_notes
from core.model.loading.adapters import adapter_folder, check_adapter
from core.model.loading.config import load_config
from core.model.loading.files import ADAPTER, headers, weight_files
from core.model.loading.fitting import Fit, Shaped, check_fit, fit
from core.model.loading.gguf import check_gguf
from core.model.loading.hub import gguf_of
from core.model.loading.places import ADAPTER_CONFIG, NO_ADAPTER, Settled, checkpoints_in, settle
from core.model.loading.quantised import plain_tensors
from core.schema import Note

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examined:
    """A model that can be read, as far as its files tell before a weight is read."""

    settled: Settled
    config: Any
    """The config that the model is built from: without a quantisation, with the vocabulary of the weights."""

    tensors: Mapping[str, Shaped] | None = None
    """The tensors of the model by their names in the files, each read when it is indexed; None where transformers
    reads the files itself."""

    files: tuple[Path, ...] = ()
    adapter_files: tuple[Path, ...] = ()
    """The adapter's config and weights."""

    notes: tuple[Note, ...] = ()
    compared: bool = False
    """Whether the tensors of the files were compared with the model."""


def examine(source: str | Path, adapter: str = "") -> Examined:
    """Look at a model's files. Raises ModelError for what cannot be read, or where the person has to choose first."""
    settled = settle(source, adapter)
    if file := gguf_of(settled.source):
        check_gguf(file)
    config = load_config(settled.source)
    folder, own = _folder(settled), settled.adapter and adapter_folder(settled.adapter)
    if file:
        unpacked = Note(key="gguf_dequantised", values={"file": file.name})
        return Examined(settled, config, None, (file,), _files_of(own), (unpacked,))
    if folder is None:
        return Examined(settled, config, adapter_files=_files_of(own))
    files = weight_files(folder)
    stored = headers(files, settled.source)
    tensors, notes = plain_tensors(config, stored, settled.source)
    notes += _stale_vocabulary(config, tensors)
    if (found := _fit(config, tensors)) is not None:
        notes += check_fit(found, settled.source, config.architectures or ())
        notes += check_adapter(found.model, settled.adapter, own, settled.source) if own else []
    notes += _notes_of_place(folder, adapter) + text_part_notes(config)
    # transformers would add an adapter that lies beside the weights by itself
    by_itself = tensors is stored and not (folder / ADAPTER_CONFIG).exists()
    return Examined(
        settled,
        config,
        tensors=None if by_itself else tensors,
        files=tuple(files),
        adapter_files=_files_of(own),
        notes=tuple(notes),
        compared=found is not None,
    )


def _files_of(adapter: Path | str) -> tuple[Path, ...]:
    return (Path(adapter) / ADAPTER_CONFIG, Path(adapter) / ADAPTER) if adapter else ()


def _notes_of_place(folder: Path, adapter: str) -> list[Note]:
    """Notes of what else lies in the folder."""
    checkpoints = ", ".join(path.name for path in checkpoints_in(folder))
    return [
        *(
            [Note(key="adapter_left_out")]
            if adapter == NO_ADAPTER and (folder / ADAPTER_CONFIG).exists()
            else []
        ),
        *([Note(key="checkpoints_beside", values={"checkpoints": checkpoints})] if checkpoints else []),
    ]


def _folder(settled: Settled) -> Path | None:
    """Where the weights lie: the model's folder, or that of the hub's cache where it is there already."""
    if gguf_of(settled.source):
        return None
    if settled.folder:
        return settled.folder
    cached = try_to_load_from_cache(settled.source, "config.json")
    folder = Path(cached).parent if isinstance(cached, str) else None
    return folder if folder and any(folder.glob("*.safetensors*")) else None


def _fit(config: Any, tensors: Mapping[str, Shaped]) -> Fit | None:
    """How the tensors fit; None for a model that transformers cannot build without values."""
    try:
        return fit(config, tensors)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError, ImportError) as error:
        log.warning("the tensors were not compared with the model before loading: %s", error)
        return None


def _stale_vocabulary(config: Any, tensors: Mapping[str, Shaped]) -> list[Note]:
    """Take the number of tokens from the weights where the config tells another one."""
    text = config.get_text_config()
    rows = {
        tensor.shape[0]
        for name, tensor in tensors.items()
        if len(tensor.shape) == 2
        and name.split(".")[-2:-1] in (["embed_tokens"], ["wte"], ["lm_head"], ["embed_in"])
    }
    stated = getattr(text, "vocab_size", None)
    if len(rows) != 1 or stated in rows or stated is None:
        return []
    text.vocab_size = rows.pop()
    return [Note(key="vocabulary_stale", values={"stated": stated, "rows": text.vocab_size})]
