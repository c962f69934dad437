"""Noise on the tokens of training tickets."""

from collections.abc import Sequence
from random import Random

from transformers import PreTrainedTokenizerFast

from core.scenarios.build.tickets import LANGUAGES, compared_words, departments

LARGEST_RATE = 0.6
"""Largest share of a ticket's tokens that is changed; the share is drawn anew for every ticket, often 0."""


class Noise:
    """Replaces, drops and inserts tokens of a ticket, but never one of the compared words or of the frame.

    Without it the model learns the few hundred training sentences by heart and fails on unseen ones.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        words = [word for language in LANGUAGES for word in compared_words(language) + departments(language)]
        self._untouched = {tokenizer.encode(word)[0] for word in words}
        self._others = [token for token in range(1, len(tokenizer)) if token not in self._untouched]
        self._random = Random(seed)

    def __call__(self, ids: Sequence[int]) -> list[int]:
        rate = max(0.0, self._random.uniform(-LARGEST_RATE, LARGEST_RATE))
        body = [changed for token in ids[2:-2] for changed in self._change(token, rate)]
        return [*ids[:2], *body, *ids[-2:]]

    def _change(self, token: int, rate: float) -> list[int]:
        chance = self._random.random()
        if token in self._untouched or chance > rate:
            return [token]
        other = self._random.choice(self._others)
        return [other] if chance < rate / 2 else self._random.choice([[], [other, token]])
