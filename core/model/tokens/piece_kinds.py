"""Which tokens of a prompt are a text's own, and which stand around every text: chat template, frame, system message.

1. Each turn gets marks of its own (characters of private use) around what it says, and the template writes the marked
   turns. Without the marks this is the prompt, unless the template looks at what a turn says; the marks then tell
   where each turn stands, also where it repeats words of the template.
2. Otherwise, or where the template has cut a mark away, a turn is looked for as it stands, behind the one before it.
3. A token is special, or else the text's own where it covers a character of one of its turns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Literal

from core.config import RunConfig
from core.errors import ExamplesError
from core.examples.alignment import Alignment
from core.examples.conversation import Message
from core.examples.example_set import PLACE, Example, ExampleSet
from core.examples.slots import Slots, with_pieces
from core.model.loaded_model import LoadedModel
from core.model.tokens.prompts import Prompt, prompt_of, rendered, system_of, turns_of

PieceKind = Literal["special", "template", "text"]
Span = tuple[int, int]

MOST_SKIPPED = 16
"""Characters between two pieces at most, where the tokens of those between them are no text by themselves."""

FIRST_MARK = 0xF0000
"""Code point of the first mark: planes of private use, of which no text makes use by itself."""


def own_spans(loaded: LoadedModel, examples: ExampleSet, example: Example, prompt: Prompt) -> list[Span]:
    """Start and end in the prompt of what a text says itself, in order.

    What stands around every text is not its own: the frame, the set's beginning of the answer, and a system message
    that all conversations have in common.
    """
    return sorted(span for _, span in own_places(loaded, examples, example, prompt))


def own_places(
    loaded: LoadedModel, examples: ExampleSet, example: Example, prompt: Prompt
) -> list[tuple[int, Span]]:
    """The same with the number of the message that each span holds, 0 for a text that is no conversation."""
    if examples.form == "plain":
        return [(0, span) for span in _spans_in_frame(examples.frame, example.text)]
    turns = turns_of(examples, example)
    in_front = int(turns[0].role == "system" and [*example.messages[:1]] != turns[:1])
    own = {*range(in_front, in_front + max(1, len(example.messages)))}
    if turns[0].role == "system" and len({system_of(examples, other) for other in examples.examples}) == 1:
        own -= {0}
    places = _places(loaded, turns, examples, prompt)
    return [(turn - in_front, span) for turn, span in places.items() if turn in own]


def own_lengths(loaded: LoadedModel, examples: ExampleSet, ids: Sequence[Sequence[int]]) -> list[int]:
    """How many tokens of each text are its own: all of a plain text, those of a conversation that say something."""
    if examples.form == "plain":
        return [len(text) for text in ids]
    lengths = []
    for example, text in zip(examples.examples, ids, strict=True):
        prompt = prompt_of(loaded, examples, example)
        own = own_spans(loaded, examples, example, prompt)
        lengths.append(piece_kinds(loaded, prompt, text, own).count("text"))
    return lengths


def aligned(loaded: LoadedModel, config: RunConfig, ids: Sequence[Sequence[int]]) -> Alignment:
    """Pairs and positions that a run compares, given the tokens of its examples; matched ones are named by tokens.

    Raises ExamplesError as `core.examples.alignment.align` does.
    """
    alignment = config.align(ids, own_lengths(loaded, config.examples, ids))
    slots, texts = Slots(alignment.slots, alignment.positions), [ids[i] for i in alignment.kept]
    return replace(alignment, slots=with_pieces(slots, texts, lambda token: loaded.pieces([token])[0]))


def _places(
    loaded: LoadedModel, turns: Sequence[Message], examples: ExampleSet, prompt: Prompt
) -> dict[int, Span]:
    """Where the turns stand, by number, that the template has written into a prompt."""
    try:
        marked = rendered(loaded, [_marked(turn, i) for i, turn in enumerate(turns)], examples.switches)
    except ExamplesError:
        marked = ""
    text, marks = _without_marks(marked)
    if text != prompt.text:
        marks = {}
    places, end = {}, 0
    for i, turn in enumerate(turns):
        start, stop = _place(prompt.text, turn.content.strip(), marks.get(2 * i), marks.get(2 * i + 1), end)
        if start < stop:
            places[i] = _with_blank(prompt.text, turn.content, start, stop)
            end = stop
    return places


def _place(text: str, said: str, start: int | None, stop: int | None, end: int) -> Span:
    """Where a turn stands in a text, from its marks; where one is cut away, as much of the turn as stands beside it."""
    if start is not None and stop is not None:
        return start, stop
    if stop is not None:
        part = text[stop - _alike(reversed(said), reversed(text[:stop])) : stop]
        # what a line ends with may stand in the template as well (“>”), so whole lines count
        return stop - len(part.partition("\n")[2].lstrip() or part), stop
    if start is not None:
        return start, start + len(text[start : start + _alike(said, text[start:])].rstrip())
    place = text.find(said, end)
    return (place, place + len(said)) if place >= 0 else (0, 0)


def _alike(first: Iterable[str], second: Iterable[str]) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def piece_kinds(
    loaded: LoadedModel, prompt: Prompt, ids: Sequence[int], own: Sequence[Span]
) -> list[PieceKind]:
    """What each token of a prompt is."""
    places = token_places(loaded, prompt, ids)
    covered = bytearray(len(prompt.text))
    for start, stop in own:
        covered[start:stop] = b"\1" * (stop - start)
    return [
        _kind(loaded, token, any(covered[start : max(stop, start + 1)]))
        for token, (start, stop) in zip(ids, places, strict=True)
    ]


def token_places(loaded: LoadedModel, prompt: Prompt, ids: Sequence[int]) -> list[Span]:
    """Start and end in a prompt of each of its tokens; their text is followed where the tokenizer does not tell."""
    spans = loaded.spans(prompt.text, prompt.special)
    if spans is None or [token for token, _, _ in spans] != [*ids]:
        return _followed(prompt.text, loaded.pieces([*ids]))
    return [(start, stop) for _, start, stop in spans]


def _followed(text: str, pieces: Sequence[str]) -> list[Span]:
    """Where the pieces of a text stand, one after the other; parts of a character have none, and stand at its place."""
    places, end = [], 0
    for piece in pieces:
        start = text.find(piece, end, end + len(piece) + MOST_SKIPPED) if piece else -1
        end = end if start < 0 else start + len(piece)
        places.append((end if start < 0 else start, end))
    return places


def _kind(loaded: LoadedModel, token: int, own: bool) -> PieceKind:
    if token in loaded.special_ids:
        return "special"
    return "text" if own else "template"


def _spans_in_frame(frame: str, text: str) -> list[Span]:
    """Where a text stands in a frame; without a frame it is the whole prompt."""
    spans, end = [], 0
    for part in frame.split(PLACE)[:-1] if PLACE in frame else [""]:
        start = end + len(part)
        end = start + len(text)
        spans.append((start, end))
    return spans


def _marked(turn: Message, number: int) -> Message:
    """A turn with marks around what it says, inside the white space at its ends, which many templates take off."""
    said = turn.content.strip()
    first = chr(FIRST_MARK + 2 * number), chr(FIRST_MARK + 2 * number + 1)
    return turn.model_copy(
        update={"content": turn.content.replace(said, said.join(first), 1)} if said else {}
    )


def _without_marks(text: str) -> tuple[str, dict[int, int]]:
    """A marked text without its marks, and where each of them stood."""
    marks: dict[int, int] = {}
    kept: list[str] = []
    for character in text:
        if ord(character) >= FIRST_MARK:
            marks.setdefault(ord(character) - FIRST_MARK, len(kept))
        else:
            kept.append(character)
    return "".join(kept), marks


def _with_blank(text: str, content: str, start: int, stop: int) -> Span:
    """A span with the white space at the ends of a turn, where the template has left it."""
    before, after = content[: len(content) - len(content.lstrip())], content[len(content.rstrip()) :]
    wider = start - len(before), stop + len(after)
    return wider if text[wider[0] : wider[1]] == content else (start, stop)
