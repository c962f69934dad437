"""The search over the texts of a side; its steps are in the package's docstring."""

from collections.abc import Collection, Generator, Sequence

import numpy as np

from core.causal.metric import Metric, metric_of_sides
from core.causal.partner_search._exact import FLOOR, TOGETHER, TextSearch, Tried
from core.causal.partner_search._levels import answered, levels_of
from core.causal.partner_search._proposals import Barred, likely_proposals, proposals, sources_of
from core.causal.partner_search._reading import Reader
from core.causal.partner_search._words import UNREADABLE, reading_of
from core.examples.alignment import Alignment
from core.examples.checks.words import is_mark, words_of
from core.examples.counterfactuals import Counterfactual, Direction, Partners, Reason, State, with_made
from core.examples.example_set import ExampleSet
from core.model.recording import Recording

OWN_SIDE = 0.25
"""A text whose metric stands nearer to its level than this share of the mean way to it behaves as the other side."""

LESS_LIKELY = 3.0
"""Nats by which a further partner of a text may be less likely than its first."""

ANSWERED_LESS = 1.0
"""Nats by which the answers together may be less likely behind a partner than behind the texts of the other side."""

MOST_TRIED = 64
MOST_LIKELY_TRIED = 32
"""Exchanges read exactly, by words of the texts and by likely tokens."""


def make_partners(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    metric: Metric,
    seed: int,
    *,
    per_text: int = 4,
    direction: Direction = "anomalous",
    texts: Collection[int] | None = None,
) -> Generator[int, None, Partners]:
    """Partners of the texts of one side, or of these `texts` of it; yields how many texts are done after each.

    `recording` is of all examples, `metric` of the compared ones in the order of the alignment. The same inputs give
    the same partners; nothing is drawn, so that `seed` changes nothing. About 50 single texts are read a text, and at
    most MOST_TRIED + MOST_LIKELY_TRIED + 2 * MOST_COMBINED + 3; more where the answers of a text take several rows.
    """
    if not metric.differs:
        return Partners(direction, examples, state="no_difference")
    count, kept = alignment.n_anomalous, alignment.kept
    sides = range(count), range(count, len(kept))
    if direction == "normal" and metric.kind == "own_word":
        # along the directions of the normal texts nothing is told of what the anomalous ones say: the sides change
        metric = metric_of_sides(recording, examples, kept[count:], kept[:count], seed)
        kept, sides = (*kept[count:], *kept[:count]), (range(0), range(len(kept) - count))
    search = _Search(recording, examples, kept, metric)
    made: list[Counterfactual] = []
    without: dict[int, Reason] = {}
    side = sides[direction == "normal"]
    asked = [place for place in side if texts is None or kept[place] in texts]
    for done, place in enumerate(asked, start=1):
        found = search.partners(place, per_text)
        if isinstance(found, str):
            without[kept[place]] = found
        else:
            made += found
        yield done
    state: State = "no_gradient" if search.no_gradient and not made else "computed"
    cost = search.reader.forward_passes, search.reader.backward_passes
    return Partners(direction, with_made(examples, made), tuple(made), without, *cost, state)


