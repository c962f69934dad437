"""What the model reads to know a metric: each text, and behind it the answer tokens that are read along.

An answer's log-probability is the sum over its tokens, each read behind the text and the tokens in front of it. So a
metric asks for weights on next tokens behind some beginnings of answers. A token that both answers of a text begin
with has the weights +1 and -1, which cancel, so a common beginning is only read along. A row is read through to the
longest of the beginnings that it holds, and every beginning is read in one row alone: two answers take one row where
the rest of the shorter one has at most one token, else two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from core.model.next_token import at_least_float

Tokens = tuple[int, ...]
Words = tuple[tuple[Tokens, ...], tuple[Tokens, ...]]
"""Expected and actual answers of one text: the mean over the first counts against the mean over the second."""

MOST_WORDS = 32
"""Words of a direction up to which their logits alone are computed."""

Weights = Mapping[int, Fraction]
"""Weights of next tokens."""


@dataclass(frozen=True)
class Read:
    """What is read behind the token at `position` of a row: a number in the `Directions` of the metric."""

    position: int
    direction: int


@dataclass(frozen=True)
class Row:
    """The tokens `ids` that the model reads for one text: the text, its first `start` tokens, and answer tokens."""

    text: int
    ids: Tokens
    start: int
    reads: tuple[Read, ...]

    @property
    def answer(self) -> Tokens:
        """The answer tokens that are read along."""
        return self.ids[self.start :]

    def first_change(self, other: Tokens) -> int:
        """The first position that must be read anew where a run takes something from a row of these tokens.

        The first in which the two differ, or an earlier one that is read; 0 where they are of different lengths.
        """
        read = min((read.position for read in self.reads), default=len(self.ids) - 1)
        if len(other) != len(self.ids):
            return 0
        differ = (place for place, (own, its) in enumerate(zip(self.ids, other, strict=True)) if own != its)
        return min(next(differ, read), read)


class Directions:
    """Weights (direction, token) of the log-probabilities of next tokens.

    `tokens` (direction, token) are the tokens that they belong to, all of the vocabulary where it is None. `totals`
    (direction,) are the sums of the weights: where one is 0, logits do in place of log-probabilities.
    """

    def __init__(self, weights: Tensor, tokens: Tensor | None = None, totals: Tensor | None = None) -> None:
        self.weights, self.tokens = weights, tokens
        self.totals = torch.zeros(len(weights)) if totals is None else totals

    def read(self, logits: Tensor, which: Sequence[int]) -> Tensor:
        """What logits or log-probabilities (read, vocabulary) are along these directions (read,)."""
        chosen, numbers = at_least_float(logits), list(which)
        totals = self.totals[numbers].to(logits.device)
        normalised = bool(self.totals[numbers].any())
        normaliser = chosen.logsumexp(dim=-1) * totals if normalised else None
        if self.tokens is not None:
            chosen = chosen.gather(-1, self.tokens[numbers].to(logits.device))
        values = self.along(chosen, which)
        return values if normaliser is None else values - normaliser

    def words(self, which: Sequence[int]) -> Tensor | None:
        """The words (read, word) whose logits are all that these directions ask for; None where they ask for more."""
        numbers = list(which)
        if self.tokens is None or self.tokens.shape[1] > MOST_WORDS or bool(self.totals[numbers].any()):
            return None
        return self.tokens[numbers]

    def along(self, chosen: Tensor, which: Sequence[int]) -> Tensor:
        """Sums (read,) of the logits of these directions' own words (read, word), by their weights."""
        return (at_least_float(chosen) * self.weights[list(which)].to(chosen.device)).sum(dim=-1)


def rows_of(texts: Sequence[Sequence[int]], words: Sequence[Words]) -> tuple[list[Row], Directions]:
    """The rows of texts (token ids), in their order, with the answers that each is read by."""
    rows: list[Row] = []
    numbers: dict[tuple[tuple[int, Fraction], ...], int] = {}
    for text, (ids, of_text) in enumerate(zip(texts, words, strict=True)):
        behind = weights_behind(of_text)
        left = dict(behind)
        # a text whose weights all cancel is still there, and reads nothing
        for longest in _longest(behind) or [()]:
            begun = [longest[:count] for count in range(len(longest) + 1) if longest[:count] in left]
            reads = [
                Read(len(ids) - 1 + len(beginning), _number(numbers, left.pop(beginning)))
                for beginning in begun
            ]
            rows.append(Row(text, (*ids, *longest), len(ids), tuple(reads)))
    return rows, _directions(list(numbers))


def weights_behind(words: Words) -> dict[Tokens, Weights]:
    """By beginning of an answer, the weights of the tokens that may follow; what cancels is left out."""
    behind: dict[Tokens, dict[int, Fraction]] = {}
    for answers, sign in zip(words, (1, -1), strict=True):
        for answer in answers:
            for place, token in enumerate(answer):
                of_beginning = behind.setdefault(answer[:place], {})
                of_beginning[token] = of_beginning.get(token, Fraction(0)) + Fraction(sign, len(answers))
    kept = {
        beginning: {token: weight for token, weight in weights.items() if weight}
        for beginning, weights in behind.items()
    }
    return {beginning: weights for beginning, weights in kept.items() if weights}


def _longest(beginnings: Iterable[Tokens]) -> list[Tokens]:
    """Those that no other of them begins with."""
    every = list(beginnings)
    inner = {other[:count] for other in every for count in range(len(other))}
    return [beginning for beginning in every if beginning not in inner]


def _number(numbers: dict[tuple[tuple[int, Fraction], ...], int], weights: Weights) -> int:
    return numbers.setdefault(tuple(weights.items()), len(numbers))


def _directions(weights: Sequence[tuple[tuple[int, Fraction], ...]]) -> Directions:
    """Padded to the same number of tokens, with weight 0."""
    width = max(map(len, weights), default=1)
    padded = [[*of_one, *[(of_one[0][0], Fraction(0))] * (width - len(of_one))] for of_one in weights]
    return Directions(
        torch.tensor([[float(weight) for _, weight in of_one] for of_one in padded]),
        torch.tensor([[token for token, _ in of_one] for of_one in padded], dtype=torch.long),
        torch.tensor([float(sum(weight for _, weight in of_one)) for of_one in padded]),
    )
