"""Loading a model safely, its shape, and where its heads are.

Weights come from safetensors files alone and no code of a model's author is run. The output of head h is
z_h W_O,h, where z is the input of the attention output projection: its last axis is n_heads × d_head by query
head, also with grouped key and value heads.
"""

import hashlib
import logging
import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from core.architectures import ARCHITECTURES, SUPPORTED, Architecture, submodule
from core.errors import ModelError
from core.hub import hub_options
from core.weights import hash_tensors, hash_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelShape:
    """Numbers of a model that its config tells."""

    architecture: str
    n_layers: int
    n_heads: int
    d_head: int
    d_model: int
    n_parameters: int
    context_length: int
    vocabulary: int
    dtype: str


class LoadedModel:
    """A causal model in evaluation mode with its tokenizer, and access to its heads by layer."""

    def __init__(self, model: nn.Module, tokenizer: Any, name: str, weights_hash: str = "") -> None:
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.name = name
        self.architecture = _architecture(self.model.config, name)
        self.layers: list[Any] = list(submodule(self.model, self.architecture.blocks))
        self.shape = _shape(self.model, self.projection(0))
        self.weights_hash = weights_hash or hash_tensors(self.model)
        self.tokenizer_hash = hash_tokenizer(tokenizer)

    @property
    def device(self) -> torch.device:
        """Where the input embeddings are, and with them the inputs."""
        return self.model.get_input_embeddings().weight.device

    def attention(self, layer: int) -> Any:
        """The attention module of a layer."""
        return getattr(self.layers[layer], self.architecture.attention)

    def projection(self, layer: int) -> Any:
        """The output projection of a layer's attention; its input is (batch, position, n_heads * d_head)."""
        return getattr(self.attention(layer), self.architecture.projection)

    def norm(self, layer: int) -> Any:
        """The norm in front of a layer's attention."""
        return getattr(self.layers[layer], self.architecture.norm)

    def output_weights(self, layer: int) -> Tensor:
        """W_O by head, float32: (n_heads, d_head, d_model)."""
        weight = self.projection(layer).weight.detach().float()
        if isinstance(self.projection(layer), nn.Linear):
            weight = weight.T
        return weight.reshape(self.shape.n_heads, self.shape.d_head, self.shape.d_model)

    def head_frames(self) -> Tensor:
        """R of W_O,hᵀ = Q R for every head, float32: (n_layers * n_heads, d_head, d_head).

        R z has the lengths and angles of z W_O,h in d_head numbers instead of d_model.
        """
        frames = []
        for layer in range(self.shape.n_layers):
            weights = self.output_weights(layer).transpose(1, 2)
            frames.append(torch.linalg.qr(weights).R.cpu())
        return torch.cat(frames)

    def to_d_model(self, outputs: Tensor) -> Tensor:
        """Head outputs R z (..., n_layers * n_heads, d_head) as they stand in the residual stream (..., d_model)."""
        bases = torch.cat(
            [
                torch.linalg.qr(self.output_weights(layer).transpose(1, 2)).Q
                for layer in range(self.shape.n_layers)
            ]
        )
        return torch.einsum("hmd,...hd->...hm", bases.to(outputs.device), outputs)

    def encode(self, text: str) -> list[int]:
        """Token ids as the model's own tokenizer makes them, with its special tokens, never cut."""
        return list(self.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def pieces(self, ids: list[int]) -> list[str]:
        """Readable text of each token; bytes of a split character show as the replacement sign."""
        return [self.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in ids]

    def pieces_in(self, text: str, ids: list[int]) -> list[str]:
        """The part of the text that each token covers.

        A token inside a split character shows as an ellipsis; one that stands for a space alone shows as a space,
        also where the tokenizer gives it the place of the letter that follows.
        """
        try:
            found = self.tokenizer(text, return_offsets_mapping=True, truncation=False, verbose=False)
        except (NotImplementedError, ValueError):
            return self.pieces(ids)
        if list(found["input_ids"]) != ids:
            return self.pieces(ids)
        pieces: list[str] = []
        end = 0
        for token, (start, stop) in zip(ids, found["offset_mapping"], strict=True):
            covered, own = text[start:stop], self.pieces([token])[0]
            if covered.strip() and not own.strip():
                pieces.append(own or " ")
                continue
            inside = stop > start and stop <= end
            pieces.append("…" if inside else covered or own)
            end = max(end, stop)
        return pieces

    def word_token(self, word: str) -> int | None:
        """First token of a word as it would stand next: with the leading space that the tokenizer uses."""
        candidates = [word] if word.startswith((" ", "\n")) else [f" {word}", word]
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        special = set(getattr(self.tokenizer, "all_special_ids", []))
        for candidate in candidates:
            ids = self.tokenizer(candidate, add_special_tokens=False)["input_ids"]
            while ids and not self.tokenizer.decode([ids[0]]).strip() and len(ids) > 1:
                ids = ids[1:]
            if ids and ids[0] != unknown and ids[0] not in special:
                return int(ids[0])
        return None


class ModelPool:
    """Keeps the last loaded models, so that a second run of the same model loads nothing."""

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._models: OrderedDict[tuple[str, str], LoadedModel] = OrderedDict()

    def get(self, source: str, device: str = "auto") -> LoadedModel:
        """The model on the device, loaded if it is not held; raises ModelError as `load_model` does."""
        key = (str(source), str(resolve_device(device)))
        if key not in self._models:
            while len(self._models) >= self._size:
                self._models.popitem(last=False)
            self._models[key] = load_model(source, device)
        self._models.move_to_end(key)
        return self._models[key]

    def clear(self) -> None:
        """Forget every model and free its memory."""
        self._models.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def resolve_device(device: str = "auto") -> torch.device:
    """The device of a name; auto takes a GPU where there is one. Raises ModelError for one not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_device", device=device)
    return torch.device(device)


def load_config(source: str) -> Any:
    """The config of a hub id or folder; raises ModelError for what cannot be analysed."""
    folder = Path(source).expanduser()
    if not folder.is_dir() and source.startswith(("/", "./", "../", "~", "\\")):
        raise ModelError("no_folder", name=source)
    if folder.is_dir() and not (folder / "config.json").exists():
        raise ModelError("no_config", name=source)
    try:
        config = AutoConfig.from_pretrained(**_place(source), trust_remote_code=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _config_error(source, folder, error) from None
    _architecture(config, source)
    return config


def load_model(source: str | Path, device: str = "auto") -> LoadedModel:
    """Load a decoder-only model from a hub id or a folder, safetensors only, no remote code.

    On the CPU weights become float32; on a GPU they keep the checkpoint's type. Raises ModelError.
    """
    source = str(source)
    target = resolve_device(device)
    config = load_config(source)
    check_files(source)
    tokenizer = load_tokenizer(source)
    dtype: Any = torch.float32 if target.type == "cpu" else "auto"
    try:
        loading: Any = AutoModelForCausalLM.from_pretrained(
            **_place(source),
            config=config,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
        model, info = loading
        model = model.to(target)
    except torch.OutOfMemoryError:
        raise ModelError("out_of_memory", device=target) from None
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError("bad_weights", name=source, detail=_one_line(error)) from None
    _check_loaded(model, info, source)
    return LoadedModel(model, tokenizer, source, hash_weights(source, model))


def check_files(source: str) -> None:
    """Raise ModelError where a folder's weights are missing or their headers damaged; reads no tensor."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError("no_weights", name=source)
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                opened.keys()
        except (OSError, SafetensorError) as error:
            raise ModelError("bad_weights", name=source, detail=f"{file.name}: {_one_line(error)}") from None


def load_tokenizer(source: str) -> Any:
    """The model's tokenizer; raises ModelError where it is missing or broken."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(**_place(source), trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise ModelError("no_tokenizer", name=source, detail=_one_line(error)) from None
    # transformers makes an empty tokenizer of a known type where the files are missing
    if tokenizer is None or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError("no_tokenizer", name=source, detail="it has no vocabulary")
    return tokenizer


def shape_from_config(source: str) -> ModelShape:
    """The shape and the exact number of parameters without loading a weight."""
    config = load_config(source)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    architecture = _architecture(config, source)
    block = submodule(model, architecture.blocks)[0]
    projection = getattr(getattr(block, architecture.attention), architecture.projection)
    return _shape(model, projection)


def hash_tokenizer(tokenizer: Any) -> str:
    """Hash of all that decides how a text becomes ids."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    special = repr(sorted((key, str(value)) for key, value in tokenizer.special_tokens_map.items()))
    return hashlib.blake2b((content + special).encode(), digest_size=16).hexdigest()


def _architecture(config: Any, name: str) -> Architecture:
    kind = getattr(config, "model_type", "") or "unknown"
    if kind in ARCHITECTURES:
        return ARCHITECTURES[kind]
    classes = " ".join(getattr(config, "architectures", None) or [])
    masked = re.search(r"MaskedLM|ForPreTraining|SequenceClassification|ConditionalGeneration", classes)
    encoder = getattr(config, "is_encoder_decoder", False) or (
        masked and not getattr(config, "is_decoder", False)
    )
    key = "not_decoder_only" if encoder else "unknown_architecture"
    raise ModelError(key, name=name, architecture=kind, supported=SUPPORTED)


def _shape(model: Any, projection: Any) -> ModelShape:
    config = model.config.get_text_config()
    n_heads = int(config.num_attention_heads)
    width_in, width_out = projection.weight.shape
    if isinstance(projection, nn.Linear):
        width_in, width_out = width_out, width_in
    lengths = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
    context = next((getattr(config, name) for name in lengths if getattr(config, name, None)), math.inf)
    return ModelShape(
        architecture=model.config.model_type,
        n_layers=int(config.num_hidden_layers),
        n_heads=n_heads,
        d_head=width_in // n_heads,
        d_model=width_out,
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        context_length=0 if math.isinf(context) else int(context),
        vocabulary=int(config.vocab_size),
        dtype=str(getattr(config, "dtype", None) or next(model.parameters()).dtype).removeprefix("torch."),
    )


def _check_loaded(model: nn.Module, info: Any, source: str) -> None:
    missing = sorted(info.get("missing_keys") or [])
    if missing:
        raise ModelError("weights_missing", name=source, count=len(missing), example=missing[0])
    mismatched = sorted(str(key) for key in info.get("mismatched_keys") or [])
    if mismatched:
        raise ModelError("bad_weights", name=source, detail=f"shape of {mismatched[0]}")
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError("bad_numbers", example=name)


def _config_error(source: str, folder: Path, error: Exception) -> ModelError:
    detail = _one_line(error)
    if "trust_remote_code" in str(error):
        return ModelError("remote_code", name=source)
    if not folder.is_dir():
        return ModelError("model_not_found", name=source, detail=detail)
    kind = re.search(r"model type `(\S+?)`", str(error))
    if kind:
        return ModelError("unknown_architecture", name=source, architecture=kind[1], supported=SUPPORTED)
    return ModelError("bad_config", name=source, detail=detail)


def _place(source: str) -> dict[str, Any]:
    """Where `from_pretrained` looks: a folder here, or the hub and its cache."""
    folder = Path(source).expanduser()
    if folder.exists():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    return {"pretrained_model_name_or_path": source, **hub_options()}


def _one_line(error: BaseException, length: int = 200) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= length else text[: length - 1] + "…"
