"""A model in memory: its shape and where its heads are.

The output of head h is z_h W_O,h, where z is the input of the attention output projection: its last axis is
n_heads * d_head by query head, also with grouped key and value heads. Layers may differ in both numbers, and
some layers of a hybrid model have no attention heads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import HeadlightError, ModelError
from core.examples.example_set import shortened
from core.heads import HeadId
from core.model import architectures
from core.model.fingerprint import hash_tensors, hash_tokenizer
from core.model.interruption import stop_point
from core.model.linear_layers import use_onednn
from core.model.memory import in_place, running_device
from core.schema import Note


class LoadedModel:
    """A causal model in evaluation mode with its tokenizer, and access to its heads by layer.

    `heads` is the order of every flat head axis: layer by layer, HeadId.layer the number of the block in the model.
    `gaps` is what may stand between a text and its answer. With `check` the heads are tried on the model itself, once
    for its weights (`core.model.architectures.checking`). Raises ModelError for a model without heads to read.
    """

    gaps: tuple[str, ...] = (" ", "")
    notes: tuple[Note, ...] = ()
    """What a person should know of how it was read from its files."""
    device_note: Note | None = None
    """Why the model is not on the device that was chosen for it."""

    def __init__(
        self, model: nn.Module, tokenizer: Any, name: str, weights_hash: str = "", check: bool = False
    ) -> None:
        self.model: Any = model.eval().requires_grad_(False)
        use_onednn(self.model)
        self.tokenizer = tokenizer
        self.name = name
        self.reading = architectures.read_heads(self.model, name)
        if self.model.base_model is self.model:  # a few types (Llama 4) name a part that they do not have
            base: Any = self.model
            base.base_model_prefix = self.reading.blocks.partition(".")[0]
        self.layers: list[Any] = [*self._module(self.reading.blocks)]
        self._of_layer = {of_layer.layer: of_layer for of_layer in self.reading.layers}
        self.heads = self.reading.heads
        self._place = {head: place for place, head in enumerate(self.heads)}
        self.shape = architectures.shape_of(self.model, self.reading)
        self.weights_hash = weights_hash or hash_tensors(self.model)
        self.tokenizer_hash = hash_tokenizer(tokenizer)
        # measured now, since a pass inside an intervention would measure the intervention
        about = self.model, self.reading, name
        self.abilities = (
            architectures.checked(*about, self.weights_hash) if check else architectures.measured(*about)
        )
        self._frames: Tensor | None = None

    @property
    def precision(self) -> str:
        """The type of numbers in which the weights lie in memory, such as bfloat16."""
        return str(next(self.model.parameters()).dtype).removeprefix("torch.")

    @property
    def number_bytes(self) -> int:
        """Bytes of one number of the weights, and of what the model computes."""
        return int(next(self.model.parameters()).element_size())

    @property
    def device(self) -> torch.device:
        """Where the input embeddings are, and with them the inputs."""
        return running_device(self.model.get_input_embeddings())

    @property
    def stream(self) -> architectures.StreamRule:
        """How what attention writes reaches later layers."""
        return self.abilities.stream

    @property
    def layers_with_heads(self) -> tuple[int, ...]:
        """Numbers of the blocks that have attention heads; all of them but in hybrid models."""
        return tuple(self._of_layer)

    @cached_property
    def layer_of_head(self) -> np.ndarray:
        """The layer (head,) of every head of the flat axis, never falling."""
        return np.array([head.layer for head in self.heads])

    def slice_of(self, layer: int) -> slice:
        """The places of a layer's heads on every flat head axis; empty where it has none."""
        start, stop = np.searchsorted(self.layer_of_head, [layer, layer + 1]).tolist()
        return slice(start, stop)

    def flat(self, head: HeadId) -> int:
        """The place of a head on every flat head axis."""
        return self._place[head]

    def n_heads(self, layer: int) -> int:
        """Attention heads of a layer, 0 where it has none."""
        return self._of_layer[layer].n_heads if layer in self._of_layer else 0

    def d_head(self, layer: int) -> int:
        """Numbers of z of each head of a layer, 0 where it has none."""
        return self._of_layer[layer].d_head if layer in self._of_layer else 0

    def attention(self, layer: int) -> Any:
        """The attention module of a layer that has heads."""
        return self.model.get_submodule(self._of_layer[layer].attention)

    def projection(self, layer: int) -> Any:
        """The output projection of a layer's attention; its input is (batch, position, n_heads * d_head)."""
        return self.model.get_submodule(self._of_layer[layer].projection)

    def norm(self, layer: int) -> Any:
        """The norm in front of a layer's attention, None where it reads the residual stream itself."""
        return self._module(self._of_layer[layer].norm)

    def norm_behind(self, layer: int) -> Any:
        """The norm between a layer's attention and the residual stream, None where there is none."""
        return self._module(self._of_layer[layer].norm_behind)

    def reader(self, layer: int) -> Any:
        """The module that reads the residual stream for a layer's attention: its norm, or the attention itself."""
        norm = self.norm(layer)
        return self.attention(layer) if norm is None else norm

    def final_norm(self) -> Any:
        """The norm in front of the unembedding, None for a model without one."""
        return self._module(self.reading.final_norm)

    def _module(self, path: str) -> Any:
        return self.model.get_submodule(path) if path else None

    def output_weights(self, layer: int) -> Tensor:
        """W_O by head, float32: (n_heads of the layer, d_head of the layer, d_model)."""
        projection = self.projection(layer)
        with in_place(projection):
            weight = projection.weight.detach().float()
        if isinstance(projection, nn.Linear):
            weight = weight.T
        return weight.reshape(self.n_heads(layer), self.d_head(layer), -1)

    def head_frames(self) -> Tensor:
        """R of W_O,hᵀ = Q R for every head, float32: (head, d_head, d_head), 0 beyond a smaller head's own size.

        R z has the lengths and angles of z W_O,h in d_head numbers instead of d_model.
        """
        if self._frames is None:
            largest = self.shape.d_head
            every = torch.zeros(len(self.heads), largest, largest)
            start = 0
            for layer in self.layers_with_heads:
                stop_point()
                frames = torch.linalg.qr(self.output_weights(layer).transpose(1, 2)).R.cpu()
                rows, own = frames.shape[1:]
                every[start : start + len(frames), :rows, :own] = frames
                start += len(frames)
            self._frames = every  # whole, or not at all: the work may be stopped at any layer
        return self._frames

    def to_d_model(self, outputs: Tensor) -> Tensor:
        """Head outputs R z (..., head, d_head) as they stand in the residual stream (..., head, d_model)."""
        bases = outputs.new_zeros(len(self.heads), self.shape.d_model, outputs.shape[-1])
        start = 0
        for layer in self.layers_with_heads:
            basis = torch.linalg.qr(self.output_weights(layer).transpose(1, 2)).Q.to(outputs)
            bases[start : start + len(basis), :, : basis.shape[-1]] = basis
            start += len(basis)
        return torch.einsum("hmd,...hd->...hm", bases, outputs)

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
