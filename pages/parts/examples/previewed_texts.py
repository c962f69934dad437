"""What the worker says of the examples before an analysis: their tokens, their alignment, the likeliest next words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.schema import AlignmentRecord, Note


class NextWord(TypedDict):
    """A token that may come next, as readable text."""

    piece: str
    probability: float


class AnswerPiece(TypedDict):
    """A token of an answer, as readable text."""

    piece: str


class Answer(TypedDict):
    """An answer behind a text, as the model would write it, and its tokens."""

    piece: str
    probability: float
    pieces: NotRequired[list[AnswerPiece]]


class Difference(TypedDict):
    """How much likelier the expected answer is (nats), and the place of the token that makes most of it."""

    value: float
    shared: int
    carried_by: int


class PreviewedText(TypedDict):
    """One text, of the user's own unless `source` says `made`.

    `behaves` is whether what the model says fits the label, None where no answers were named. `kinds` says of each
    piece whether it is `special`, of the `template` or frame, or the user's own `text`. `continuation` is what the
    model says, and `verdict` whether that is `right`, at `fault` or `other`, where known.
    """

    label: str
    source: NotRequired[str]
    pieces: list[str]
    differs: list[bool]
    next: list[NextWord]
    behaves: bool | None
    kinds: NotRequired[list[str]]
    prompt: NotRequired[str]
    continuation: NotRequired[str]
    end: NotRequired[str]
    verdict: NotRequired[str]
    expected: NotRequired[Answer | None]
    actual: NotRequired[Answer | None]
    difference: NotRequired[Difference | None]


@dataclass(frozen=True)
class PreviewedTexts:
    """All texts in the user's order, how they are compared, and what else the user must know."""

    alignment: AlignmentRecord
    examples: Sequence[PreviewedText]
    notes: Sequence[Note] = ()

    @property
    def given(self) -> Sequence[PreviewedText]:
        """The user's own texts; made partners stand behind them."""
        return [row for row in self.examples if not row.get("source")]

    @property
    def whole_answers(self) -> bool:
        """Whether what the model says is better told by its continuation than by one word."""
        answers = [row.get(side) for row in self.examples for side in ("expected", "actual")]
        longer = any(len(answer.get("pieces", ())) > 1 for answer in answers if answer)  # type: ignore[attr-defined]
        return longer or any("special" in row.get("kinds", ())[1:] for row in self.examples)

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> "PreviewedTexts":
        """The answer to the question `preview`."""
        notes = [Note.model_validate(note) for note in answer.get("notes", ())]
        return cls(AlignmentRecord.model_validate(answer["alignment"]), answer["examples"], notes)
