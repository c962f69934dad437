"""What a person may do about texts: put them on the other side, or leave them out. Both undo their pairs."""

from collections.abc import Collection, Iterable

from core.examples.example_set import LABELS, Example, ExampleSet


def moved(examples: ExampleSet, rows: Collection[int]) -> ExampleSet:
    """The texts of these indices as the last ones of the other side; their pairs are undone."""
    own = [examples.examples[row] for row in sorted(rows)]
    others = [next(label for label in LABELS if label != example.label) for example in own]
    turned = [
        example.model_copy(update={"label": other, "pair": ""})
        for example, other in zip(own, others, strict=True)
    ]
    return _numbered(examples, [*_without(examples, rows), *turned])


def dropped(examples: ExampleSet, rows: Collection[int]) -> ExampleSet:
    """The set without the texts of these indices; their partners are no longer paired."""
    return _numbered(examples, _without(examples, rows))


def parted(examples: ExampleSet, rows: Collection[int]) -> int:
    """How many pairs of the user's own are undone where these texts are moved or left out."""
    return len({examples.examples[row].pair for row in rows} - {""})


def _without(examples: ExampleSet, rows: Collection[int]) -> list[Example]:
    pairs = {examples.examples[row].pair for row in rows} - {""}
    return [
        example.model_copy(update={"pair": ""}) if example.pair in pairs else example
        for index, example in enumerate(examples.examples)
        if index not in rows
    ]


def _numbered(before: ExampleSet, after: Iterable[Example]) -> ExampleSet:
    """Lines counted anew where they counted the texts of each side; lines of a file stay what they were."""
    changed = before.with_examples(after)
    if any([e.line for e in before.of(label)] != [*range(1, before.count(label) + 1)] for label in LABELS):
        return changed
    counts = dict.fromkeys(LABELS, 0)
    numbered = []
    for example in changed.examples:
        counts[example.label] += 1
        numbered.append(example.model_copy(update={"line": counts[example.label]}))
    return changed.with_examples(numbered)
