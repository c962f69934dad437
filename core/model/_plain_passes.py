"""The plain passes behind a `Recording`: which parts of which texts are there, in the cache, or to be read."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from core.model.activation_store import ActivationStore
from core.model.attention_calls import on_weights
from core.model.attention_weights import (
    MOST_WEIGHTS,
    AttentionRecorder,
    AttentionState,
    between,
)
from core.model.batching import BATCH_TOKENS, batches_of, pad
from core.model.head_outputs import Spec, ZRecorder, at
from core.model.hooks import on_every_z
from core.model.loaded_model import LoadedModel
from core.model.memory import ATTENTION_BYTES, Z_BYTES, in_halves, is_out_of_memory
from core.model.mlp_outputs import KeptMlps
from core.model.partial_forward import Streams
from core.model.prefixes.kept_prefix import Prefixes

RECORDING_VERSION = 3
BLOCK_BYTES = 2**26
"""z of one text that the store takes as one entry, at most, or of one layer."""

BATCH_Z_BYTES = 2**28
"""z of a batch that is held at a time where memory does not hold that of all texts."""

SLOT_WEIGHTS = 2**26
"""Attention weights between compared positions, of all heads, that a run may hold."""


class PlainPasses:
    """What all parts of a recording share: the texts, what is kept of them, and the passes that reading took."""

    def __init__(
        self,
        loaded: LoadedModel,
        texts: Sequence[Sequence[int]],
        store: ActivationStore | None,
        slots: Mapping[int, Sequence[int]],
        attention: bool,
        streams: bool,
        read_at: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.texts = texts
        self._read_at = read_at
        self._loaded, self._store = loaded, store
        self._lengths = [len(text) for text in texts]
        self._with_streams = streams
        self.streams, self.prefixes = Streams(loaded, self._lengths), Prefixes(loaded)
        self.mlps = KeptMlps(loaded, self._lengths)
        self._z_specs = self._specs_of_z(slots)
        # what memory does not hold of z lies in the store, in blocks of layers
        self._spills = store is not None and any(spec is not None for spec in self._z_specs)
        self.attention_state, self.attention_specs = self._plan_of_attention(slots if attention else {})
        self._z: dict[int, list[Tensor]] = {}
        self.attention: dict[int, Tensor] = {}
        self.hidden: dict[int, Tensor] = {}
        self.cached: set[int] = set()
        self.forward_passes = 0

    def read(self) -> Generator[int, None, None]:
        """See `Recording.read`."""
        missing = [text for text in range(len(self.texts)) if not self._known(text)]
        done = len(self.texts) - len(missing)
        for batch, _ in in_halves(self._batches(missing), self._read, self._cost):
            if self._store is not None:
                with self._store.batch():
                    for text in batch:
                        self._keep(self._store, text)
            done += len(batch)
            yield done

    def whole_z(self, texts: Sequence[int]) -> list[list[Tensor]]:
        """z of all positions by layer; where memory does not hold it, from the store, else read again."""
        if all(self._z_specs[text] is None for text in texts):
            return [self._z[text] for text in texts]
        stored = {text: self._stored_z(text) for text in sorted(set(texts))}
        rows = {text: layers for text, layers in stored.items() if layers is not None}
        batches = batches_of(self._lengths, [text for text in stored if text not in rows])
        for batch, of_batch in in_halves(batches, self._z_of, self._cost):
            rows |= dict(zip(batch, of_batch, strict=True))
        return [rows[text] for text in texts]

    def _z_of(self, batch: Sequence[int]) -> list[list[Tensor]]:
        """z of all positions of a batch by layer, read now."""
        z = ZRecorder(self._loaded, [self._lengths[text] for text in batch], [None] * len(batch), batch)
        with on_every_z(self._loaded, z.keep):
            self._forward(batch)
        return z.rows()

    def _cost(self, batch: Sequence[int]) -> int:
        """Tokens of a batch, with padding."""
        return len(batch) * max(self._lengths[text] for text in batch)

    def z_at(self, text: int, positions: Sequence[int]) -> list[Tensor]:
        """See `Recording.z_at`."""
        spec = self._z_specs[text]
        if spec is None:
            return [at(of_layer, positions) for of_layer in self._z[text]]
        places = [spec.index(position) for position in positions]
        return [of_layer[places] for of_layer in self._z[text]]

    def attention_at(self, text: int, positions: Sequence[int]) -> Tensor | None:
        """See `Recording.attention`."""
        if text not in self.attention_specs:
            return None
        weights = self.attention[text].float()
        return between(weights, positions) if self.attention_specs[text] is None else weights

    def last_read(self, text: int) -> int:
        """The last position of a text whose final hidden state is kept."""
        return self._lengths[text] - 1 if self._read_at is None else self._read_at[text][-1]

    def require_streams(self, texts: Sequence[int]) -> None:
        """Read those of the texts whose streams are not there."""
        self._require([text for text in texts if not self.streams.has(text)])

    def require_mlps(self, texts: Sequence[int]) -> None:
        """Read those of the texts whose outputs of MLP blocks are not there."""
        self._require([text for text in texts if not self.mlps.has(text)])

    def _require(self, missing: Sequence[int]) -> None:
        for _ in in_halves(batches_of(self._lengths, missing), self._streams_of, self._cost):
            pass

    def _streams_of(self, batch: Sequence[int]) -> None:
        with self.streams.recorder(batch), self.mlps.recorder(batch):
            self._forward(batch)

    def _batches(self, texts: Sequence[int]) -> list[list[int]]:
        """Texts whose attention weights are kept apart from the others, whose length is not bounded by them."""
        with_weights = [text for text in self.attention_specs if text in texts]
        longest = max((self._lengths[text] for text in with_weights), default=1)
        budget = max(1, min(BATCH_TOKENS, MOST_WEIGHTS // (self._loaded.shape.n_heads * longest)))
        others = [text for text in texts if text not in self.attention_specs]
        most = max(1, BATCH_Z_BYTES // self._z_bytes) if self._spills else BATCH_TOKENS
        first = batches_of(self._lengths, with_weights, min(budget, most))
        return first + batches_of(self._lengths, others, min(BATCH_TOKENS, most))

    def _read(self, batch: Sequence[int]) -> None:
        """Read a batch, a single text without its attention weights where memory does not suffice for them."""
        if batch[0] not in self.attention_specs:
            self._keep_of(batch, with_weights=False)
            return
        try:
            self._keep_of(batch, with_weights=True)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(batch) > 1:
                raise
            self.attention_state, self.attention_specs = "memory", {}
        if batch[0] not in self.hidden:
            self._keep_of(batch, with_weights=False)

    def _keep_of(self, batch: Sequence[int], with_weights: bool) -> None:
        """One plain pass of a batch, of which everything that is wanted is kept."""
        lengths = [self._lengths[text] for text in batch]
        specs = [None if self._spills else self._z_specs[text] for text in batch]
        z = ZRecorder(self._loaded, lengths, specs, batch)
        weights = AttentionRecorder(lengths, [self.attention_specs.get(text) for text in batch])
        with ExitStack() as stack:
            stack.enter_context(on_every_z(self._loaded, z.keep))
            if self._with_streams:
                stack.enter_context(self.streams.recorder(batch))
                stack.enter_context(self.mlps.recorder(batch))
            if with_weights:
                layers = self._loaded.layers_with_heads
                stack.enter_context(on_weights(self._loaded, layers, weights.keep))
            hidden = self._forward(batch)
        if self._read_at is None:
            last = hidden[torch.arange(len(batch)), torch.tensor(lengths) - 1].cpu()
            self.hidden |= dict(zip(batch, last, strict=True))
        else:
            for text, of_text in zip(batch, hidden, strict=True):
                self.hidden[text] = of_text[list(self._read_at[text])].cpu()
        self._z |= {text: self._spilled(text, rows) for text, rows in zip(batch, z.rows(), strict=True)}
        if with_weights and weights.layers == len(self._loaded.layers_with_heads):
            self.attention |= dict(zip(batch, weights.rows(), strict=True))
        elif with_weights:
            self.attention_state, self.attention_specs = "no_weights", {}

    @torch.no_grad()
    def _forward(self, batch: Sequence[int]) -> Tensor:
        """Final hidden states (row, position, d_model)."""
        self.forward_passes += 1
        ids, mask = pad([self.texts[text] for text in batch], self._loaded.device)
        hidden: Tensor = self._loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        return hidden

    def _spilled(self, text: int, layers: list[Tensor]) -> list[Tensor]:
        """What of z by layer memory holds; where that is less than all, the store takes all of it."""
        spec = self._z_specs[text]
        if spec is None or self._store is None:
            return layers
        for block in self._blocks(text):
            self._store.put_layers(self._key(f"z{block.start}", text), layers[block.start : block.stop])
        return [at(of_layer, spec) for of_layer in layers]

    def _stored_z(self, text: int) -> list[Tensor] | None:
        """z of all positions from the store, None where it is not there."""
        if self._store is None or self._z_specs[text] is None:
            return self._z[text] if self._z_specs[text] is None else None
        layers: list[Tensor] = []
        for block in self._blocks(text):
            of_block = self._store.get_layers(self._key(f"z{block.start}", text), len(block))
            if of_block is None:
                return None
            layers += of_block
        return layers

    def _blocks(self, text: int) -> list[range]:
        """The layers of a text that lie in the store together."""
        loaded = self._loaded
        largest = max(loaded.n_heads(layer) * loaded.d_head(layer) for layer in loaded.layers_with_heads)
        count = max(1, BLOCK_BYTES // (self._lengths[text] * largest * loaded.number_bytes))
        layers = range(loaded.shape.n_layers)
        return [layers[first : first + count] for first in layers[::count]]

    def _known(self, text: int) -> bool:
        """Whether all that is kept of a text is here or, now taken from there, in the cache."""
        parts = {"hidden": self.hidden}
        if text in self.attention_specs:
            parts["attention"] = self.attention
        fetched = False
        if text not in self._z:
            layers = None
            if self._store is not None:
                layers = self._store.get_layers(self._key("z", text), self._loaded.shape.n_layers)
            if layers is None:
                return False
            self._z[text], fetched = layers, True
        for name, part in parts.items():
            if text in part:
                continue
            stored = self._store.get(self._key(name, text)) if self._store is not None else None
            if stored is None:
                return False
            part[text], fetched = stored, True
        if fetched:
            self.cached.add(text)
        return True

    def _keep(self, store: ActivationStore, text: int) -> None:
        """Put what was read of a text into the cache; weights that are no finite numbers are not kept."""
        store.put_layers(self._key("z", text), self._z[text])
        store.put(self._key("hidden", text), self.hidden[text])
        weights = self.attention.get(text)
        if weights is not None and bool(torch.isfinite(weights).all()):
            store.put(self._key("attention", text), weights)

    def _key(self, part: str, text: int) -> str:
        """Weights, tokenizer, text (as ids), kept positions and version."""
        read_at = None if self._read_at is None else tuple(self._read_at[text])
        specs = {"z": self._z_specs[text], "attention": self.attention_specs.get(text), "hidden": read_at}
        spec = specs.get(part)
        positions = "all" if spec is None else list(spec)
        hashes = f"{self._loaded.weights_hash}|{self._loaded.tokenizer_hash}"
        content = f"{part}|{RECORDING_VERSION}|{hashes}|{list(self.texts[text])}|{positions}"
        return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()

    @property
    def _z_bytes(self) -> int:
        """Bytes of z of one token."""
        loaded = self._loaded
        numbers = sum(loaded.n_heads(layer) * loaded.d_head(layer) for layer in loaded.layers_with_heads)
        return numbers * loaded.number_bytes

    def _specs_of_z(self, slots: Mapping[int, Sequence[int]]) -> list[Spec]:
        if sum(self._lengths) * self._z_bytes <= Z_BYTES:
            return [None] * len(self.texts)
        return [tuple(dict.fromkeys(slots.get(text, ()))) for text in range(len(self.texts))]

    def _plan_of_attention(
        self, slots: Mapping[int, Sequence[int]]
    ) -> tuple[AttentionState, dict[int, Spec]]:
        """Whether attention weights can be kept, and between which positions of each compared text."""
        shape = self._loaded.shape
        count = max(map(len, slots.values()), default=0)
        if count < 2:
            return "one_position", {}
        heads, lengths = len(self._loaded.heads), [self._lengths[text] for text in slots]
        if max(lengths) ** 2 * shape.n_heads > MOST_WEIGHTS or count**2 * heads > SLOT_WEIGHTS:
            return "too_long", {}
        if sum(length**2 for length in lengths) * heads * 2 <= ATTENTION_BYTES:
            return "computed", dict.fromkeys(slots)
        return "computed", {text: tuple(positions) for text, positions in slots.items()}
