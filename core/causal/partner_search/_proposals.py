"""Which words of a text to try to exchange by what, most promising first, by the slope of the metric.

To first order, exchanging a word changes the metric by the gradient at its tokens' embeddings times the change of
these (HotFlip, Ebrahimi et al. 2018, arXiv 1712.06751, section 3). Words come from the user's own texts of both sides;
where these do not suffice, from the tokens that the model itself holds likeliest in the word's place.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.causal.partner_search._reading import Reader, Slopes
from core.causal.partner_search._words import UNREADABLE, Kind, Reading, Swap, Word, kind_of
from core.examples.checks.words import words_of
from core.model.memory import running_device

LIKELY = 16
"""Tokens that the model holds likeliest in the place of a word, which are tried beside the user's own words."""


@dataclass(frozen=True)
class Source:
    """A word that may be put in: its tokens, its spelling, and log p of it where the user has written it, at least."""

    ids: tuple[int, ...]
    spelling: str
    usual: float = math.inf


@dataclass(frozen=True)
class Proposal:
    """An exchange, by how much it should move the metric, and log p of the first token of the new word in its place."""

    swap: Swap
    predicted: float
    log_likelihood: float


@dataclass(frozen=True)
class Barred:
    """What is never exchanged nor put in: words of the answers, lower case, and words that begin with their tokens."""

    words: frozenset[str]
    tokens: frozenset[int]

    def bars(self, ids: Sequence[int], spelling: str) -> bool:
        """Whether a word belongs to an answer, so that it may not be put in."""
        return ids[0] in self.tokens or not self.words.isdisjoint(words_of(spelling))

    def free(self, words: Sequence[Word]) -> list[Word]:
        """The words of a text that may be taken out: those of no answer, and those that the text says twice."""
        counts = Counter(word.spelling.casefold() for word in words)
        return [
            word
            for word in words
            if counts[word.spelling.casefold()] > 1 or not self.bars(word.ids, word.spelling)
        ]


def sources_of(readings: Iterable[Reading], own: Iterable[np.ndarray]) -> dict[Kind, list[Source]]:
    """The words of texts by their kind, each once, in order; `own` (position,) are log p of the tokens of each text."""
    by_kind: dict[Kind, dict[tuple[int, ...], Source]] = {}
    for reading, likelihoods in zip(readings, own, strict=True):
        for word in reading.words:
            usual = float(np.nansum(likelihoods[word.position : word.end]))
            of_kind = by_kind.setdefault(word.kind, {})
            before = of_kind.get(word.ids, Source(word.ids, word.spelling))
            of_kind[word.ids] = replace(before, usual=min(before.usual, usual))
    return {kind: list(sources.values()) for kind, sources in by_kind.items()}


def proposals(
    reader: Reader,
    reading: Reading,
    slopes: Slopes,
    sources: dict[Kind, list[Source]],
    barred: Barred,
    wanted: float,
) -> list[Proposal]:
    """Exchanges by words of the texts, those that should move the metric most in the `wanted` direction first."""
    free = barred.free(reading.words)
    found: list[Proposal] = []
    for kind in dict.fromkeys(word.kind for word in free):
        words = [word for word in free if word.kind == kind]
        usable = [s for s in sources.get(kind, []) if not barred.bars(s.ids, s.spelling)]
        found += _ranked(reader, slopes, words, [usable] * len(words))
    return sorted(found, key=lambda one: _order(one, wanted))


def likely_proposals(
    reader: Reader,
    reading: Reading,
    slopes: Slopes,
    known: dict[Kind, list[Source]],
    barred: Barred,
    wanted: float,
) -> list[Proposal]:
    """Exchanges of words of one token by tokens that the model holds likely in their place, and no text has."""
    loaded = reader.loaded
    words = [word for word in barred.free(reading.words) if len(word.ids) == 1 and word.position]
    if not words:
        return []
    before = slopes.hidden[[word.position - 1 for word in words]]
    _, likeliest = reader.next_tokens(before, [0], LIKELY)
    choices: list[list[Source]] = []
    for word, tokens in zip(words, likeliest.tolist(), strict=True):
        there = {source.ids for source in known.get(word.kind, [])}
        usable = []
        for token in tokens:
            spelling = loaded.pieces([token])[0].strip()
            if token in loaded.special_ids or (token,) in there or not spelling or UNREADABLE in spelling:
                continue
            if kind_of(loaded, (token,), spelling) == word.kind and not barred.bars((token,), spelling):
                usable.append(Source((token,), spelling))
        choices.append(usable)
    found = [
        one
        for word, own in zip(words, choices, strict=True)
        for one in _ranked(reader, slopes, [word], [own])
    ]
    return sorted(found, key=lambda one: _order(one, wanted))


def _order(one: Proposal, wanted: float) -> tuple[float, int, tuple[int, ...]]:
    return -one.predicted * wanted, one.swap.word.position, one.swap.ids


def _ranked(
    reader: Reader, slopes: Slopes, words: Sequence[Word], choices: Sequence[Sequence[Source]]
) -> list[Proposal]:
    """Every word by every source, which are the same for all of these words, of one kind."""
    sources = list(choices[0])
    if not sources:
        return []
    moved = _predicted(reader, slopes, words, sources)
    places = [max(0, word.position - 1) for word in words]
    likelihoods, _ = reader.next_tokens(slopes.hidden[places], [source.ids[0] for source in sources], 1)
    return [
        Proposal(
            Swap(word, source.ids, source.spelling, source.usual),
            float(moved[i, j]),
            float(likelihoods[i, j]),
        )
        for i, word in enumerate(words)
        for j, source in enumerate(sources)
        if source.ids != word.ids and source.spelling.casefold() != word.spelling.casefold()
    ]


def _predicted(reader: Reader, slopes: Slopes, words: Sequence[Word], sources: Sequence[Source]) -> Tensor:
    """First-order change of the metric (word, source)."""
    table = reader.loaded.model.get_input_embeddings()
    tokens = range(len(words[0].ids))
    device = slopes.gradient.device

    def embedded(ids: Sequence[tuple[int, ...]]) -> Tensor:
        """(word, token, d_model)."""
        with torch.no_grad():
            values: Tensor = table(torch.tensor(ids, dtype=torch.long, device=running_device(table)))
        return values.to(device, slopes.gradient.dtype)

    gradient = torch.stack(
        [slopes.gradient[[word.position + token for word in words]] for token in tokens], dim=1
    )
    new, old = embedded([source.ids for source in sources]), embedded([word.ids for word in words])
    return (torch.einsum("wtd,std->ws", gradient, new) - (gradient * old).sum(dim=(1, 2))[:, None]).cpu()
