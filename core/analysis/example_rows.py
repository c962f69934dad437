"""One record an example: its tokens, what differs from its partner, and what the model says next."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from core.examples.alignment import Alignment
from core.examples.example_set import Example, ExampleSet
from core.model.loading import (
    LoadedModel,
)
from core.model.next_token import most_likely, next_log_probabilities


def example_rows(
    loaded: LoadedModel, examples: ExampleSet, ids: Sequence[Sequence[int]], alignment: Alignment
) -> list[dict[str, Any]]:
    """One record an example: its pieces, which differ from its partner, and what the model says next."""
    log_probabilities = next_log_probabilities(loaded, ids)
    partner = dict(alignment.pairs) | {n: a for a, n in alignment.pairs}
    rows = []
    for index, (example, text) in enumerate(zip(examples.examples, ids, strict=True)):
        other = ids[partner[index]] if index in partner else None
        rows.append(
            {
                "label": example.label,
                "text": example.text,
                "pair": example.pair,
                "pieces": loaded.pieces_in(example.text, list(text)),
                "differs": _differs(text, other),
                **_next(loaded, example, log_probabilities[index], _shares_words(examples, index, partner)),
            }
        )
    return rows


def _shares_words(examples: ExampleSet, index: int, partner: Mapping[int, int]) -> bool:
    """Whether both texts of a pair carry the same words: then these measure the pair and promise nothing of a row."""
    if index not in partner:
        return False
    one, other = examples.examples[index], examples.examples[partner[index]]
    return (one.expected, one.actual) == (other.expected, other.actual)


def _next(loaded: LoadedModel, example: Example, log_probabilities: Tensor, shared: bool) -> dict[str, Any]:
    words = most_likely(loaded, log_probabilities)
    expected, actual = (_word(loaded, word, log_probabilities) for word in (example.expected, example.actual))
    says = words[0].token
    behaves: bool | None = None
    if example.label == "normal" and expected:
        behaves = expected["token"] == says
    elif example.label == "anomalous" and actual and expected:
        behaves = actual["token"] == says or expected["token"] == says
    if shared and not behaves:
        behaves = None
    return {
        "next": [{"piece": word.piece, "probability": word.probability} for word in words],
        "expected": expected,
        "actual": actual,
        "behaves": behaves,
    }


def _word(loaded: LoadedModel, word: str, log_probabilities: Tensor) -> dict[str, Any] | None:
    token = loaded.word_token(word) if word.strip() else None
    if token is None:
        return None
    probability = float(log_probabilities[token].exp())
    return {"token": token, "piece": loaded.pieces([token])[0], "probability": probability}


def _differs(text: Sequence[int], other: Sequence[int] | None) -> list[bool]:
    if other is None:
        return [False] * len(text)
    return [position >= len(other) or token != other[position] for position, token in enumerate(text)]
