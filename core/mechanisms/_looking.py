"""Where heads look: attention at the place where each is read, added up by word over the anomalous texts."""

from collections import defaultdict
from collections.abc import Sequence

from torch import Tensor

from core.mechanisms._places import shares_by_word
from core.model.tokens.words import TextWord
from core.schema import Look, SeenWord, WordKind

MOST_WORDS, LEAST_SHARE = 8, 0.02
"""Words that are named, and the mean share over all anomalous texts that they have at least."""
MOST_LOOKS, LEAST_LOOK = 6, 0.02
"""The same for the tokens of one text."""


def seen_words(
    words: Sequence[Sequence[TextWord]], weights: Sequence[Tensor], numbers: Sequence[int]
) -> tuple[SeenWord, ...]:
    """The words that get most attention (key,) in these texts, which have these numbers in the table.

    A word that stands in a text several times gets what all of them get.
    """
    shares: dict[tuple[str, WordKind], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for of_text, attention, number in zip(words, weights, numbers, strict=True):
        for word, share in zip(of_text, shares_by_word(of_text, attention), strict=True):
            shares[word.text, "first" if word.first == 0 else word.kind][number] += share
    seen = [
        SeenWord(
            word=word,
            kind=kind,
            share=round(sum(by_text.values()) / len(by_text), 4),
            texts=tuple(by_text),
            overall=round(sum(by_text.values()) / len(weights), 4),
        )
        for (word, kind), by_text in shares.items()
    ]
    seen.sort(key=lambda word: -word.overall)
    return tuple(word for word in seen[:MOST_WORDS] if word.overall >= LEAST_SHARE)


def looks(attention: Tensor) -> tuple[Look, ...]:
    """The most attended tokens of one text."""
    top = attention.float().topk(min(MOST_LOOKS, len(attention)))
    return tuple(
        Look(token=token, share=round(share, 4))
        for token, share in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        if share >= LEAST_LOOK
    )
