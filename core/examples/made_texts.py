"""Made partners within a set of examples: whose they are, and what becomes of them when the set changes."""

from collections.abc import Iterable

from core.examples.example_set import Example, ExampleSet, Source

MADE: Source = "made"
"""What the column `pair_source` says of a made partner."""


def owner_of(examples: ExampleSet, made: Example) -> Example | None:
    """The given text that a made one belongs to: of its pair, on the other side."""
    return next((e for e in examples.given if e.pair == made.pair and e.label != made.label), None)


def partners_of(examples: ExampleSet, given: Example) -> list[Example]:
    """The made partners of a given text, in order."""
    return [e for e in examples.made if given.pair and e.pair == given.pair and e.label != given.label]


def without_made(examples: ExampleSet) -> ExampleSet:
    """The set as it was before partners were made: the given texts, and of the pairs only those of two given ones."""
    names = {example.pair for example in examples.made}
    both = {e.pair for e in examples.of("anomalous")} & {e.pair for e in examples.of("normal")}
    return examples.with_examples(
        example.model_copy(update={"pair": ""}) if example.pair in names - both else example
        for example in examples.given
    )


def keeping_made(after: ExampleSet, before: ExampleSet) -> tuple[ExampleSet, int]:
    """The changed set with the made partners of the texts that stayed what they were, and how many others went.

    A set that brings made partners itself keeps its own in place of those from before. A partner goes where its text
    was changed, taken away, put on the other side or given a partner, and where its own text was given. One that stays
    has its text's answers, by which it is read.
    """
    source = after if after.made else before
    given = without_made(after.with_examples([*after.given, *source.made])).given
    texts = {example.text for example in given}
    places = {(e.label, e.text): place for place, e in enumerate(given)}
    kept: list[Example] = []
    for made in source.made:
        owner = owner_of(source, made)
        place = None if owner is None else places.get((owner.label, owner.text))
        if place is None or made.text in texts or given[place].pair not in ("", made.pair):
            continue
        given[place] = given[place].model_copy(update={"pair": made.pair})
        answers = {name: getattr(given[place], name) for name in ("expected", "actual")}
        kept.append(made.model_copy(update=answers))
    return after.with_examples([*given, *kept]), len(source.made) - len(kept)


def refusing(examples: ExampleSet, text: str) -> ExampleSet:
    """The set without a made partner, whose text is not to be made again."""
    left = examples.with_examples(e for e in examples.examples if not e.source or e.text != text)
    refused = tuple(dict.fromkeys((*examples.refused, text)))
    return _tidied(left).model_copy(update={"refused": refused})


def with_text(examples: ExampleSet, text: str, edited: Example) -> ExampleSet:
    """The set in which another made text stands in the place of one."""
    return examples.with_examples(
        edited.model_copy(update={"pair": e.pair}) if e.source and e.text == text else e
        for e in examples.examples
    )


def given_first(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The given texts in order, then the made partners.

    A run says of both texts of a pair that the partner is made: the one that stands in front is given.
    """
    seen: set[str] = set()
    given, made = list[Example](), list[Example]()
    for example in examples:
        is_made = example.source == MADE and example.pair in seen
        seen |= {example.pair} - {""}
        (made if is_made else given).append(example.model_copy(update={"source": MADE if is_made else ""}))
    return (*given, *made)


def _tidied(examples: ExampleSet) -> ExampleSet:
    """The set without the names of pairs in which a text stands alone."""
    members = [example.pair for example in examples.examples]
    return examples.with_examples(
        e.model_copy(update={"pair": ""}) if members.count(e.pair) == 1 else e for e in examples.examples
    )
