"""Pairs of a behaviour in the tokens of one model.

Generators know words, not tokens: a pair is kept where both its texts have the same number of tokens and no earlier
pair is the same. Which pairs these are depends on the tokenizer and the seed alone, never on what the model says.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from core.model.loaded_model import LoadedModel
from core.scenarios.build.tasks import TaskPair

Generator = Callable[[Random], TaskPair]

TRIES = 20_000
"""Pairs that are made in a row without one to keep before the drawing is given up."""

LOOKED, LOOK_SEED = 200, 5
"""Pairs from which the usual number of tokens is read, and their seed."""


class Drawing:
    """Draws pairs of one behaviour; the same numbers give the same pairs."""

    def __init__(self, loaded: LoadedModel, generator: Generator) -> None:
        self._loaded, self._generator = loaded, generator
        self._usual = 0

    def natural(self, name: str, count: int, seed: int) -> list[TaskPair]:
        """`count` different pairs as they come, of any number of tokens. Raises ValueError where there are fewer."""
        return [pair for pair, _ in self._kept(name, count, seed)]

    def alike(self, name: str, count: int, seed: int) -> list[TaskPair]:
        """`count` different pairs with the usual number of tokens. Raises ValueError where there are fewer."""
        if not self._usual:
            lengths = Counter(length for _, length in self._kept(name, LOOKED, LOOK_SEED))
            self._usual = max(lengths, key=lambda length: (lengths[length], -length))
        return [pair for pair, _ in self._kept(name, count, seed, self._usual)]

    def _kept(
        self, name: str, count: int, seed: int, length: int | None = None
    ) -> Iterator[tuple[TaskPair, int]]:
        """Pairs with their numbers of tokens, of `length` tokens where it is given."""
        random, seen = Random(f"{name} {seed}"), set()
        for _ in range(count):
            for _ in range(TRIES):
                pair = self._generator(random)
                texts = pair.anomalous, pair.normal
                tokens = {len(self._loaded.encode(text)) for text in texts}
                if texts not in seen and len(tokens) == 1 and tokens <= {length or max(tokens)}:
                    break
            else:
                raise ValueError(
                    f"fewer than {count} different pairs of {name} have the same number of tokens"
                )
            seen.add(texts)
            yield pair, tokens.pop()
