"""At which token of each text a head is read: where exchanging what it writes matters most."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from core.model.tokens.words import TextWord

LAST_SHARE = 0.5
"""Share of the guessed effect at the end of the texts from which on a head is read there in all of them."""
MOST_NAMED = 3
"""Different words at which a head is read that are named."""


def is_read_at_end(matters: Sequence[Tensor], ends: Sequence[int]) -> bool:
    """Whether at least LAST_SHARE of a head's guessed effects (position,), over all texts, stands at their ends.

    Effects at other positions against the sum's own sign make the share no larger: sizes are added, not values.
    """
    sizes = sum(float(of_text.abs().sum()) for of_text in matters)
    last = sum(float(of_text[end:].abs().sum()) for of_text, end in zip(matters, ends, strict=True))
    return last >= LAST_SHARE * sizes


def places(matters: Sequence[Tensor], ends: Sequence[int], at_end: bool) -> list[int]:
    """The position of each text at which the head is read: its end, or where the guess is largest by the sum's sign."""
    if at_end:
        return list(ends)
    sign = 1 if sum(float(of_text.sum()) for of_text in matters) >= 0 else -1
    return [
        int((sign * of_text[: end + 1]).argmax()) if len(of_text) else end
        for of_text, end in zip(matters, ends, strict=True)
    ]


def place_names(words: Sequence[Sequence[TextWord]], at: Sequence[int]) -> str:
    """The words at these tokens, the most frequent first; marks and the like only where no word is among them."""
    all_words = [word_at(of_text, token) for of_text, token in zip(words, at, strict=True)]
    names = Counter(word.text for word in all_words if word.kind == "word") or Counter(
        word.text for word in all_words
    )
    return ", ".join(name for name, _ in names.most_common(MOST_NAMED))


def word_at(words: Sequence[TextWord], token: int) -> TextWord:
    """The word that a token belongs to; the last one for a token behind them, which an answer begins."""
    return next((word for word in words if word.first <= token <= word.last), words[-1])


def shares_by_word(words: Sequence[TextWord], weights: Tensor) -> list[float]:
    """The attention (word,) of the tokens of each word together, from that of the tokens (key,)."""
    sums = torch.cat([torch.zeros(1), weights.float().cumsum(0)])
    last = len(weights) - 1
    return [float(sums[min(word.last, last) + 1] - sums[min(word.first, last + 1)]) for word in words]