class _Search:
    """What the texts of a set have in common."""

    def __init__(
        self,
        recording: Recording,
        examples: ExampleSet,
        kept: Sequence[int],
        metric: Metric,
    ) -> None:
        self.examples, self.metric = examples, metric
        self.reader = Reader(recording.loaded, metric)
        log_probabilities = recording.of(kept).log_probabilities()
        self.levels = levels_of(metric, log_probabilities)
        own_side = slice(None, metric.n_anomalous)
        self.distance = float((metric.values - self.levels)[own_side].mean())
        self.readings = [
            reading_of(recording.loaded, examples, number, recording.texts[number]) for number in kept
        ]
        self.own = self.reader.likelihoods([reading.ids for reading in self.readings])
        self.answered = np.array([answered(metric, i, p) for i, p in enumerate(log_probabilities)])
        self.sources = sources_of(self.readings, self.own)
        tokens = [
            likelihoods[word.position : word.end]
            for reading, likelihoods in zip(self.readings, self.own, strict=True)
            for word in reading.words
        ]
        every = np.concatenate([*tokens, [np.nan]])
        self.floor = -np.inf if np.isnan(every).all() else float(np.nanquantile(every, FLOOR))
        self.likeliest = log_probabilities.argmax(dim=-1).tolist()
        self.taken = {example.text for example in examples.examples} | set(examples.refused)
        self.no_gradient = False

    def partners(self, place: int, per_text: int) -> list[Counterfactual] | Reason:
        """The partners of the text at this place of the alignment, or why it has none."""
        value, level = float(self.metric.values[place]), float(self.levels[place])
        side = 1.0 if place < self.metric.n_anomalous else -1.0
        if not self.distance or (value - level) / self.distance * side < OWN_SIDE:
            return "behaves_as_other_side"
        text = self._text(place, value)
        if text is None:
            return "nothing_to_exchange"
        mine = self.reader, text.reading, text.slopes, self.sources, text.barred
        wanted = float(np.sign(level - value))
        # where answers take several rows a text, as many rows are read for fewer exchanges
        rows = max(1, len(self.metric.rows_of([place])))
        most, most_likely = (max(TOGETHER, most // rows) for most in (MOST_TRIED, MOST_LIKELY_TRIED))
        tried = text.singles(proposals(*mine, wanted), most, per_text)
        if not any(one.partner for one in tried):
            tried += text.singles(likely_proposals(*mine, wanted), most_likely, per_text)
        if not any(one.partner for one in tried):
            tried += text.combined(tried)
        kept = _kept(tried, per_text)
        self.taken |= {one.example.text for one in kept}
        return kept or ("no_exchange" if tried else "nothing_to_exchange")

    def _text(self, place: int, value: float) -> TextSearch | None:
        """What is to be known of one text; None where it has no words, or no gradient."""
        reading = self.readings[place]
        slopes = self.reader.slopes(place) if reading.words else None
        if slopes is None:
            self.no_gradient |= bool(reading.words)
            return None
        return TextSearch(
            reader=self.reader,
            examples=self.examples,
            place=place,
            reading=reading,
            slopes=slopes,
            barred=self._barred(place),
            value=value,
            level=float(self.levels[place]),
            says=self.likeliest[place],
            own_word=self.metric.kind == "own_word",
            answered=self._least_answered(place),
            own=self.own[place],
            floor=self.floor,
            taken=frozenset(self.taken),
        )

    def _least_answered(self, place: int) -> float:
        """log p of the answers below which a text says something that has nothing to do with either side."""
        count = self.metric.n_anomalous
        other = self.answered[count:] if place < count else self.answered[:count]
        usual = float(other.mean()) if len(other) else np.nan
        return min(float(self.answered[place]), usual) - ANSWERED_LESS

    def _barred(self, place: int) -> Barred:
        """The words of the answers that a text is read by, and what the model itself says behind it."""
        example = self.readings[place].example
        said = [word for answer in (example.expected, example.actual) for word in words_of(answer)]
        directions = self.metric.directions
        tokens = {self.likeliest[place]}
        for number in self.metric.rows_of([place]):
            for read in self.metric.rows[number].reads:
                if directions.tokens is not None:
                    weighed = directions.weights[read.direction] != 0
                    tokens |= set(directions.tokens[read.direction][weighed].tolist())
        pieces = dict(zip(sorted(tokens), self.reader.loaded.pieces(sorted(tokens)), strict=True))
        # a byte of a character, or a mark, is in many words
        whole = {
            token: piece
            for token, piece in pieces.items()
            if UNREADABLE not in piece and not is_mark(piece.strip())
        }
        said += [word for piece in whole.values() for word in words_of(piece)]
        return Barred(frozenset(word for word in said if not is_mark(word)), frozenset(whole))


def _kept(tried: Sequence[Tried], per_text: int) -> list[Counterfactual]:
    """Those after which the model says something else first, of them those with the fewest words exchanged, of these
    the likeliest, each of other words.

    An exchange that reads much worse than another often does something else than to take the cause away.
    """
    sufficient = [one for one in tried if one.partner is not None]
    changing = [one for one in sufficient if one.partner and one.partner.changes]
    ordered = sorted(changing or sufficient, key=lambda one: (len(one.swaps), -one.likelihood))
    kept: list[Counterfactual] = []
    there: set[int] = set()
    for one in ordered:
        positions = {swap.word.position for swap in one.swaps}
        near = one.likelihood >= ordered[0].likelihood - LESS_LIKELY
        if one.partner is not None and near and len(kept) < per_text and there.isdisjoint(positions):
            kept.append(one.partner)
            there |= positions
    return kept
