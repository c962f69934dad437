"""What the model itself writes behind texts: the likeliest token, one after the other, as its own `generate` does.

A continuation ends in front of a token by which the model ends it (its end of text, a chat model's end of turn), where
the model can read no further, or after so many tokens.
"""

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor

from core.examples.answer_match import Match
from core.examples.example_set import ExampleSet
from core.model.activation_store import ActivationStore
from core.model.batching import batches_of, tokens_for
from core.model.loaded_model import LoadedModel, tokenizer_errors
from core.model.tokens.answer_tokens import encodings
from core.model.tokens.stepping import Inside, steps

MOST_TOKENS = 32
"""Tokens of a continuation at most, unless an answer is longer."""
BEYOND = 4
"""Tokens read behind the longest answer, which tell where its last word ends."""
FIRST_TOKENS = 3
"""Tokens of a continuation that are compared where no example names an answer."""
VERSION = 1
"""Version of what is kept in the store."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"

End = Literal["ended", "cut", "full"]
ENDS: tuple[End, ...] = ("ended", "cut", "full")
NO_TOKEN = -1


@dataclass(frozen=True)
class Continuation:
    """What the model writes behind one text: its tokens, without the one that ends them, and as readable text.

    `end` is `ended` where the model ended it by the token `end_id`, `cut` after the tokens that were asked for, and
    `full` where it can read no further. `first` (vocabulary,) are the log-probabilities of its first token.
    """

    tokens: tuple[int, ...]
    text: str
    end: End
    end_id: int
    first: Tensor


def enough_tokens(loaded: LoadedModel, examples: ExampleSet, match: Match) -> int:
    """How many tokens tell whether a continuation is an answer: more where it may stand anywhere, never too few."""
    longest = longest_answer(loaded, examples)
    return max(longest + BEYOND, MOST_TOKENS if longest and match != "begins" else 0)


def decisive_tokens(loaded: LoadedModel, examples: ExampleSet) -> int:
    """First tokens of a continuation that tell whether it is another one: as many as the longest answer has."""
    return longest_answer(loaded, examples) or FIRST_TOKENS


def longest_answer(loaded: LoadedModel, examples: ExampleSet) -> int:
    """Tokens of the longest answer that the examples name; 0 where they name none."""
    answers = {answer.strip() for e in examples.examples for answer in (e.expected, e.actual)} - {""}
    return max((_tokens_of(loaded, answer) for answer in answers), default=0)


def continued(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    count: int,
    inside: Inside = nullcontext,
    of_rows: Callable[[Sequence[int]], AbstractContextManager[Any]] | None = None,
) -> Generator[int, None, list[Continuation]]:
    """The model's own continuations of texts (token ids), each of at most `count` tokens, which is at least 1.

    Yields after each forward pass. Every pass is made in a context that `inside` opens, for example with heads ablated,
    or `of_rows` from the numbers of the texts that are its rows; none is open at a yield. Raises ModelError
    `bad_numbers_after_ablation` for logits that are no numbers.
    """
    writers = [_Writer(loaded, text, count) for text in texts]
    lengths = [len(text) + count for text in texts]
    for batch in batches_of(lengths, range(len(texts)), tokens_for(loaded.device)):
        within = inside if of_rows is None else partial(of_rows, batch)
        for step, logits in enumerate(steps(loaded, [texts[i] for i in batch], count, within)):
            for i, row in zip(batch, logits, strict=True):
                writers[i].take(row)
            yield step + 1
            if not any(writers[i].writing for i in batch):
                break
    return [writer.continuation() for writer in writers]


def continued_once(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    count: int,
    first: Tensor,
    store: ActivationStore | None = None,
) -> Generator[int, None, list[Continuation]]:
    """The same of the unchanged model, each kept in the store, so that a text that stands there is not read again.

    `first` (text, vocabulary) are the log-probabilities of the token behind each text.
    """
    keys = [_key(loaded, text, count) for text in texts]
    stored = [store.get(key) if store is not None else None for key in keys]
    missing = [i for i, values in enumerate(stored) if values is None]
    written = yield from continued(loaded, [texts[i] for i in missing], count)
    for i, continuation in zip(missing, written, strict=True):
        stored[i] = torch.tensor([ENDS.index(continuation.end), continuation.end_id, *continuation.tokens])
    if store is not None and missing:
        with store.batch():
            for i in missing:
                store.put(keys[i], cast(Tensor, stored[i]))
    parts = [cast(Tensor, values).tolist() for values in stored]
    return [
        Continuation(tuple(tokens), readable(loaded, text, tokens), ENDS[end], end_id, of_text)
        for text, (end, end_id, *tokens), of_text in zip(texts, parts, first, strict=True)
    ]


class _Writer:
    """One continuation while it grows."""

    def __init__(self, loaded: LoadedModel, text: Sequence[int], count: int) -> None:
        self._loaded, self._text, self._count = loaded, text, count
        self._stops, self._limit = end_tokens(loaded), loaded.shape.context_length
        self._tokens: list[int] = []
        self._end: tuple[End, int] | None = None
        self._first: Tensor | None = None

    @property
    def writing(self) -> bool:
        """Whether the next logits matter."""
        return self._end is None and len(self._tokens) < self._count

    def take(self, logits: Tensor) -> None:
        """Go on by the likeliest token of logits (vocabulary,), unless the continuation has ended."""
        if not self.writing:
            return
        if self._first is None:
            self._first = logits.log_softmax(dim=-1)
        token = int(logits.argmax())
        if self._limit and len(self._text) + len(self._tokens) > self._limit:
            self._end = "full", NO_TOKEN  # the token behind a text that fills the context is the last one
        elif token in self._stops:
            self._end = "ended", token
        else:
            self._tokens.append(token)

    def continuation(self) -> Continuation:
        """What was written."""
        end, token = self._end or ("cut", NO_TOKEN)
        text = readable(self._loaded, self._text, self._tokens)
        assert self._first is not None, "at least one token is asked for"
        return Continuation(tuple(self._tokens), text, end, token, self._first)


def end_tokens(loaded: LoadedModel) -> frozenset[int]:
    """Tokens by which the model ends what it writes: those of its generation settings, and its special tokens."""
    settings = [getattr(loaded.model, "generation_config", None), loaded.model.config.get_text_config()]
    ids = [getattr(setting, "eos_token_id", None) for setting in settings]
    named = {int(token) for of in ids if of is not None for token in (of if isinstance(of, list) else [of])}
    unknown = getattr(loaded.tokenizer, "unk_token_id", None)
    return frozenset(named | {*loaded.tokenizer.all_special_ids} - {unknown})


def _tokens_of(loaded: LoadedModel, answer: str) -> int:
    """Tokens of an answer in the shortest way of writing it."""
    ways = [*encodings(loaded, f" {answer}"), *encodings(loaded, answer)]
    return min((len(ids) for ids in ways if readable(loaded, (), ids).strip() == answer), default=0)


def end_piece(loaded: LoadedModel, continuation: Continuation) -> str:
    """The token by which the model ended a continuation, as text; empty where it did not."""
    return "" if continuation.end_id == NO_TOKEN else loaded.pieces([continuation.end_id])[0]


def _key(loaded: LoadedModel, text: Sequence[int], count: int) -> str:
    """Weights, tokenizer, end tokens, text and number of tokens, under which a continuation is kept."""
    hashes = f"{loaded.weights_hash}|{loaded.tokenizer_hash}|{sorted(end_tokens(loaded))}"
    content = f"continuation|{VERSION}|{hashes}|{list(text)}|{count}"
    return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()


def readable(loaded: LoadedModel, text: Sequence[int], tokens: Sequence[int]) -> str:
    """The tokens as they read behind the text, without a character of which only a part was written."""
    with tokenizer_errors(loaded.name):
        before, after, alone = (
            str(loaded.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
            for ids in (text, [*text, *tokens], tokens)
        )
    # a text that ends inside a character reads otherwise once the character is complete
    return (after[len(before) :] if after.startswith(before) else alone).rstrip(UNREADABLE)
