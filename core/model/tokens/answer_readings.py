"""How likely a model holds the answers behind texts: each answer's tokens, with the log-probability of each.

The log-probability of an answer is the sum over its tokens, each given the text and the tokens in front of it. The
first token needs what the model says behind the text alone, which is known; longer answers are read behind the text.
"""

from collections.abc import Generator, Sequence
from contextlib import nullcontext
from math import exp
from typing import TypedDict

from torch import Tensor

from core.model.batching import batches_of, tokens_for
from core.model.loaded_model import LoadedModel
from core.model.tokens.answer_tokens import AnswerTokens
from core.model.tokens.continuations import readable
from core.model.tokens.stepping import Inside, steps


class AnswerPiece(TypedDict):
    """A token of an answer as readable text, with its log-probability behind what stands in front of it."""

    token: int
    piece: str
    log_probability: float


class AnswerReading(TypedDict):
    """A whole answer behind one text: plain JSON. `token` is its first token, `piece` the answer as it reads there."""

    token: int
    piece: str
    probability: float
    log_probability: float
    pieces: list[AnswerPiece]


class Difference(TypedDict):
    """Expected against actual answer behind one text, in nats.

    `value` is log p(expected) - log p(actual). Both answers begin with `shared` tokens alike; behind them, `by_place`
    is the difference of the log-probabilities at each place of the answers, and `carried_by` the place, counted from 0
    within the answers, where it is largest in size.
    """

    value: float
    shared: int
    by_place: list[float]
    carried_by: int


Both = tuple[AnswerReading | None, AnswerReading | None]
"""The expected and the actual answer; None where there is none, or no room for it in the model's context."""


def answer_readings(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    answers: Sequence[AnswerTokens],
    first: Sequence[Tensor],
    inside: Inside = nullcontext,
) -> Generator[int, None, list[Both]]:
    """Both answers behind each text (token ids); yields after each forward pass.

    `first` are the log-probabilities (vocabulary,) of the token behind each text, under the same context `inside`.
    """
    rows = [
        (i, tokens)
        for i, both in enumerate(answers)
        for tokens in dict.fromkeys((both.expected, both.actual))
        if tokens and _room(loaded, texts[i], tokens)
    ]
    known = {(i, tokens): [float(first[i][tokens[0]])] for i, tokens in rows}
    longer = [row for row in rows if len(row[1]) > 1]
    lengths = [len(texts[i]) + len(tokens) for i, tokens in longer]
    for batch in batches_of(lengths, range(len(longer)), tokens_for(loaded.device)):
        read = [longer[place] for place in batch]
        given = [tokens for _, tokens in read]
        stepping = steps(loaded, [texts[i] for i, _ in read], max(map(len, given)), inside, given)
        for step, logits in enumerate(stepping):
            for row, of_row in zip(read, logits, strict=True):
                if 0 < step < len(row[1]):
                    known[row].append(float(of_row.log_softmax(dim=-1)[row[1][step]]))
            yield step + 1
    readings = {row: _reading(loaded, texts[row[0]], row[1], values) for row, values in known.items()}
    return [
        (readings.get((i, both.expected)), readings.get((i, both.actual))) for i, both in enumerate(answers)
    ]


def difference_of(both: Both, shared: int) -> Difference | None:
    """The difference of two answers that begin with so many tokens alike; None where there are not two answers."""
    sides = [[piece["log_probability"] for piece in one["pieces"][shared:]] for one in both if one]
    places = range(max(map(len, sides), default=0))
    if len(sides) < len(both) or not places:
        return None
    by_place = [
        sum(side[i] * sign for side, sign in zip(sides, (1, -1), strict=True) if i < len(side))
        for i in places
    ]
    return {
        "value": sum(by_place),
        "shared": shared,
        "by_place": by_place,
        "carried_by": shared + max(places, key=lambda i: abs(by_place[i])),
    }


def _room(loaded: LoadedModel, text: Sequence[int], tokens: Sequence[int]) -> bool:
    limit = loaded.shape.context_length
    return not limit or len(text) + len(tokens) - 1 <= limit


def _reading(
    loaded: LoadedModel, text: Sequence[int], tokens: Sequence[int], log_probabilities: Sequence[float]
) -> AnswerReading:
    total = sum(log_probabilities)
    pieces = loaded.pieces(list(tokens))
    return {
        "token": tokens[0],
        "piece": readable(loaded, text, tokens),
        "probability": exp(total),
        "log_probability": total,
        "pieces": [
            {"token": token, "piece": piece, "log_probability": value}
            for token, piece, value in zip(tokens, pieces, log_probabilities, strict=True)
        ],
    }
