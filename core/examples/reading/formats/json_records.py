"""Records of a JSON file: JSON Lines, an array, or an object that holds an array, two named by the sides, or a table.

A record has the line where it begins; where several share a line, records are counted instead of lines.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from core.errors import ExamplesError
from core.examples.example_set import LABELS, shortened
from core.examples.reading.formats.decoding import line_of, lines_of
from core.examples.reading.headings import role_of
from core.examples.reading.labels import side_of
from core.examples.reading.notes import quoted, readable

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
Record = tuple[int, dict[str, Json]]
"""The line where a record begins, and its values by their names."""

_BETWEEN = re.compile(r"[\s,]*")
_DEEPEST = 4
_OF_ALL = ("system", "frame", "beginning")
"""What can stand once in a file for all of its texts."""


class DoubledKeyError(ValueError):
    """An object that has keys twice, of which a dictionary would keep one."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names


class NotANumber:
    """What JSON writes as NaN or Infinity: a missing value of the program that wrote it."""

    def __init__(self, written: str) -> None:
        self.written = written

    def __str__(self) -> str:
        return self.written


def _object(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):  # a dict would keep one of them in silence
        raise DoubledKeyError(sorted({name for name in names if names.count(name) > 1}))
    return dict(pairs)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=NotANumber)


def records_of(text: str) -> list[Record]:
    """The records of a file, with the values of nested objects under names joined by dots.

    Raises ExamplesError for what is no JSON, no object, cut short, or has a name twice.
    """
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] == "[":
        found = list(_sequence(text, start + 1, "]"))
    else:
        found = list(_sequence(text, start, ""))
        if len(found) == 1 and isinstance(found[0][1], dict):
            found = _inside(text, found[0][0], found[0][1]) or found
    lines = lines_of(text, [position for position, _ in found])
    if len(set(lines)) < len(lines):
        lines = list(range(1, len(lines) + 1))
    records: list[Record] = []
    for line, (position, value) in zip(lines, found, strict=True):
        if not isinstance(value, dict):
            raise _bad(text, position)
        records.append((line, flattened(value)))
    return records


def json_value(cell: str) -> Json:
    """What a cell holds that is written as JSON, or as Python (so pandas) writes it; else the cell itself.

    Raises DoubledKeyError for an object of JSON that has a key twice.
    """
    begun = "".join(cell[:20].split())
    if begun[:1] not in ("[", "{"):
        return cell
    read = ast.literal_eval if begun.startswith(("[{'", "{'")) else _decoder.decode
    try:
        value: Json = read(cell.strip())
    except DoubledKeyError:
        raise
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return cell
    return value


