"""One record an example: its tokens, what differs from its partner, what the model says, how likely its answers are."""

from collections.abc import Generator, Sequence
from typing import TypedDict

from torch import Tensor

from core.examples.alignment import Alignment
from core.examples.answer_match import Match, Verdict, verdict
from core.examples.example_set import Example, ExampleSet
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.next_token import NextWord, most_likely
from core.model.tokens.answer_readings import AnswerReading, Difference, answer_readings, difference_of
from core.model.tokens.answer_tokens import answer_tokens
from core.model.tokens.continuations import End, continued_once, end_piece, enough_tokens
from core.model.tokens.piece_kinds import PieceKind, own_spans, piece_kinds
from core.model.tokens.prompts import prompt_of


class ExampleRow(TypedDict):
    """One example as the pages show it, plain JSON; `source` says whether it is a made partner.

    `prompt` is what the model reads, with what stands around the text; `pieces` are its tokens as text, `kinds` says of
    each whether it is special, stands around every text, or is the text's own, `differs` whether the partner has
    another one there; `next` are the likeliest next tokens. `continuation` is what the model writes of itself, `end`
    how it ended (`ended` by `end_token`, `cut` after the tokens that the answers need, `full` where the context ends).
    `expected` and `actual` are the answers behind this text, `difference` sets them against each other. `verdict` says
    which answer the continuation is, `behaves` whether that fits the label; it is None where nothing can be told.
    """

    label: str
    text: str
    pair: str
    source: str
    prompt: str
    pieces: list[str]
    kinds: list[PieceKind]
    differs: list[bool]
    next: list[NextWord]
    continuation: str
    end: End
    end_token: str
    expected: AnswerReading | None
    actual: AnswerReading | None
    difference: Difference | None
    verdict: Verdict
    behaves: bool | None


def example_rows(
    loaded: LoadedModel,
    examples: ExampleSet,
    ids: Sequence[Sequence[int]],
    alignment: Alignment,
    log_probabilities: Tensor,
    match: Match = "begins",
    store: ActivationStore | None = None,
) -> Generator[int, None, list[ExampleRow]]:
    """One record an example; yields after each forward pass that the continuations and the answers take.

    Continuations are kept in `store`. `log_probabilities` (example, vocabulary) are those of the token after each text.
    """
    answers = [
        answer_tokens(loaded, text, example.expected, example.actual, of_text)
        for example, text, of_text in zip(examples.examples, ids, log_probabilities, strict=True)
    ]
    readings = yield from answer_readings(loaded, ids, answers, list(log_probabilities))
    count = enough_tokens(loaded, examples, match)
    continuations = yield from continued_once(loaded, ids, count, log_probabilities, store)
    partner = dict(alignment.pairs) | {n: a for a, n in alignment.pairs}
    rows: list[ExampleRow] = []
    for index, (example, text) in enumerate(zip(examples.examples, ids, strict=True)):
        other = ids[partner.get(index, index)]
        prompt, written = prompt_of(loaded, examples, example), continuations[index]
        own = own_spans(loaded, examples, example, prompt)
        judged = verdict(written.text, example.expected, example.actual, match)
        paired = examples.examples[partner[index]] if index in partner else None
        rows.append(
            {
                "label": example.label,
                "text": example.text,
                "pair": example.pair,
                "source": example.source,
                "prompt": prompt.text,
                "pieces": loaded.pieces_in(prompt.text, list(text), prompt.special),
                "kinds": piece_kinds(loaded, prompt, text, own),
                "differs": [i >= len(other) or token != other[i] for i, token in enumerate(text)],
                "next": most_likely(loaded, log_probabilities[index]),
                "continuation": written.text,
                "end": written.end,
                "end_token": end_piece(loaded, written),
                "expected": readings[index][0],
                "actual": readings[index][1],
                "difference": difference_of(readings[index], answers[index].shared),
                "verdict": judged,
                "behaves": behaves(example, judged, paired),
            }
        )
    return rows


def behaves(example: Example, judged: Verdict, paired: Example | None = None) -> bool | None:
    """Whether what the model says fits the example's label; `paired` is its partner, where it has one.

    A normal text says its expected answer; an anomalous one says either of its two answers.
    """
    if not example.expected.strip() or (example.label == "anomalous" and not example.actual.strip()):
        return None
    fits = judged == "right" if example.label == "normal" else judged in ("right", "fault")
    if paired and (example.expected, example.actual) == (paired.expected, paired.actual):
        # answers that both texts of a pair carry measure the pair and promise nothing of one text
        return fits or None
    return fits
