"""Token ids of examples, with the checks that need the model, and what of a text its tokenizer cannot read."""

from collections.abc import Sequence

from core.errors import ExamplesError, ModelError
from core.examples.example_set import ExampleSet, shortened
from core.model.loaded_model import LoadedModel
from core.model.tokens.prompts import Prompt, cut_turns, is_dated, prompt_of
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
        encoded(loaded, prompt_of(loaded, examples, example), example.line or number, example.text)
        for number, example in enumerate(examples.examples, start=1)
    ]


def encoded(loaded: LoadedModel, prompt: Prompt, line: int, text: str = "") -> list[int]:
    """Token ids of what the model reads; `line` and `text` are where and what the user wrote, for messages.

    Raises ExamplesError as `tokenise` does.
    """
    limit, beginning = loaded.shape.context_length, shortened(text or prompt.text)
    try:
        ids = loaded.encode(prompt.text, prompt.special)
    except ModelError:
        unread = unread_parts(loaded, prompt)
        probes = list(loaded.tokenizer.get_vocab())[:PROBES]
        if not unread or not any(_knows(loaded, word) for word in probes):
            raise  # the tokenizer fails on its own words too, so the text is not at fault
        raise ExamplesError(
            "text_not_readable", line=line, characters=named(unread), text=beginning
        ) from None
    rows = loaded.shape.vocabulary
    if beyond := next((token for token in ids if rows and token >= rows), None):
        values = {"token": loaded.tokenizer.convert_ids_to_tokens(beyond), "id": beyond, "vocabulary": rows}
        raise ExamplesError("token_beyond_model", line=line, text=beginning, **values)
    if not ids:
        raise ExamplesError("text_without_tokens", line=line, text=beginning)
    if loaded.special_ids.issuperset(ids) and (unread := unread_parts(loaded, prompt)):
        raise ExamplesError("text_not_readable", line=line, characters=named(unread), text=beginning)
    if limit and len(ids) > limit:
        raise ExamplesError("text_too_long", line=line, count=len(ids), maximum=limit, text=beginning)
    return ids


def reading_notes(loaded: LoadedModel, examples: ExampleSet) -> list[Note]:
    """What of the texts does not reach the model as it was written, by the lines where they stood."""
    prompts = [prompt_of(loaded, examples, example) for example in examples.examples]
    lines = [example.line or number for number, example in enumerate(examples.examples, start=1)]
    read = list(zip(lines, prompts, strict=True))
    cut, trimmed = cut_turns(loaded, examples, prompts)
    at = {
        "unread_white_space": [line for line, prompt in read if _loses_white_space(loaded, prompt)],
        "turns_cut": [lines[number] for number in cut],
        "turns_trimmed": [lines[number] for number in trimmed],
    }
    differs = [line for line, prompt in read if _differs_from_file(loaded, prompt)]
    file = {"file": getattr(loaded.tokenizer, "file_name", ""), "lines": ", ".join(map(str, differs))}
    named_lines = {key: ", ".join(map(str, numbers)) for key, numbers in at.items() if numbers}
    return [
        *loaded.notes,
        *([Note(key="tokenizer_differs_on", values=file)] if differs else []),
        *_unread(loaded, read),
        *(Note(key=key, values={"lines": numbers}) for key, numbers in named_lines.items()),
        *([Note(key="template_dated")] if is_dated(loaded, examples) else []),
    ]


def _unread(loaded: LoadedModel, read: Sequence[tuple[int, Prompt]]) -> list[Note]:
    """A note where the tokenizer puts its unknown token, or nothing, in place of parts of texts."""
    unread = [(line, parts) for line, prompt in read if (parts := unread_parts(loaded, prompt))]
    if not unread:
        return []
    parts = [part for _, of_text in unread for part in of_text]
    values = {
        "characters": named(parts),
        "lines": ", ".join(str(line) for line, _ in unread),
        "count": sum(map(len, parts)),
        "total": sum(len(prompt.text) for _, prompt in read),
    }
    return [Note(key="unread_characters", values=values)]


def _differs_from_file(loaded: LoadedModel, prompt: Prompt) -> bool:
    """Whether the tokenizer makes other tokens of a text than its own file, where the two are not built alike."""
    ids_of = getattr(loaded.tokenizer, "file_ids", None)
    if ids_of is None:
        return False
    return bool(list(ids_of(prompt.text)) != loaded.tokenizer.encode(prompt.text, add_special_tokens=False))


def _loses_white_space(loaded: LoadedModel, prompt: Prompt) -> bool:
    """Whether line breaks are the same tokens as spaces, or white space at the end the same as none."""
    others = {
        prompt.text.replace("\n", " ").rstrip() + prompt.text[len(prompt.text.rstrip()) :],
        prompt.text.rstrip(),
    }
    ids = loaded.encode(prompt.text, prompt.special)
    return any(loaded.encode(other, prompt.special) == ids for other in others - {prompt.text})


def unread_parts(loaded: LoadedModel, prompt: Prompt) -> list[str]:
    """The parts of a text that its tokens do not say, in order: what became the unknown token, and what vanished."""
    text = prompt.text
    try:
        spans = loaded.spans(text, prompt.special)
    except ModelError:
        spans = None
    if spans is None:
        return [character for character in text if not character.isspace() and not _knows(loaded, character)]
    unknown, covered = loaded.unknown_id, [False] * len(text)
    own_name = None if unknown is None else loaded.tokenizer.convert_ids_to_tokens(unknown)
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
    return any(token not in loaded.special_ids for token in ids)
