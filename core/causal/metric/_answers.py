"""The answers that each text is read by, as tokens."""

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from core.causal.metric._rows import Tokens, Words
from core.errors import ExamplesError
from core.examples.example_set import Example, shortened
from core.model.loaded_model import LoadedModel
from core.model.tokens.answer_tokens import answer_tokens
from core.schema import Note

MOST_ANSWERS = 8
"""Different answers of a side, where they are longer than one token, by which a text without own ones is read."""


def words_of(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    examples: Sequence[Example],
    log_probabilities: Tensor,
    n_anomalous: int,
    paired: bool,
) -> tuple[list[Words] | None, list[Note]]:
    """The answers that each text is read by, or None where one has no two different ones; and what to know of them.

    `log_probabilities` (text, vocabulary) are those of the token after each text.
    """
    parts = zip(texts, examples, log_probabilities, strict=True)
    own = [_own(loaded, ids, example, after) for ids, example, after in parts]
    if paired:
        sides = zip(own[:n_anomalous], own[n_anomalous:], strict=True)
        words = [anomalous or normal for anomalous, normal in sides] * 2
        notes = _unusable(examples, own)
    else:
        every, notes = _of_all([of_text for of_text in own if of_text], len(own))
        words, notes = [of_text or every for of_text in own], [*_unusable(examples, own), *notes]
    complete = [of_text for of_text in words if of_text is not None]
    if len(complete) < len(words):
        named, pairs = len(complete) // 2, len(words) // 2
        left = [Note(key="answers_incomplete", values={"named": named, "pairs": pairs})] if named else []
        return None, [*notes, *left]
    _check_lengths(loaded, texts, examples, complete, paired)
    return complete, [*notes, *_one_sided(complete)]


def _own(loaded: LoadedModel, ids: Sequence[int], example: Example, after: Tensor) -> Words | None:
    if not example.expected.strip() or not example.actual.strip():
        return None
    tokens = answer_tokens(loaded, ids, example.expected, example.actual, after)
    return ((tokens.expected,), (tokens.actual,)) if tokens.differ else None


def _of_all(named: Sequence[Words], texts: int) -> tuple[Words | None, list[Note]]:
    """The answers of all texts, for those without own ones.

    The same for every text whatever its label, so that shuffling labels is a fair test: where they are cut, the most
    frequent ones stay, of equally frequent ones the first in the order of their tokens.
    """
    if not named:
        return None, []
    counts = [Counter(answer for words in named for answer in words[side]) for side in (0, 1)]
    long = any(len(answer) > 1 for of_side in counts for answer in of_side)
    most = MOST_ANSWERS if long else None
    expected, actual = (
        tuple(sorted(sorted(of_side, key=lambda answer: (-of_side[answer], answer))[:most]))
        for of_side in counts
    )
    every = sum(map(len, counts))
    if len(named) == texts:
        return (expected, actual), []
    values = {"texts": texts - len(named), "answers": every}
    if len(expected) + len(actual) == every:
        return (expected, actual), [Note(key="answers_of_all", values=values)]
    return (expected, actual), [Note(key="answers_cut", values={**values, "kept": MOST_ANSWERS})]


def _unusable(examples: Sequence[Example], own: Sequence[Words | None]) -> list[Note]:
    """A note of texts that name two answers which the tokenizer cannot write or does not tell apart."""
    lines = [
        example.line or number
        for number, (example, words) in enumerate(zip(examples, own, strict=True), start=1)
        if words is None
        and example.expected.strip()
        and example.actual.strip()
        and example.expected.strip() != example.actual.strip()
    ]
    if not lines:
        return []
    values = {"count": len(lines), "lines": ", ".join(map(str, sorted(lines)))}
    return [Note(key="answers_unusable", values=values)]


def _one_sided(words: Sequence[Words]) -> list[Note]:
    """A note where one of the two answers of a text is the beginning of the other."""
    single = [(expected[0], actual[0]) for expected, actual in words if len(expected) == len(actual) == 1]
    count = sum(_begins(*both) or _begins(*both[::-1]) for both in single)
    return [Note(key="answer_begins_other", values={"count": count})] if count else []


def _begins(first: Tokens, second: Tokens) -> bool:
    return len(first) < len(second) and second[: len(first)] == first


def _check_lengths(
    loaded: LoadedModel,
    texts: Sequence[Sequence[int]],
    examples: Sequence[Example],
    words: Sequence[Words],
    paired: bool,
) -> None:
    """Raise ExamplesError where a text and the answer tokens read behind it are longer than the model reads.

    The last token of an answer is not read along. Without pairs every text may be asked what its heads write in front
    of another's answer.
    """
    limit = loaded.shape.context_length
    longest = [max(len(answer) for side in of_text for answer in side) - 1 for of_text in words]
    if not paired:
        longest = [max(longest)] * len(longest)
    for number, (ids, example, behind) in enumerate(zip(texts, examples, longest, strict=True), start=1):
        if limit and len(ids) + behind > limit:
            raise ExamplesError(
                "text_and_answer_too_long",
                line=example.line or number,
                count=len(ids) + behind,
                answer=behind + 1,
                maximum=limit,
                text=shortened(example.text),
            )
