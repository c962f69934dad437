"""Token ids of examples, with the checks that need the model, and what of a text its tokenizer cannot read."""

from collections.abc import Sequence

from core.errors import ExamplesError, ModelError
from core.examples.example_set import ExampleSet, shortened
from core.model.loaded_model import LoadedModel
from core.model.tokens.prompts import Prompt, prompt_of
from core.schema import Note

MOST_NAMED = 12
"""Unknown characters that are named at most."""

PROBES = 20
"""Entries of a vocabulary that are tried to see whether a tokenizer works at all."""


def tokenise(loaded: LoadedModel, examples: ExampleSet) -> list[list[int]]:
    """Token ids of every example.

    Raises ExamplesError for a text that is empty, too long, or not readable by the model's tokenizer.
    """
    return [
        encoded(loaded, prompt_of(loaded, examples, example), example.line or number)
        for number, example in enumerate(examples.examples, start=1)
    ]


def encoded(loaded: LoadedModel, prompt: Prompt, line: int) -> list[int]:
    """Token ids of what the model reads; `line` is where it stood. Raises ExamplesError as `tokenise` does."""
    text = prompt.text
    limit, beginning = loaded.shape.context_length, shortened(text)
    try:
        ids = loaded.encode(text, prompt.special)
    except ModelError:
        unread = unread_parts(loaded, text)
        probes = list(loaded.tokenizer.get_vocab())[:PROBES]
        if not unread or not any(_knows(loaded, word) for word in probes):
            raise  # the tokenizer fails on its own words too, so the text is not at fault
        raise ExamplesError(
            "text_not_readable", line=line, characters=named(unread), text=beginning
        ) from None
    if not ids:
        raise ExamplesError("text_without_tokens", line=line, text=beginning)
    special = {*loaded.tokenizer.all_special_ids}
    if special.issuperset(ids) and (unread := unread_parts(loaded, text)):
        raise ExamplesError("text_not_readable", line=line, characters=named(unread), text=beginning)
    if limit and len(ids) > limit:
        raise ExamplesError("text_too_long", line=line, count=len(ids), maximum=limit, text=beginning)
    return ids


def unread_notes(loaded: LoadedModel, examples: ExampleSet) -> list[Note]:
    """A note where the tokenizer puts its unknown token, or nothing, in place of parts of texts; no note otherwise."""
    unread = {
        example.line or number: parts
        for number, example in enumerate(examples.examples, start=1)
        if (parts := unread_parts(loaded, example.text))
    }
    if not unread:
        return []
    parts = [part for of_text in unread.values() for part in of_text]
    values = {
        "characters": named(parts),
        "lines": ", ".join(map(str, unread)),
        "count": sum(map(len, parts)),
        "total": sum(len(example.text) for example in examples.examples),
    }
    return [Note(key="unread_characters", values=values)]


def unread_parts(loaded: LoadedModel, text: str) -> list[str]:
    """The parts of a text that its tokens do not say, in order: what became the unknown token, and what vanished."""
    try:
        spans = loaded.spans(text)
    except ModelError:
        spans = None
    if spans is None:
        return [character for character in text if not character.isspace() and not _knows(loaded, character)]
    unknown, covered = loaded.tokenizer.unk_token_id, [False] * len(text)
    own_name = loaded.tokenizer.unk_token
    parts: list[tuple[int, str]] = []
    for token, start, stop in spans:
        covered[start:stop] = [True] * (stop - start)
        part = text[start:stop].strip()
        if unknown is not None and token == unknown and part not in ("", own_name):
            parts.append((start, part))
    parts += [
        (place, character)
        for place, character in enumerate(text)
        if not covered[place] and not character.isspace()
    ]
    return [part for _, part in sorted(parts)]


def named(parts: Sequence[str]) -> str:
    """Different parts of texts in quotes, the first of them where they are many."""
    shown = [f"“{part}”" for part in dict.fromkeys(parts)]
    return " ".join([*shown[:MOST_NAMED], *(["…"] if len(shown) > MOST_NAMED else [])])


def _knows(loaded: LoadedModel, character: str) -> bool:
    """Whether the tokenizer has tokens for a character that stands alone."""
    try:
        ids = loaded.encode(character)
    except ModelError:
        return False
    special = {*loaded.tokenizer.all_special_ids}
    return any(token not in special for token in ids)
