"""Tokens as the words that a reader sees: which word each token of a text belongs to, and what kind of thing it is.

A word is a run of letters and digits of a script that sets words apart by spaces, with apostrophes and hyphens inside;
a token that covers part of it belongs to it. Scripts without spaces give no such ends, so each token is a word there.
Every other character is a sign of its own. A token that no text spells (a beginning, a turn of a chat template) is
special and named by its own spelling; white space is shown by signs.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.examples.answer_match import spaced_script
from core.model.loaded_model import LoadedModel
from core.model.tokens.piece_kinds import token_places
from core.model.tokens.prompts import Prompt
from core.schema import WordKind

_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
SPLIT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
_SPELLINGS = 6
"""How many tokens are looked through for one word, since many differ in a space alone."""


@dataclass(frozen=True)
class TextWord:
    """A word of a text: its spelling, its kind, and the place of its first and last token."""

    text: str
    kind: WordKind
    first: int
    last: int


def words_of(loaded: LoadedModel, prompt: Prompt, ids: Sequence[int]) -> list[TextWord]:
    """The words of a text in order; each of its tokens belongs to exactly one, tokens without a place to their own."""
    places = token_places(loaded, prompt, ids)
    spans = [match.span() for match in _WORD.finditer(prompt.text) if _spaced(match.group())]
    starts = [start for start, _ in spans]
    groups: list[tuple[tuple[int, int] | None, list[int]]] = []
    for token, (start, stop) in enumerate(places):
        own = None if ids[token] in loaded.special_ids else _word_at(prompt.text, spans, starts, start, stop)
        if groups and own is not None and groups[-1][0] == own:
            groups[-1][1].append(token)
        else:
            groups.append((own, [token]))
    pieces = loaded.pieces(list(ids))
    return [
        TextWord(*_named(loaded, ids, prompt.text, own, tokens, places, pieces), tokens[0], tokens[-1])
        for own, tokens in groups
    ]


def spaced(text: str, pieces: Sequence[str]) -> list[str]:
    """The pieces of a text, each with a space in front where the text has one and the piece does not."""
    result, end = [], 0
    for piece in pieces:
        word = piece.strip()
        start = text.find(word, end) if word else end
        apart = start > end and text[end:start].isspace() and not piece[:1].isspace()
        result.append(f" {piece}" if apart else piece)
        if start >= 0:
            blank = piece[len(piece.rstrip()) :]
            end = start + len(word) + (len(blank) if text.startswith(blank, start + len(word)) else 0)
    return result


def top_words(loaded: LoadedModel, change: Tensor, count: int) -> list[tuple[str, float]]:
    """The words with the largest change of their logit (vocabulary,), as pieces, with the change.

    Special tokens and parts of a split character are no words; of spellings that differ in spaces the first counts.
    """
    change = change.clone()
    change[[token for token in loaded.special_ids if token < len(change)]] = -torch.inf
    top = change.topk(min(count * _SPELLINGS, len(change)))
    by_spelling: dict[str, tuple[str, float]] = {}
    for piece, value in zip(loaded.pieces(top.indices.tolist()), top.values.tolist(), strict=True):
        if piece.strip() and SPLIT_CHARACTER not in piece:
            by_spelling.setdefault(piece.strip(), (piece, value))
    return list(by_spelling.values())[:count]


def readable_piece(piece: str) -> str:
    """A piece without the spaces around it, or with signs in their place where it is nothing else."""
    return piece.strip() or piece.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")


def _spaced(word: str) -> bool:
    return all(spaced_script(character) for character in word)


def _word_at(
    text: str, spans: Sequence[tuple[int, int]], starts: Sequence[int], start: int, stop: int
) -> tuple[int, int] | None:
    """The word that the first letter of these characters lies in; None where they hold no letter of one."""
    while start < stop and text[start].isspace():
        start += 1
    number = bisect_right(starts, start) - 1
    if start >= stop or number < 0 or start >= spans[number][1]:
        return None
    return spans[number]


def _named(
    loaded: LoadedModel,
    ids: Sequence[int],
    text: str,
    own: tuple[int, int] | None,
    tokens: Sequence[int],
    places: Sequence[tuple[int, int]],
    pieces: Sequence[str],
) -> tuple[str, WordKind]:
    if own is not None:
        return text[slice(*own)], "word"
    first = tokens[0]
    piece = pieces[first]
    if ids[first] in loaded.special_ids:
        return piece.strip() or str(loaded.tokenizer.convert_ids_to_tokens(ids[first])), "special"
    covered = text[slice(*places[first])]
    shown = covered if covered.strip() and SPLIT_CHARACTER in piece else piece
    if not shown.strip():
        return readable_piece(shown), "space"
    return shown.strip(), "word" if any(map(str.isalnum, shown)) else "sign"
