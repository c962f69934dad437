"""Examples and sets of them, with every check that needs no model."""

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Literal

from pydantic import BaseModel, ConfigDict

from core.errors import ExamplesError
from core.examples.conversation import Message, from_transcript, transcript

Label = Literal["anomalous", "normal"]
LABELS: tuple[Label, Label] = ("anomalous", "normal")
Source = Literal["", "made"]
COLUMNS = ("label", "text", "pair", "expected", "actual")
MINIMUM_PER_SIDE = 3
ADVISED_PER_SIDE = (5, 10)
MAXIMUM_PER_SIDE = 200
PLACE = "{text}"
"""Where a text stands in a frame."""


class Example(BaseModel):
    """One text with its label; `line` is where it stood in what the user gave, for messages.

    `expected` and `actual` are answers of any length. A conversation has its turns in `messages`, and as `text` what
    `core.examples.conversation.transcript` writes; an assistant's turn at its end is the beginning of the answer,
    which the model continues. `carried` are further columns of the user's file. `source` says that a text is no one's
    own but a made partner (`core.examples.counterfactuals`) of the text that its pair names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label
    text: str
    pair: str = ""
    expected: str = ""
    actual: str = ""
    line: int = 0
    messages: tuple[Message, ...] = ()
    carried: dict[str, str] = {}
    source: Source = ""


class ExampleSet(BaseModel):
    """The anomalous and normal examples of one run, in the user's order, and what the model reads around each text.

    `form` says whether texts are read as they stand (`plain`) or as conversations through the model's chat template
    (`chat`): then `system` is the system message of every conversation that has none, `beginning` the beginning of the
    answer of every one that ends with another turn, and `switches` are values of the template's own variables
    (`enable_thinking`). A plain text stands in `frame` where its place `{text}` is. Made partners stand behind the
    given texts; `refused` are texts that are not to be made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: tuple[Example, ...] = ()
    form: Literal["plain", "chat"] = "plain"
    system: str = ""
    beginning: str = ""
    frame: str = ""
    switches: dict[str, bool | str] = {}
    refused: tuple[str, ...] = ()

    @property
    def given(self) -> list[Example]:
        """The user's own texts, in order."""
        return [example for example in self.examples if not example.source]

    @property
    def made(self) -> list[Example]:
        """The made partners, in order."""
        return [example for example in self.examples if example.source]

    def of(self, label: Label) -> list[Example]:
        """The given examples of one label, in order."""
        return [example for example in self.given if example.label == label]

    def count(self, label: Label) -> int:
        """How many given examples have this label."""
        return len(self.of(label))

    def texts(self, label: Label) -> list[str]:
        """The given texts of one label, in order."""
        return [example.text for example in self.of(label)]

    def keeping_columns_of(self, before: "ExampleSet") -> "ExampleSet":
        """These texts, each with the pair and the words that its line had before.

        Lines are matched as in a comparison of two files; a line changed alone is the example that stood
        there, and so is one of several while at least half of it is the same.
        """
        return self.with_examples(e for label in LABELS for e in _continued(before.of(label), self.of(label)))

    def with_examples(self, examples: Iterable[Example]) -> "ExampleSet":
        """The same set with other examples."""
        return self.model_copy(update={"examples": tuple(examples)})

    def in_form(self, form: Literal["plain", "chat"]) -> "ExampleSet":
        """The same texts read in this form: as they stand, or each as the turns that its transcript names."""
        examples = (
            example.model_copy(update={"messages": _turns(example, form)}) for example in self.examples
        )
        return self.model_copy(update={"form": form, "examples": tuple(examples)})

    def check(self) -> "ExampleSet":
        """Return self if it can be analysed; raises ExamplesError for the first thing that hinders it."""
        if self.form == "plain" and self.frame.strip() and PLACE not in self.frame:
            raise ExamplesError("frame_without_text", place=PLACE, frame=shortened(self.frame))
        _check_texts(self.given)
        for label in LABELS:
            _check_count(label, self.count(label))
        _check_pairs(self.examples)
        return self


def _turns(example: Example, form: Literal["plain", "chat"]) -> tuple[Message, ...]:
    """The turns of an example in a form; a single user's turn needs none, and those that its text tells stay."""
    if form == "plain":
        return ()
    if example.messages and transcript(example.messages) == example.text:
        return example.messages
    turns = from_transcript(example.text)
    return () if len(turns) == 1 and turns[0].role == "user" and turns[0].content == example.text else turns


def _continued(before: Sequence[Example], after: Sequence[Example]) -> list[Example]:
    old, new = ([example.text for example in side] for side in (before, after))
    sources: dict[int, Example] = {}
    for _, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        sources |= {
            place: row
            for row, place in zip(before[start:end], range(first, last), strict=False)
            if end - start == last - first == 1 or _alike(row.text, after[place].text)
        }
    return [
        sources.get(i, example).model_copy(update={"text": example.text, "line": example.line})
        for i, example in enumerate(after)
    ]


def _alike(first: str, second: str) -> bool:
    """Whether a text may be an edited form of another: at least half of their characters are the same, in order."""
    return first == second or SequenceMatcher(None, first, second, False).ratio() >= 0.5


def _check_texts(examples: Sequence[Example]) -> None:
    seen: dict[str, Example] = {}
    for example in examples:
        if not example.text.strip():
            raise ExamplesError("empty_text", line=example.line)
        before = seen.setdefault(example.text, example)
        if before is example:
            continue
        place = {"line": example.line, "label": example.label, "first": before.line}
        text = shortened(example.text)
        if before.label != example.label:
            raise ExamplesError("same_text_on_both_sides", **place, other=before.label, text=text)
        raise ExamplesError("duplicate_text", **place, text=text)


def _check_count(label: Label, count: int) -> None:
    if count == 0:
        raise ExamplesError("no_examples_of_kind", minimum=MINIMUM_PER_SIDE, label=label)
    if count < MINIMUM_PER_SIDE:
        raise ExamplesError(
            "too_few_examples",
            minimum=MINIMUM_PER_SIDE,
            label=label,
            count=count,
            missing=MINIMUM_PER_SIDE - count,
        )
    if count > MAXIMUM_PER_SIDE:
        raise ExamplesError("too_many_examples", maximum=MAXIMUM_PER_SIDE, label=label, count=count)


def _check_pairs(examples: Sequence[Example]) -> None:
    """A pair is one given text of each label, or one given text and made partners of the other label."""
    every = Counter((example.pair, example.label) for example in examples if example.pair)
    given = Counter(
        (example.pair, example.label) for example in examples if example.pair and not example.source
    )
    for pair in dict.fromkeys(example.pair for example in examples if example.pair):
        anomalous, normal = (given[pair, label] for label in LABELS)
        if max(anomalous, normal) != 1 or not all(every[pair, label] for label in LABELS):
            raise ExamplesError(
                "pair_not_one_to_one", pair=shortened(pair), anomalous=anomalous, normal=normal
            )


def shortened(text: str, length: int = 80) -> str:
    """The beginning of a text, for a message."""
    return text if len(text) <= length else text[: length - 1] + "…"
