"""A model in memory: its shape and where its heads are.

The output of head h is z_h W_O,h, where z is the input of the attention output projection: its last axis is
n_heads * d_head by query head, also with grouped key and value heads.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import HeadlightError, ModelError
from core.examples.example_set import shortened
from core.model.architectures import ARCHITECTURES, SUPPORTED, Architecture, submodule
from core.model.fingerprint import hash_tensors, hash_tokenizer


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
    """A causal model in evaluation mode with its tokenizer, and access to its heads by layer.

    `gaps` is what may stand between a text and its answer.
    """

    gaps: tuple[str, ...] = (" ", "")

    def __init__(self, model: nn.Module, tokenizer: Any, name: str, weights_hash: str = "") -> None:
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.name = name
        self.architecture = architecture_of(self.model.config, name)
        self.layers: list[Any] = list(submodule(self.model, self.architecture.blocks))
        self.shape = shape_of(self.model, self.projection(0))
        self.weights_hash = weights_hash or hash_tensors(self.model)
        self.tokenizer_hash = hash_tokenizer(tokenizer)
        self._frames: Tensor | None = None

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
        block = self.layers[layer]
        # newer Falcon blocks have one norm for the attention and one for the MLP
        return getattr(block, "ln_attn", None) or getattr(block, self.architecture.norm)

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
        if self._frames is None:
            weights = (self.output_weights(layer).transpose(1, 2) for layer in range(self.shape.n_layers))
            self._frames = torch.cat([torch.linalg.qr(of_layer).R.cpu() for of_layer in weights])
        return self._frames

    def to_d_model(self, outputs: Tensor) -> Tensor:
        """Head outputs R z (..., n_layers * n_heads, d_head) as they stand in the residual stream (..., d_model)."""
        weights = (self.output_weights(layer).transpose(1, 2) for layer in range(self.shape.n_layers))
        bases = torch.cat([torch.linalg.qr(of_layer).Q for of_layer in weights])
        return torch.einsum("hmd,...hd->...hm", bases.to(outputs.device), outputs)

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of the tokens that no text spells: beginnings, ends, and the turns of a chat template."""
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        own = (number for number, token in added.items() if token.special)
        return frozenset([*self.tokenizer.all_special_ids, *own])

    @cached_property
    def unknown_id(self) -> int | None:
        """Id of the token that stands for what the tokenizer cannot write; None where there is none.

        Some tokenizers name it in their own model alone, a usual letter such as “?” among them.
        """
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        own = getattr(getattr(backend, "model", None), "unk_token", None)
        named: int | None = getattr(self.tokenizer, "unk_token_id", None)
        return named if named is not None or own is None else backend.token_to_id(own)  # type: ignore[union-attr]

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids as the model's own tokenizer makes them, never cut.

        Its special tokens are put around the text, unless the text brings its own (`special`); those that a text
        begins with are never put in front of it once more.
        """
        with tokenizer_errors(self.name):
            encoded = self.tokenizer(text, truncation=False, verbose=False, add_special_tokens=not special)
        ids = list(encoded["input_ids"])
        return ids if special else ids[self._doubled(text, ids) :]

    def spans(self, text: str, special: bool = False) -> list[tuple[int, int, int]] | None:
        """Token, start and end in the text of every token; None where the tokenizer does not tell."""
        with tokenizer_errors(self.name):
            try:
                encoded = self.tokenizer(
                    text,
                    return_offsets_mapping=True,
                    truncation=False,
                    verbose=False,
                    add_special_tokens=not special,
                )
            except (NotImplementedError, ValueError):
                return None
        ids, offsets = list(encoded["input_ids"]), encoded.get("offset_mapping")
        if offsets is None:
            return None
        spans = [(token, *span) for token, span in zip(ids, offsets, strict=True)]
        return spans if special else spans[self._doubled(text, ids) :]

    def _doubled(self, text: str, ids: list[int]) -> int:
        """How many of the tokens of a text the tokenizer put in front although the text begins with them."""
        if not text.lstrip().startswith(tuple(self.tokenizer.all_special_tokens)):
            return 0
        bare = self.encode(text, special=True)
        places = reversed(range(len(ids) - len(bare) + 1))
        added = next((place for place in places if ids[place : place + len(bare)] == bare), 0)
        blank = next((place for place, piece in enumerate(self.pieces(bare)) if piece.strip()), 0)
        return added if bare[blank : blank + added] == ids[:added] else 0

    def pieces(self, ids: list[int]) -> list[str]:
        """Readable text of each token; bytes of a split character show as the replacement sign."""
        with tokenizer_errors(self.name):
            return [self.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in ids]

    def pieces_in(self, text: str, ids: list[int], special: bool = False) -> list[str]:
        """The part of the text that each token covers.

        A token inside a split character shows as an ellipsis; one that stands for a space alone shows as a space,
        also where the tokenizer gives it the place of the letter that follows.
        """
        spans = self.spans(text, special)
        if spans is None or [token for token, _, _ in spans] != ids:
            return self.pieces(ids)
        pieces: list[str] = []
        end = 0
        for own, (_, start, stop) in zip(self.pieces(ids), spans, strict=True):
            covered = text[start:stop]
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
            with tokenizer_errors(self.name):
                ids = self.tokenizer(candidate, add_special_tokens=False)["input_ids"]
            while len(ids) > 1 and not self.pieces(ids[:1])[0].strip():
                ids = ids[1:]
            if ids and ids[0] != unknown and ids[0] not in special:
                return int(ids[0])
        return None


@contextmanager
def tokenizer_errors(name: str) -> Iterator[None]:
    """Failures of a model's tokenizer as ModelErrors.

    A panic of Rust code derives from BaseException alone, so that it would end the whole process.
    """
    try:
        yield
    except (HeadlightError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise  # an interrupt, or the end of the process or of a generator
        raise ModelError("tokenizer_failed", name=name, detail=one_line(error)) from None


def one_line(error: BaseException, length: int = 200) -> str:
    """What an error says, in one line of at most this length."""
    return shortened(" ".join(str(error).split()) or type(error).__name__, length)


def architecture_of(config: Any, name: str) -> Architecture:
    """Where a config's model keeps its heads; raises ModelError for a type that cannot be read."""
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


def shape_of(model: Any, projection: Any) -> ModelShape:
    """The shape from the config and the first attention output projection."""
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
