"""One record an example: its tokens, what differs from its partner, and what the model says next."""

from collections.abc import Sequence
from typing import TypedDict

from torch import Tensor

from core.examples.alignment import Alignment
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.next_token import NextWord, most_likely
from core.model.tokens.piece_kinds import PieceKind, own_spans, piece_kinds
from core.model.tokens.prompts import prompt_of


class ExampleRow(TypedDict):
    """One example as the pages show it, plain JSON.

    `pieces` are its tokens as text, `kinds` says of each whether it is special, of the template or frame, or the user's
    own, `differs` whether the partner has another one there; `next` are the likeliest next tokens; `behaves` is None
    where nothing can be told.
    """

    label: str
    text: str
    pair: str
    pieces: list[str]
    kinds: list[PieceKind]
    differs: list[bool]
    next: list[NextWord]
    expected: NextWord | None
    actual: NextWord | None
    behaves: bool | None


def example_rows(
    loaded: LoadedModel,
    examples: ExampleSet,
    ids: Sequence[Sequence[int]],
    alignment: Alignment,
    log_probabilities: Tensor,
) -> list[ExampleRow]:
    """One record an example: its pieces, which differ from its partner, and what the model says next.

    `log_probabilities` (example, vocabulary) are those of the token after each text.
    """
    partner = dict(alignment.pairs) | {n: a for a, n in alignment.pairs}
    rows: list[ExampleRow] = []
    for index, (example, text) in enumerate(zip(examples.examples, ids, strict=True)):
        other = ids[partner.get(index, index)]
        prompt = prompt_of(loaded, examples, example)
        own = own_spans(loaded, examples, example, prompt)
        next_words = most_likely(loaded, log_probabilities[index])
        expected, actual = (
            _word(loaded, word, log_probabilities[index]) for word in (example.expected, example.actual)
        )
        behaves = _behaves(example, next_words[0]["token"], expected, actual)
        paired = examples.examples[partner[index]] if index in partner else None
        if paired and (example.expected, example.actual) == (paired.expected, paired.actual):
            # words that both texts of a pair carry measure the pair and promise nothing of one text
            behaves = behaves or None
        rows.append(
            {
                "label": example.label,
                "text": example.text,
                "pair": example.pair,
                "pieces": loaded.pieces_in(prompt.text, list(text), prompt.special),
                "kinds": piece_kinds(loaded, prompt, text, own),
                "differs": [i >= len(other) or token != other[i] for i, token in enumerate(text)],
                "next": next_words,
                "expected": expected,
                "actual": actual,
                "behaves": behaves,
            }
        )
    return rows


def _behaves(
    example: Example, next_token: int, expected: NextWord | None, actual: NextWord | None
) -> bool | None:
    """Whether what the model says next fits the example's label."""
    if expected and example.label == "normal":
        return expected["token"] == next_token
    if expected and actual and example.label == "anomalous":
        return next_token in (actual["token"], expected["token"])
    return None


def _word(loaded: LoadedModel, word: str, log_probabilities: Tensor) -> NextWord | None:
    token = loaded.word_token(word) if word.strip() else None
    if token is None:
        return None
    probability = float(log_probabilities[token].exp())
    return NextWord(token=token, piece=loaded.pieces([token])[0], probability=probability)
