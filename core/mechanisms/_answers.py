"""The answers of the behaviour: which words the fault makes likelier and which should come, and their first tokens.

Of a text that names both answers they are those, at the first token where the two part. A text that names none is told
by the likeliest next token behind it (`up`) and behind the text that it is compared with (`down`), or, where it has no
partner, behind most of the normal texts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from core.examples.alignment import Alignment
from core.examples.example_set import Example
from core.model.loaded_model import LoadedModel
from core.model.tokens.answer_tokens import answer_tokens
from core.schema import Answer

Way = Literal["up", "down"]
MOST_ANSWERS = 12


@dataclass(frozen=True)
class Ending:
    """One anomalous text: the answers that it may end with, as words with the token that tells them; or nothing."""

    up: tuple[str, int] | None = None
    down: tuple[str, int] | None = None
    shared: int = 0

    def ways(self) -> dict[Way, tuple[str, int]]:
        """The answers that there are."""
        both: tuple[tuple[Way, tuple[str, int] | None], ...] = (("up", self.up), ("down", self.down))
        return {way: word for way, word in both if word is not None}


def endings(
    loaded: LoadedModel,
    examples: Sequence[Example],
    texts: Sequence[Sequence[int]],
    alignment: Alignment,
    log_probabilities: Tensor,
) -> list[Ending]:
    """The answers of each compared anomalous text; `log_probabilities` (text, vocabulary) are of the whole set."""
    likeliest = log_probabilities.argmax(dim=-1).tolist()
    normal = Counter(likeliest[i] for i in alignment.kept[alignment.n_anomalous :])
    partner = dict(alignment.pairs)
    result = []
    for number in alignment.kept[: alignment.n_anomalous]:
        own = examples[number]
        if not (own.expected.strip() and own.actual.strip()) and number in partner:
            own = examples[partner[number]]
        named = _named(loaded, own, texts[number], log_probabilities[number])
        if named is None:
            other = likeliest[partner[number]] if number in partner else normal.most_common(1)[0][0]
            named = _said(loaded, likeliest[number], other)
        result.append(named)
    return result


def _named(loaded: LoadedModel, example: Example, text: Sequence[int], after: Tensor) -> Ending | None:
    """The named answers; None where the example does not name two that differ."""
    if not (example.expected.strip() and example.actual.strip()):
        return None
    tokens = answer_tokens(loaded, text, example.expected, example.actual, after)
    if not tokens.differ:
        return None
    shared = tokens.shared
    ways = [
        (answer.strip(), ids[shared]) if len(ids) > shared else None
        for answer, ids in ((example.actual, tokens.actual), (example.expected, tokens.expected))
    ]
    return Ending(ways[0], ways[1], shared)


def _said(loaded: LoadedModel, own: int, other: int) -> Ending:
    pieces = [piece.strip() or piece for piece in loaded.pieces([own, other])]
    return Ending((pieces[0], own), (pieces[1], other)) if own != other else Ending((pieces[0], own))


def answers_of(
    ends: Sequence[Ending],
    pushes: Sequence[Mapping[Way, np.ndarray]],
    units: Sequence[str],
    numbers: Sequence[int],
) -> tuple[Answer, ...]:
    """Answers by word and direction, those of most texts first; `pushes` by text hold (unit,) logits of each way."""
    texts: dict[tuple[str, Way], list[int]] = {}
    sums: dict[tuple[str, Way], list[np.ndarray]] = {}
    for place, (end, pushed) in enumerate(zip(ends, pushes, strict=True)):
        for way, (word, _) in end.ways().items():
            texts.setdefault((word, way), []).append(numbers[place])
            sums.setdefault((word, way), [])
            if way in pushed:
                sums[word, way].append(pushed[way])
    answers = [
        Answer(
            word=word,
            direction=way,
            texts=tuple(of_word),
            pushes={
                unit: round(float(value), 4)
                for unit, value in zip(units, np.mean(sums[word, way], axis=0), strict=True)
                if np.isfinite(value)
            }
            if sums[word, way]
            else {},
        )
        for (word, way), of_word in texts.items()
    ]
    answers.sort(key=lambda answer: (-len(answer.texts), -max(map(abs, answer.pushes.values()), default=0.0)))
    return tuple(answers[:MOST_ANSWERS])