def written(value: object) -> str:
    """A value as the text of a cell: strings as they are, nothing for null, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | NotANumber):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _sequence(text: str, start: int, end: str) -> Iterator[tuple[int, Json]]:
    """Values one after the other, parted by white space or commas, up to `end` or to the end of the text."""
    position = _after(text, start)
    while position < len(text) and not (end and text.startswith(end, position)):
        try:
            value, following = _decoder.raw_decode(text, position)
        except DoubledKeyError as error:
            found = readable(", ".join(error.names))
            raise ExamplesError("doubled_keys", line=line_of(text, position), found=found) from None
        except (ValueError, RecursionError):
            raise _bad(text, position) from None
        yield position, value
        position = _after(text, following)
    if end and (position >= len(text) or text[position + 1 :].strip()):
        raise ExamplesError("json_array_open", line=line_of(text, min(position, len(text.rstrip()))))


def _after(text: str, position: int) -> int:
    between = _BETWEEN.match(text, position)
    return between.end() if between else position


def _inside(text: str, position: int, value: dict[str, Json]) -> list[tuple[int, Json]]:
    """The records of the one list of objects that an object holds, of two lists named by the sides, or of a table."""
    if made := _by_sides(value) or _table(value):
        return [(position, record) for record in made]
    lists: dict[str, list[Any]] = {
        name: held
        for name, held in value.items()
        if isinstance(held, list) and held and all(isinstance(item, dict) for item in held)
    }
    turns = [name for name, held in lists.items() if {"role", "from"} & set(held[0])]
    if len(lists) != 1 or turns or "transcripts" in lists:
        return []
    (name,) = lists
    begins = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:\s*\[").search(text, position)
    beside = {key: held for key, held in value.items() if key != name}
    if begins is None:
        return [(position, _with(beside, item)) for item in lists[name]]
    places: list[tuple[int, Json]] = []
    at = _after(text, begins.end())
    for item in lists[name]:
        places.append((at, _with(beside, item)))
        at = _after(text, _decoder.raw_decode(text, at)[1])
    return places


def _with(beside: dict[str, Json], record: Json) -> Json:
    return _joined(beside, record) if isinstance(record, dict) else record


def _joined(beside: dict[str, Json], record: dict[str, Json]) -> dict[str, Json]:
    """A record with what stands beside the list of all: what is for every text under its name, else behind `file.`."""
    names = {key: key if role_of(key) in _OF_ALL and key not in record else f"file.{key}" for key in beside}
    return {**record, **{names[key]: held for key, held in beside.items()}}


def _by_sides(value: dict[str, Json]) -> list[dict[str, Json]]:
    """The records of two lists whose names are the sides: texts, or objects that need no label then."""
    lists: dict[str, list[Any]] = {
        side: items for name, items in value.items() if (side := side_of(name)) and isinstance(items, list)
    }
    if len(lists) < len(LABELS):
        return []
    beside = {name: held for name, held in value.items() if not (side_of(name) and isinstance(held, list))}
    return [
        {"label": side, **_joined(beside, item if isinstance(item, dict) else {"text": item})}
        for side, items in lists.items()
        for item in items
    ]


def _table(value: dict[str, Json]) -> list[dict[str, Json]]:
    """The records of a table: `columns` and `data` as in Weights & Biases, a list a column, or as pandas does."""
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list):
        fitting = all(isinstance(row, list) and len(row) == len(names) for row in rows)
        return [dict(zip(map(str, names), row, strict=True)) for row in rows] if fitting else []
    lists = [column for column in value.values() if isinstance(column, list)]
    if len(lists) == len(value) > 1 and len({len(column) for column in lists}) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]
    return _by_key(value)


def _by_key(value: dict[str, Json]) -> list[dict[str, Json]]:
    """The records of objects that all have the same keys: one a column, or one a row, as the headings tell."""
    inner = {name: each for name, each in value.items() if isinstance(each, dict) and not is_turn(each)}
    keys = list(next(iter(inner.values()), {}))
    if len(inner) < len(value) or len(inner) < 2 or any(list(each) != keys for each in inner.values()):
        return []
    if any(map(role_of, inner)):
        return [{name: column[key] for name, column in inner.items()} for key in keys]
    return list(inner.values()) if any(map(role_of, keys)) else []


def flattened(record: dict[str, Json], prefix: str = "", depth: int = 0) -> dict[str, Json]:
    """A record with the values of nested objects under names joined by dots; turns of a conversation stay."""
    flat: dict[str, Json] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and depth < _DEEPEST and not is_turn(value):
            flat |= flattened(value, f"{prefix}{name}.", depth + 1)
        else:
            flat[prefix + name] = value
    return flat


def is_turn(value: object) -> bool:
    """Whether a value is one turn of a conversation, as OpenAI or ShareGPT write it."""
    return (
        isinstance(value, dict)
        and bool({"role", "from"} & set(value))
        and bool({"content", "value"} & set(value))
    )


def _bad(text: str, position: int) -> ExamplesError:
    begun = text[position : position + 200].split("\n", 1)[0]
    return ExamplesError(
        "bad_json_line", line=line_of(text, position), text=quoted([readable(shortened(begun))])
    )
