"""Token ids of examples, with the checks that need the model."""

from core.errors import ExamplesError
from core.examples.example_set import ExampleSet
from core.model.loading import (
    LoadedModel,
)


def tokenise(loaded: LoadedModel, examples: ExampleSet) -> list[list[int]]:
    """Token ids of every example; raises ExamplesError for an empty or too long one."""
    ids = []
    for number, example in enumerate(examples.examples, start=1):
        text = loaded.encode(example.text)
        line, limit = example.line or number, loaded.shape.context_length
        if not text:
            raise ExamplesError("text_without_tokens", line=line, text=example.text[:80])
        if limit and len(text) > limit:
            raise ExamplesError(
                "text_too_long", line=line, count=len(text), maximum=limit, text=example.text[:80]
            )
        ids.append(text)
    return ids
