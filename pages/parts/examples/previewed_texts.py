"""What the worker says of the examples before an analysis: their tokens, their alignment, the likeliest next words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.schema import AlignmentRecord, Note


class NextWord(TypedDict):
    """A token that may come next, as readable text."""

    piece: str
    probability: float


class PreviewedText(TypedDict):
    """One text; `behaves` is whether the next word fits the label, None where no words were named.

    `continuation` is what the model says, and `verdict` whether that is `right`, at `fault` or `other`, where known.
    """

    label: str
    pieces: list[str]
    differs: list[bool]
    next: list[NextWord]
    behaves: bool | None
    continuation: NotRequired[str]
    verdict: NotRequired[str]


@dataclass(frozen=True)
class PreviewedTexts:
    """All texts in the user's order, how they are compared, and what else the user must know."""

    alignment: AlignmentRecord
    examples: Sequence[PreviewedText]
    notes: Sequence[Note] = ()

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> "PreviewedTexts":
        """The answer to the question `preview`."""
        notes = [Note.model_validate(note) for note in answer.get("notes", ())]
        return cls(AlignmentRecord.model_validate(answer["alignment"]), answer["examples"], notes)
