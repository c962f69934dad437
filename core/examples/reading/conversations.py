"""Turns of conversations in a cell: as OpenAI and ShareGPT write them, as log platforms wrap them, or as JSON in a CSV.

Texts in parts are joined. Whatever is no text (images, calls of tools) and every role that a chat template may not know
is refused by its name: a conversation without it would be another one.
"""

from collections.abc import Iterator, Sequence
from typing import get_args

from core.errors import ExamplesError
from core.examples.conversation import ROLE_WORDS, Message, Role
from core.examples.example_set import shortened
from core.examples.reading.formats.json_records import (
    DoubledKeyError,
    Json,
    NotANumber,
    is_turn,
    json_value,
    written,
)
from core.examples.reading.notes import readable

_TEXT_PARTS = ("text", "input_text", "output_text")
_CALLS = ("tool_calls", "function_call", "tool_call_id")
_LISTS = ("messages", "conversations", "choices")
_INNER = ("messages", "message")


def turns_of(cell: object, line: int) -> tuple[Message, ...]:
    """The turns that a cell holds, none where it is no conversation; raises ExamplesError for turns without text."""
    return tuple(_message(turn, line) for turn in _turns(_value(cell, line), line))


def unread_of(cell: object, line: int) -> list[str]:
    """The names of what a conversation in a cell holds besides the roles and texts of its turns; empty values aside."""
    value = _value(cell, line)
    return list(dict.fromkeys(_unread(value))) if _turns(value, line) else []


def text_of(cell: object, line: int) -> str:
    """The text of a cell; raises `no_text` for what is none: a missing number, true or false, a list, an object."""
    if isinstance(cell, list) and cell and all(_is_part(part) for part in cell):
        return _joined(cell, line)
    if isinstance(cell, NotANumber | bool | list | dict):
        raise ExamplesError("no_text", line=line, found=readable(shortened(written(cell))))
    return written(cell)


def answer_of(cell: object, line: int) -> str:
    """What a cell holds as an answer: its text, or the content of the last turn where it holds turns."""
    if isinstance(cell, bool):
        return written(cell)
    turns = turns_of(cell, line)
    return turns[-1].content if turns else text_of(cell, line)


def _value(cell: object, line: int) -> Json:
    try:
        value: Json = json_value(cell) if isinstance(cell, str) else cell  # type: ignore[assignment]
    except DoubledKeyError as error:
        if not {"role", "from", "content", "value", *_LISTS} & set(error.names):
            return str(cell)  # a text that happens to be JSON
        raise ExamplesError("doubled_keys", line=line, found=readable(", ".join(error.names))) from None
    return value


def _turns(value: Json, line: int) -> list[dict[str, Json]]:
    if isinstance(value, dict):
        if is_turn(value):
            return [value]
        inner = [value[name] for name in _LISTS if value.get(name)]
        return _turns(inner[0], line) if len(inner) == 1 else []
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return []
    if any({"role", "from"} & set(item) for item in value):
        return value
    wrapped = [item.get(_INNER[0]) or item.get(_INNER[1]) for item in value]
    if None in wrapped:
        return []
    if len(wrapped) > 1:
        raise ExamplesError("several_conversations", line=line, count=len(wrapped))
    return _turns(wrapped[0], line)


def _unread(value: Json) -> Iterator[str]:
    """Follows `_turns`: what it does not look at, by name."""
    if isinstance(value, list):
        for item in value:
            yield from _unread(item)
    elif isinstance(value, dict):
        read: dict[str, Json] = {name: None for name in ("role", "from") if name in value}
        content = "content" if "content" in value else "value"
        if read:
            read[content] = value.get(content) if isinstance(value.get(content), list) else None
        elif "type" in value and "text" in value:
            read = {"type": None, "text": None}
        else:
            name = next((name for name in (*_LISTS, *_INNER) if value.get(name)), "")
            read = {name: value.get(name)}
        yield from (name for name, held in value.items() if held and name not in read)
        for held in read.values():
            yield from _unread(held)


def _message(turn: dict[str, Json], line: int) -> Message:
    role = str(turn.get("role") or turn.get("from") or "")
    if any(turn.get(name) for name in _CALLS):
        kind = next(name for name in _CALLS if turn.get(name))
        raise ExamplesError("turn_without_text", line=line, kind=kind, role=readable(role))
    known = ROLE_WORDS.get(role.strip().lower())
    if known is None:
        raise ExamplesError(
            "unknown_role", line=line, role=readable(shortened(role)), known=", ".join(get_args(Role))
        )
    content = turn["content"] if "content" in turn else turn.get("value")
    if isinstance(content, list):
        return Message(role=known, content=_joined(content, line))
    if not isinstance(content, str):
        kind = readable(shortened(written(content))) or "null"
        raise ExamplesError("turn_without_text", line=line, kind=kind, role=known)
    return Message(role=known, content=content)


def _is_part(part: object) -> bool:
    return isinstance(part, dict) and "type" in part


def _joined(parts: Sequence[Json], line: int) -> str:
    texts: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif (
            isinstance(part, dict)
            and part.get("type", "text") in _TEXT_PARTS
            and isinstance(part.get("text"), str)
        ):
            texts.append(str(part["text"]))
        else:
            kind = str(part.get("type", "?")) if isinstance(part, dict) else written(part)
            raise ExamplesError("turn_without_text", line=line, kind=readable(shortened(kind)), role="–")
    return "".join(texts)
