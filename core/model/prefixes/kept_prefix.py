"""Keys and values of the tokens in front of a change, read once and shared by all rows that begin with them.

In a decoder no token sees a later one: where two runs of a text differ from a position on, keys and values of the
tokens before are the same in every layer. A pass that is handed them reads the rest alone and gives what a whole pass
gives. Position numbers and masks are those that transformers makes for a text that goes on.

Some models carry more from token to token than keys and values (linear attention), share them across layers, or let a
prefix see ahead. They are found by trying (`Prefixes.hold`), not by name, and read whole texts.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from core.model.batching import batches_of, pad, tokens_for
from core.model.loaded_model import LoadedModel
from core.model.memory import PREFIX_BYTES, in_halves, is_out_of_memory
from core.model.prefixes.shared_attention import SharedPrefix, shared_by_rows

Tokens = tuple[int, ...]
States = tuple[Tensor, Tensor]
"""Keys and values of a layer, (key head, position, d) or with a row axis in front."""

MOST_BYTES = PREFIX_BYTES
"""Memory that the keys and values of one set of texts may take; what does not fit is read with its text."""

FEWEST_SHARED = 16
"""Tokens from which a beginning of several prefixes is worth a pass of its own."""

TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
"""By how much the last hidden state may differ from that of a whole pass, as a share of its length; a wrong
position or mask changes all of it."""

HALF_TOLERANCE = 0.05


class KeptCache(Cache):
    """Keys and values in front of a pass. A pass adds nothing to them, so that it can run an attention twice.

    `states` by layer (prefix, ...) and `rows`, the prefix of each row, all of `width` tokens.
    """

    def __init__(self, width: int, states: dict[int, States], rows: Sequence[int]) -> None:
        super().__init__(layers=[])
        self.width, self.states, self.rows = width, states, list(rows)
        self.shared: SharedPrefix | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> States:
        """The kept keys and values of every row with the new ones behind them."""
        if self.width == 0:
            return key_states, value_states
        own = self.states[layer_idx]
        if self.shared is not None:
            self.shared.hand_over(own[0][0].to(key_states), own[1][0].to(value_states))
            return key_states, value_states
        first, second = (
            torch.cat([self._of_rows(kept, len(new)).to(new), new], dim=-2)
            for kept, new in zip(own, (key_states, value_states), strict=True)
        )
        return first, second

    def _of_rows(self, kept: Tensor, count: int) -> Tensor:
        """(row, key head, position, d) of a pass with this many rows; a view where all have one prefix."""
        rows = self.rows * (count // len(self.rows))
        return kept.expand(count, *kept.shape[1:]) if len(kept) == 1 else kept[rows]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens in front of the pass."""
        return self.width

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Length and offset of the keys."""
        return self.width + query_length, 0

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """There is no limit."""
        return -1


class _KeepingCache(KeptCache):
    """The same that also keeps what a pass adds, by layer."""

    added: dict[int, States]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> States:
        self.added[layer_idx] = key_states.detach(), value_states.detach()
        return super().update(key_states, value_states, layer_idx)


@dataclass(frozen=True)
class Prefix:
    """The first `width` tokens of every row of a pass, whose keys and values lie in `cache`."""

    width: int = 0
    cache: KeptCache | None = None


WHOLE = Prefix()
"""Nothing is kept: whole texts are read."""


def hidden_states(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], prefix: Prefix = WHOLE, cache: Cache | None = None
) -> Tensor:
    """Final hidden states (row, position, d_model) of what lies behind the prefix, padded on the right."""
    ids, mask = pad([text[prefix.width :] for text in texts], loaded.device)
    return of_ids(loaded, ids, mask, prefix, cache)


def of_ids(
    loaded: LoadedModel, ids: Tensor, mask: Tensor, prefix: Prefix = WHOLE, cache: Cache | None = None
) -> Tensor:
    """The same of token ids and mask (row, position) behind the prefix."""
    model, kept = loaded.model.base_model, prefix.cache if cache is None else cache
    if kept is None:
        whole: Tensor = model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        return whole
    mask = torch.cat([mask.new_ones(len(mask), prefix.width), mask], dim=1)
    name = "cache" if "cache" in _parameters(model) else "past_key_values"
    with _sharing(loaded, kept, len(ids)):
        hidden: Tensor = model(input_ids=ids, attention_mask=mask, use_cache=True, **{name: kept})[0]
    return hidden


@contextmanager
def _sharing(loaded: LoadedModel, cache: Cache, rows: int) -> Iterator[None]:
    """Let rows that begin with one prefix share its keys and values, and not have a copy each."""
    if type(cache) is not KeptCache or cache.width == 0 or len(set(cache.rows)) > 1:
        yield
        return
    with shared_by_rows(loaded, rows) as cache.shared:
        try:
            yield
        finally:
            cache.shared = None


class Prefixes:
    """Kept keys and values of beginnings of texts; `forward_passes` counts what reading them took."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._kept: dict[Tokens, dict[int, States]] = {}
        self._holds: bool | None = None
        self._bytes = 0
        self.forward_passes = 0

    def hold(
        self,
        text: Sequence[int],
        width: int,
        read_at: int,
        hidden: Tensor,
        others: Sequence[Sequence[int]] = (),
    ) -> bool:
        """Whether passes behind kept prefixes give what whole passes give; tried once, on this text.

        `hidden` (d_model,) is the final hidden state behind its token at `read_at`, from a whole pass. `others` are
        prefixes that will be asked for, so that all are read together.
        """
        if self._holds is None and width:
            self._holds = self._same(text, width, read_at, hidden, others)
        return bool(self._holds)

    def of(self, texts: Sequence[Sequence[int]], width: int) -> Prefix:
        """The first `width` tokens of these rows, read where they are not known; WHOLE where memory does not do."""
        if width == 0 or self._holds is False:
            return WHOLE
        rows = [tuple(text[:width]) for text in texts]
        distinct = list(dict.fromkeys(rows))
        self._read(distinct)
        found = [self._known(tokens) for tokens in distinct]
        if any(one is None for one in found):
            return WHOLE
        states = _together([one for one in found if one is not None], width)
        numbers = {tokens: number for number, tokens in enumerate(distinct)}
        return Prefix(width, KeptCache(width, states, [numbers[tokens] for tokens in rows]))

    def _known(self, tokens: Tokens) -> dict[int, States] | None:
        """Keys and values of a prefix, or of a longer one that begins with it."""
        if tokens in self._kept:
            return self._kept[tokens]
        longer = (states for kept, states in self._kept.items() if kept[: len(tokens)] == tokens)
        return next(longer, None)

    @torch.no_grad()
    def _read(self, prefixes: Sequence[Tokens]) -> None:
        """Read those of them that no known one begins with, what they have in common once."""
        longest: list[Tokens] = []
        for tokens in sorted(set(prefixes), key=len, reverse=True):
            begins_another = any(other[: len(tokens)] == tokens for other in longest)
            if not begins_another and self._known(tokens) is None:
                longest.append(tokens)
        prefixes = longest
        if self._bytes > MOST_BYTES or not prefixes:
            return
        shared = _common(prefixes) if len(prefixes) > 1 else 0
        if shared < FEWEST_SHARED or shared == min(map(len, prefixes)):
            shared = 0
        front = self.of(prefixes[:1], shared)
        rests = [tokens[front.width :] for tokens in prefixes]

        def run(batch: Sequence[int]) -> _KeepingCache:
            states = {} if front.cache is None else front.cache.states
            cache = _KeepingCache(front.width, states, [0])
            cache.added = {}
            hidden_states(self._loaded, [prefixes[number] for number in batch], front, cache)
            return cache

        budget = tokens_for(self._loaded.device)
        batches = batches_of([len(rest) for rest in rests], range(len(rests)), budget)
        for batch, cache in in_halves(batches, run):
            self.forward_passes += 1
            for row, number in enumerate(batch):
                self._keep(prefixes[number], row, cache)
            if self._bytes > MOST_BYTES:
                return

    def _keep(self, tokens: Tokens, row: int, cache: _KeepingCache) -> None:
        of_layers: dict[int, States] = {}
        for layer, added in cache.added.items():
            own = [new[row, :, : len(tokens) - cache.width] for new in added]
            if cache.width:
                own = [
                    torch.cat([old[0], new], dim=-2)
                    for old, new in zip(cache.states[layer], own, strict=True)
                ]
            of_layers[layer] = own[0].clone(), own[1].clone()
            self._bytes += sum(tensor.numel() * tensor.element_size() for tensor in own)
        self._kept[tokens] = of_layers

    def _same(
        self, text: Sequence[int], width: int, read_at: int, hidden: Tensor, others: Sequence[Sequence[int]]
    ) -> bool:
        try:
            self._read([tuple(text[:width]), *map(tuple, others)])
            # two rows, so that sharing a prefix between rows is tried as well
            prefix = self.of([text, text], width)
            self.forward_passes += 1
            with torch.no_grad():
                again = hidden_states(self._loaded, [text[: read_at + 1]] * 2, prefix)[1, read_at - width]
        except Exception as error:
            # whatever a model's own code says of a cache that it did not make: it cannot go on from one
            if is_out_of_memory(error):
                raise
            return False
        if prefix.width == 0:
            return False
        limit = TOLERANCE.get(again.dtype, HALF_TOLERANCE)
        expected = hidden.to(again)
        return bool((again - expected).norm() <= limit * expected.norm())


def prefixes_hold(loaded: LoadedModel, text: Sequence[int], width: int) -> bool:
    """Whether a pass of this text behind its first `width` tokens gives what the whole pass gives; two passes."""
    with torch.no_grad():
        hidden = hidden_states(loaded, [text])[0, -1]
    return Prefixes(loaded).hold(text, width, len(text) - 1, hidden)


def _together(found: Sequence[dict[int, States]], width: int) -> dict[int, States]:
    """By layer (prefix, key head, position, d) of the first tokens; views where there is one prefix."""
    states = {}
    for layer in found[0]:
        pairs = [[own[layer][part][None, :, :width] for own in found] for part in (0, 1)]
        keys, values = (one[0] if len(one) == 1 else torch.cat(one) for one in pairs)
        states[layer] = keys, values
    return states


def _common(texts: Sequence[Tokens]) -> int:
    """How many tokens all texts begin with alike."""
    first, last = min(texts), max(texts)
    return next(
        (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(map(len, texts))
    )


def _parameters(model: Any) -> Any:
    return inspect.signature(model.forward).parameters
