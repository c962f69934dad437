"""The shapes of what the worker answers: plain JSON, which pages read without torch."""

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from core.model.next_token import NextWord
    from core.model.tokens.chat_template import ChatFacts


class Choice(TypedDict):
    """One way to go on: its text is `choice.KEY` of `core.text`, filled with `values`.

    Whoever takes it sets the settings `model` and `adapter` so. `base` proposes the name that an adapter's own config
    gives its base model; the person may put another folder or hub id in its place.
    """

    key: Literal["with_adapter", "without_adapter", "base", "checkpoint", "gguf"]
    values: dict[str, Any]
    model: str
    adapter: str


class Finding(TypedDict):
    """Something that a person should know of a model before typing texts: `note.KIND` of `core.text`, with `values`.

    What is refused is no finding: `inspect` raises a ModelError, whose key and values the page shows. Where the person
    has to choose first, the error's values hold `choices`, a list of Choice.
    """

    kind: str
    severity: Literal["note"]
    values: dict[str, Any]
    choices: list[Choice]


class ModelCard(TypedDict):
    """What the worker says of a model before it is loaded; memory in bytes, no context length is no limit.

    `memory` holds the plan (`core.model.memory.MemoryPlan.record`): bytes by what they are for (`weights`, `loading`,
    `z`, `streams`, `attention`, `prefixes`, `outputs`, then `batch`, `gradients`, `logits` and `training`, of which the
    largest counts), `precision` in which the weights are read, `needed`, `available`, `fits`.

    The question is the model's name, or an object with `source` and `adapter`.
    """

    name: str
    architecture: str
    n_layers: int
    n_heads: int
    heads_by_layer: NotRequired[list[int]]
    d_model: int
    d_head: int
    n_parameters: int
    context_length: int | None
    vocabulary: int
    device: str
    dtype: str
    weight_bytes: int
    memory_needed_bytes: int
    memory_available_bytes: int
    memory: NotRequired[dict[str, Any]]
    checks: list[str]
    chat: "ChatFacts"
    findings: NotRequired[list[Finding]]


class Word(TypedDict):
    """A word of the vocabulary with how much likelier a head makes it (logits)."""

    piece: str
    change: float


class Between(TypedDict):
    """How far a head moves the actual answer ahead of the expected one (logits), at the token where they part.

    `actual` and `expected` are that token of each, `behind` what both answers begin with, often nothing.
    """

    behind: str
    actual: str
    expected: str
    change: float


class PartnersAnswer(TypedDict):
    """The worker's answer to the question `partners`: a `core.schema.PartnersRecord`, and the tokens of each text.

    The payload has `config`, `direction` (the side whose texts are changed) and `make`.
    """

    record: dict[str, Any]
    tokens: list[int]


class Writes(TypedDict):
    """The words that a head makes likelier and less likely."""

    up: list[Word]
    down: list[Word]
    between: Between | None


class PartnerWrites(Writes):
    """The same on the partner text, at the token `piece` at place `query`."""

    query: int
    piece: str


class AttentionView(TypedDict):
    """The tokens around `query` from `first` on, and the share of attention that it gives to each of them."""

    query: int
    first: int
    length: int
    pieces: list[str]
    weights: list[float]


class HeadView(AttentionView):
    """One head on one example: where it looks, what it writes there, and what it writes more than on the partner."""

    writes: Writes | None
    no_writes: NotRequired[dict[str, Any]]
    partner: PartnerWrites | None
    more: list[Word]


class Statement(TypedDict):
    """What the model says behind a text; the verdict is `right`, `fault`, `other`, or nothing where no answer is named.

    `end` tells how its continuation ended: `ended` by the model's own `end_token`, `cut` after the tokens that were
    asked for, `full` where it can read no further. `difference` is log p(expected) - log p(actual) behind the text, in
    nats; None where the text does not name two answers.
    """

    next: list["NextWord"]
    continuation: str
    end: Literal["ended", "cut", "full"]
    end_token: str
    verdict: Literal["right", "fault", "other", ""]
    difference: float | None


class ComparedText(TypedDict):
    """One text, before and after an ablation; `changed` tells whether the first tokens of what the model says did.

    `unread` names the characters that the tokenizer does not know, each in quotes; it is empty where there are none.
    """

    label: str
    text: str
    expected: str
    actual: str
    before: Statement
    after: Statement
    changed: bool
    unread: str


class Comparison(TypedDict):
    """Before and after an ablation on all texts, the counts of each side, and the ablation file."""

    heads: list[str]
    mode: Literal["mean", "zero"]
    rows: list[ComparedText]
    counts: dict[str, dict[str, int]]
    ablation_file: dict[str, Any]


class Suggestion(TypedDict):
    """The answers that one text could be given, in the order of the examples.

    `says` is what the model says of itself, as far as it was asked, and `ended` whether it ended there. `actual` and
    `expected` are to be filled in where the user named none; both are empty where the text says the same as the other
    side, or nothing. With `choose`, `expected` of the anomalous texts is for the user to take from `offered`.
    """

    label: str
    says: str
    ended: bool
    expected: str
    actual: str


class Offered(TypedDict):
    """An answer that normal texts give, and how many of them do."""

    answer: str
    texts: int


SuggestionState = Literal["partners", "frequent", "choose", "alike"]


class Suggestions(TypedDict):
    """The worker's answer to the question `suggest`, whose payload is the settings as for `preview`.

    `state` says what `expected` of the anomalous texts comes from: `partners`, what the model says on each text's
    partner; `frequent`, what it says on most of the normal texts; `choose`, nothing yet: the normal texts differ, and
    one of `offered` (most frequent first) is for the user to take; `alike`, both sides say the same, and nothing is
    filled. `alike` counts the anomalous texts that say what their side of comparison says.
    """

    state: SuggestionState
    examples: list[Suggestion]
    offered: list[Offered]
    alike: int
