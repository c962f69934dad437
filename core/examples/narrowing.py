"""A part of an example set that can be analysed by itself."""

from collections.abc import Collection

from core.examples.example_set import Example, ExampleSet


def with_anomalous(examples: ExampleSet, texts: Collection[int]) -> ExampleSet:
    """These anomalous texts, counted from 0 in the whole set, beside all normal ones, everything else as it was.

    Made partners of other texts go. A normal text whose given partner goes stays, without a pair.
    """
    kept_pairs = {
        example.pair
        for number, example in enumerate(examples.examples)
        if number in texts and example.pair and example.label == "anomalous"
    }
    gone_pairs = {e.pair for e in examples.examples if e.label == "anomalous" and e.pair} - kept_pairs
    kept: list[Example] = []
    for number, example in enumerate(examples.examples):
        if example.label == "anomalous" and number not in texts:
            continue
        if example.pair in gone_pairs:
            if example.source:
                continue
            example = example.model_copy(update={"pair": ""})
        kept.append(example)
    return examples.with_examples(kept)
