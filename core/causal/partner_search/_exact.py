"""Exchanges in one text, read exactly: in rounds, and several together where no single one suffices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.causal.partner_search._proposals import Barred, Proposal
from core.causal.partner_search._reading import FOLLOWING, Changed, Read, Reader, Slopes
from core.causal.partner_search._words import Reading, Swap, made_example, reads_back, swapped_ids
from core.examples.counterfactuals import Counterfactual
from core.examples.example_set import ExampleSet

SUFFICIENT = 0.6
"""Share of the distance to the other side's mean metric that a partner closes at least."""

TOGETHER = 16
MOST_A_WORD = 6
"""Exchanges read exactly in one round, and of one word of a text where it has many."""

MOST_COMBINED = 8
MOST_EXCHANGES = 3
"""Best single exchanges that are combined, and how many of them at most."""

FLOOR = 0.05
"""Share of the tokens of all texts that are less likely than a token of an exchanged word may be."""


@dataclass(frozen=True)
class Tried:
    """Exchanges that were read: the share of the distance that they close, whether the text stays readable, by how many
    nats it gets likelier, and, where they suffice and give a text that is not there yet, the partner.
    """

    swaps: tuple[Swap, ...]
    closes: float
    readable: bool
    likelihood: float
    partner: Counterfactual | None = None


@dataclass(frozen=True)
class TextSearch:
    """What is known of one text, at a place of the metric's texts, in front of the exact runs.

    `value` is its metric, `level` that of the other side, `says` the likeliest next token. Where the metric is that of
    the `own_word`, a partner has to say another one; elsewhere its answers must keep log p of `answered` together, as
    they do on the other side. `own` (position,) log p of its tokens, nan for the first, and `floor` that of the
    unlikeliest tokens of all texts. `taken` are the texts that are there already.
    """

    reader: Reader
    examples: ExampleSet
    place: int
    reading: Reading
    slopes: Slopes
    barred: Barred
    value: float
    level: float
    says: int
    own_word: bool
    answered: float
    own: np.ndarray
    floor: float
    taken: frozenset[str]

    def singles(self, found: Sequence[Proposal], most: int, enough: int) -> list[Tried]:
        """The most promising exchanges, in rounds until `enough` words of the text have one that suffices."""
        counts: dict[int, int] = {}
        chosen: list[Proposal] = []
        words = len({one.swap.word.position for one in found})
        for one in found:
            position = one.swap.word.position
            if counts.get(position, 0) >= max(MOST_A_WORD, most // words):
                continue
            if position and one.log_likelihood < self._allowed(one.swap):
                continue
            if not reads_back(self.reader.loaded, self.reading, [one.swap]):
                continue
            counts[position] = counts.get(position, 0) + 1
            chosen.append(one)
            if len(chosen) == most:
                break
        tried: list[Tried] = []
        for start in range(0, len(chosen), TOGETHER):
            tried += self._read([(one.swap,) for one in chosen[start : start + TOGETHER]])
            if len({one.swaps[0].word.position for one in tried if one.partner}) >= enough:
                break
        return tried

    def combined(self, tried: Sequence[Tried]) -> list[Tried]:
        """The best of the single exchanges made together, one more at a time, until they suffice."""
        best: list[Tried] = []
        for one in sorted(tried, key=lambda one: -one.closes):
            if one.readable and all(one.swaps[0].word != other.swaps[0].word for other in best):
                best.append(one)
        if len(best) < 2:
            return []
        best, together, every = best[:MOST_COMBINED], best[0], list[Tried]()
        for _ in range(MOST_EXCHANGES - 1):
            there = {swap.word.position for swap in together.swaps}
            more = [(*together.swaps, *one.swaps) for one in best if one.swaps[0].word.position not in there]
            read = self._read(
                [swaps for swaps in more if reads_back(self.reader.loaded, self.reading, swaps)]
            )
            every += read
            if not read or any(one.partner for one in read):
                break
            together = max(read, key=lambda one: one.closes)
        return every

    def _allowed(self, swap: Swap) -> float:
        """log p below which an exchanged word is not readable in its place."""
        before = float(np.nansum(self.own[swap.word.position : swap.word.end]))
        return min(before, self.floor * len(swap.ids), swap.usual)

    def _read(self, swaps: Sequence[tuple[Swap, ...]]) -> list[Tried]:
        changed = [
            Changed(
                self.place,
                swapped_ids(self.reading, of),
                tuple((swap.word.position, swap.word.end) for swap in of),
            )
            for of in swaps
        ]
        return [self._judged(*both) for both in zip(swaps, self.reader.read(changed), strict=True)]

    def _judged(self, swaps: tuple[Swap, ...], read: Read) -> Tried:
        closes = (read.value - self.value) / (self.level - self.value)
        places = [(swap.word.position, swap.word.end) for swap in swaps]
        before = sum(float(np.nansum(self.own[first:last])) for first, last in places)
        following = sum(float(np.nansum(self.own[last : last + FOLLOWING])) for _, last in places)
        likely = read.exchanged >= sum(map(self._allowed, swaps))
        readable = likely and read.following >= following + self.floor * len(swaps)
        answers = not read.answered < self.answered  # true where there are none
        other = read.says != self.says or not self.own_word
        sufficient = readable and closes >= SUFFICIENT and other and answers
        partner = self._partner(swaps, read, closes, before) if sufficient else None
        likelihood = read.exchanged - before + read.following - following
        return Tried(swaps, closes, readable, likelihood, partner)

    def _partner(
        self, swaps: tuple[Swap, ...], read: Read, closes: float, before: float
    ) -> Counterfactual | None:
        example = made_example(self.reader.loaded, self.examples, self.reading, swaps)
        if example is None or example.text in self.taken:
            return None
        return Counterfactual(
            of=self.reading.number,
            ids=swapped_ids(self.reading, swaps),
            exchanges=tuple(swap.exchange() for swap in sorted(swaps, key=lambda swap: swap.word.position)),
            closes=closes,
            value=read.value,
            log_likelihood=read.exchanged,
            log_likelihood_before=before,
            example=example,
            changes=read.says != self.says,
        )
