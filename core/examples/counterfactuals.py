"""Partners made from the user's own texts: copies with a few tokens exchanged that behave as the other side does.

`core.causal.partner_search` finds them with a model; here is what they are, and what they say in words.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.examples.example_set import Example, ExampleSet

Direction = Literal["anomalous", "normal"]
"""The side whose texts are changed: `anomalous` asks what makes the behaviour go, `normal` what would set it off."""

State = Literal["computed", "no_difference", "no_gradient"]
"""Whether partners were searched for, or why not: the sides do not differ, or no gradient reaches the words."""

Reason = Literal["behaves_as_other_side", "nothing_to_exchange", "no_exchange"]
"""Why a text has no partner: its metric stands at the other side's level already, no word of it may be exchanged, or
no exchange closes enough of the distance and stays readable.
"""

MADE_PAIR = "made-{number}"
"""Pair name of a text that had none; `number` counts the texts of the set from 1."""


@dataclass(frozen=True)
class Exchange:
    """One word of a text exchanged: tokens `old`, from `position` on, by as many tokens `new`.

    The pieces are the two words as the texts spell them.
    """

    position: int
    old: tuple[int, ...]
    new: tuple[int, ...]
    old_piece: str
    new_piece: str


@dataclass(frozen=True)
class Counterfactual:
    """A text with some words exchanged, and what that does.

    `of` is the number of the text in the set, `ids` are the tokens that the model reads, as many as of the text.
    `value` is the metric, read as that of the text; `closes` the share that it has covered of the way from the text's
    own metric to the level of the other side (1 is that level). `log_likelihood` are nats of the exchanged tokens in
    their places, `log_likelihood_before` those of the tokens that stood there. `example` is the made text; `changes`
    says whether the model says another word first behind it.
    """

    of: int
    ids: tuple[int, ...]
    exchanges: tuple[Exchange, ...]
    closes: float
    value: float
    log_likelihood: float
    log_likelihood_before: float
    example: Example
    changes: bool = True


@dataclass(frozen=True)
class Partners:
    """What a search has found: `made`, the best of each text first, and by number of a text why it is `without` one.

    `examples` is the set with the pair names filled and the made texts behind the user's. `forward_passes` counts
    single texts read, `backward_passes` gradients of single texts.
    """

    direction: Direction
    examples: ExampleSet
    made: tuple[Counterfactual, ...] = ()
    without: dict[int, Reason] = field(default_factory=dict)
    forward_passes: int = 0
    backward_passes: int = 0
    state: State = "computed"

    def of(self, text: int) -> list[Counterfactual]:
        """The partners of one text of the set, best first."""
        return [one for one in self.made if one.of == text]


@dataclass(frozen=True)
class TriggerWord:
    """A word that exchanges take out of texts: what takes its place, with how often, and in which texts of the set.

    `closes` is the mean share of the way to the other side; `alone` says in how many of the texts it suffices without
    a second word.
    """

    old: str
    new: tuple[tuple[str, int], ...]
    texts: tuple[int, ...]
    closes: float
    alone: int


def trigger_words(partners: Partners) -> list[TriggerWord]:
    """The exchanged words, merged over texts, those of most texts first.

    Those after which the model still says the same do not count. A word counts once a text. Upper and lower case count
    as one word, shown as it is written most often.
    """
    by_word: dict[str, list[tuple[Exchange, Counterfactual]]] = {}
    for made in (made for made in partners.made if made.changes):
        for exchange in made.exchanges:
            by_word.setdefault(exchange.old_piece.casefold(), []).append((exchange, made))
    words = [_trigger(found) for found in by_word.values()]
    return sorted(words, key=lambda word: (-len(word.texts), -word.alone, -word.closes, word.old))


def _trigger(found: Sequence[tuple[Exchange, Counterfactual]]) -> TriggerWord:
    replaced = {(made.of, exchange.new_piece) for exchange, made in found}
    return TriggerWord(
        old=_most_frequent(exchange.old_piece for exchange, _ in found)[0][0],
        new=tuple(_most_frequent(piece for _, piece in replaced)),
        texts=tuple(sorted({made.of for _, made in found})),
        closes=sum(made.closes for _, made in found) / len(found),
        alone=len({made.of for _, made in found if len(made.exchanges) == 1}),
    )


def _most_frequent(pieces: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(pieces).items(), key=lambda counted: (-counted[1], counted[0]))


def with_made(examples: ExampleSet, made: Sequence[Counterfactual]) -> ExampleSet:
    """The set with the made texts behind its own; each stands in the pair of the text that it was made of."""
    pairs = {one.of: examples.examples[one.of].pair or _new_pair(examples, one.of) for one in made}
    given = [
        example.model_copy(update={"pair": pairs.get(number, example.pair)})
        for number, example in enumerate(examples.examples)
    ]
    added = [one.example.model_copy(update={"pair": pairs[one.of]}) for one in made]
    return examples.with_examples([*given, *added])


def _new_pair(examples: ExampleSet, text: int) -> str:
    """A pair name that no text of the set has."""
    name, taken = MADE_PAIR.format(number=text + 1), {example.pair for example in examples.examples}
    while name in taken:
        name += "+"
    return name
