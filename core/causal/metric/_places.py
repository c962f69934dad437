"""Which tokens of the answers carry the gap: the parts of the plain texts, by place in the answer."""

from collections import Counter
from collections.abc import Sequence

from core.causal.metric._metric import Metric
from core.model.loaded_model import LoadedModel
from core.schema import AnswerPlace, AnswerToken, json_number

MOST_PIECES = 3
"""Different tokens of one place that are named, the most frequent ones."""


def answer_tokens_of(metric: Metric, loaded: LoadedModel, kept: Sequence[int]) -> tuple[AnswerToken, ...]:
    """What every token adds to the metric of its text; `kept` gives the number of each text in the user's order."""
    pieces = loaded.pieces([part.token for part in metric.parts])
    return tuple(
        AnswerToken(
            example=kept[part.text],
            side=part.side,
            place=part.place,
            token=part.token,
            piece=piece,
            part=json_number(part.part),
        )
        for part, piece in zip(metric.parts, pieces, strict=True)
    )


def answer_places(metric: Metric, loaded: LoadedModel) -> tuple[AnswerPlace, ...]:
    """The share of the gap that stands at each place of the expected and of the actual answers, the largest first.

    The shares add up to 1: each is the mean of its parts on the anomalous texts less that on the normal ones, over the
    gap. A text without a token at a place has 0 there.
    """
    sides = metric.n_anomalous, len(metric.values) - metric.n_anomalous
    shares: dict[tuple[str, int], float] = {}
    tokens: dict[tuple[str, int], Counter[int]] = {}
    for part in metric.parts:
        key, normal = (part.side, part.place), part.text >= metric.n_anomalous
        shares[key] = shares.get(key, 0.0) + part.part / sides[normal] * (-1 if normal else 1)
        tokens.setdefault(key, Counter())[part.token] += 1
    if not metric.gap:
        return ()
    ordered = sorted(shares, key=lambda key: -abs(shares[key]))
    return tuple(
        AnswerPlace(
            side=side,
            place=place,
            share=json_number(shares[side, place] / metric.gap),
            pieces=tuple(loaded.pieces([token for token, _ in tokens[side, place].most_common(MOST_PIECES)])),
            different=len(tokens[side, place]),
        )
        for side, place in ordered
    )
