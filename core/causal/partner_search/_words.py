"""The words of texts as runs of tokens, and texts with some of them exchanged.

Exchanged are whole words, each by a word of as many tokens, so that token counts are kept. A word is a run of letters
and digits, or a single sign or character of a script that puts no spaces between words; where a token covers parts of
several, these are one word here. Only words that the text itself says count: none of a chat template, a frame or a
system message that all texts share, and no special token.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.examples.checks.words import word_places
from core.examples.conversation import transcript
from core.examples.counterfactuals import Exchange
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.tokens.piece_kinds import own_places, piece_kinds, token_places
from core.model.tokens.prompts import Prompt, prompt_of

MARKERS = ("Ġ", "▁", "##")
"""How vocabularies write that a token stands behind a space, or continues a word."""

UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Kind(NamedTuple):
    """What a word has in common with those that may stand in its place.

    `marker` is how its first token is joined to what stands in front, `letters` the Unicode category of what it is made
    of: letters, digits, signs.
    """

    tokens: int
    marker: str
    letters: str


@dataclass(frozen=True)
class Word:
    """A word in a prompt: its tokens from `position` on, and the characters from `start` to `stop`."""

    position: int
    ids: tuple[int, ...]
    spelling: str
    kind: Kind
    start: int
    stop: int

    @property
    def end(self) -> int:
        """Position behind its last token."""
        return self.position + len(self.ids)


@dataclass(frozen=True)
class Reading:
    """One example as the model reads it, with the words that may be exchanged."""

    number: int
    example: Example
    prompt: Prompt
    ids: tuple[int, ...]
    words: tuple[Word, ...]


def reading_of(loaded: LoadedModel, examples: ExampleSet, number: int, ids: Sequence[int]) -> Reading:
    """The example of this number, whose tokens are `ids`."""
    example = examples.examples[number]
    prompt = prompt_of(loaded, examples, example)
    own = [span for _, span in own_places(loaded, examples, example, prompt)]
    kinds = piece_kinds(loaded, prompt, ids, own)
    places = token_places(loaded, prompt, ids)
    words = []
    for first, last, start, stop in _runs(prompt.text, own, places):
        if all(kind == "text" for kind in kinds[first:last]):
            run, spelling = tuple(ids[first:last]), prompt.text[start:stop]
            words.append(Word(first, run, spelling, kind_of(loaded, run, spelling), start, stop))
    return Reading(number, example, prompt, tuple(ids), tuple(words))


def kind_of(loaded: LoadedModel, ids: Sequence[int], spelling: str) -> Kind:
    """The kind of a word."""
    piece = loaded.tokenizer.convert_ids_to_tokens(ids[0])
    written = piece if isinstance(piece, str) else ""
    marker = next((marker for marker in MARKERS if written.startswith(marker)), "")
    return Kind(len(ids), marker, unicodedata.category(spelling[0])[0])


def _runs(
    text: str, own: Sequence[tuple[int, int]], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """First token, token behind the last, start and stop of every word; words that share a token are one."""
    runs: list[tuple[int, int, int, int]] = []
    for begin, end in own:
        for start, stop in word_places(text[begin:end]):
            start, stop = begin + start, begin + stop
            tokens = [i for i, (a, b) in enumerate(places) if a < stop and b > start]
            if not tokens:
                continue
            if runs and tokens[0] < runs[-1][1]:
                first, _, start, _ = runs.pop()
                tokens = [first, *tokens]
            runs.append((tokens[0], tokens[-1] + 1, start, stop))
    return runs


@dataclass(frozen=True)
class Swap:
    """A word of a text, and the tokens and spelling that take its place.

    `usual` is log p of the new word where the user has written it, infinite for a word of no text.
    """

    word: Word
    ids: tuple[int, ...]
    spelling: str
    usual: float = math.inf

    def exchange(self) -> Exchange:
        """The same for the result."""
        return Exchange(self.word.position, self.word.ids, self.ids, self.word.spelling, self.spelling)


def swapped_ids(reading: Reading, swaps: Sequence[Swap]) -> tuple[int, ...]:
    """The tokens of a text with words exchanged."""
    ids = list(reading.ids)
    for swap in swaps:
        ids[swap.word.position : swap.word.end] = swap.ids
    return tuple(ids)


def reads_back(loaded: LoadedModel, reading: Reading, swaps: Sequence[Swap]) -> bool:
    """Whether the prompt with the words exchanged is exactly the tokens with the words exchanged."""
    text = _exchanged(reading.prompt.text, swaps, 0)
    return tuple(loaded.encode(text, reading.prompt.special)) == swapped_ids(reading, swaps)


def made_example(
    loaded: LoadedModel, examples: ExampleSet, reading: Reading, swaps: Sequence[Swap]
) -> Example | None:
    """The text with the words exchanged, of the other label; None where the model would read it otherwise.

    The made text keeps the answers of the text that it was made of, by which it is read.
    """
    example = reading.example
    for number, (start, stop) in own_places(loaded, examples, example, reading.prompt):
        inside = [swap for swap in swaps if start <= swap.word.start and swap.word.stop <= stop]
        if not inside:
            continue
        before = example.messages[number].content if example.messages else example.text
        offset = start - max(0, before.find(reading.prompt.text[start:stop]))
        changed = _exchanged(before, inside, offset)
        if example.messages:
            messages = list(example.messages)
            messages[number] = messages[number].model_copy(update={"content": changed})
            changed = transcript(messages)
            example = example.model_copy(update={"messages": tuple(messages)})
        example = example.model_copy(update={"text": changed})
    other = "normal" if example.label == "anomalous" else "anomalous"
    example = example.model_copy(update={"label": other, "source": "made", "line": 0, "carried": {}})
    prompt = prompt_of(loaded, examples, example)
    same = tuple(loaded.encode(prompt.text, prompt.special)) == swapped_ids(reading, swaps)
    return example if same else None


def _exchanged(text: str, swaps: Sequence[Swap], offset: int) -> str:
    """A text with words exchanged; their places count from `offset` characters in front of it."""
    for swap in sorted(swaps, key=lambda swap: -swap.word.start):
        text = text[: swap.word.start - offset] + swap.spelling + text[swap.word.stop - offset :]
    return text
