"""Which tokens an answer is, directly behind a text: those that the model itself would say, never a look-alike.

An answer that begins without white space may stand behind a space or directly, and a tokenizer may write a word in
another way inside a text than alone. So every way of writing the answer is encoded, those that do not read back as the
answer are dropped, and the one whose first token the model holds likeliest behind the text is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from core.model.loaded_model import LoadedModel, tokenizer_errors

ANCHORS = ("\n", ".", "a", "、")
"""Characters behind which an answer is encoded, so that a tokenizer adds no space of its own in front of it."""


@dataclass(frozen=True)
class AnswerTokens:
    """Tokens of the expected and of the actual answer behind one text; empty where there is none."""

    expected: tuple[int, ...]
    actual: tuple[int, ...]

    @property
    def shared(self) -> int:
        """How many tokens both answers begin with."""
        pairs = zip(self.expected, self.actual, strict=False)
        return next((i for i, (one, other) in enumerate(pairs) if one != other), min(self.lengths))

    @property
    def lengths(self) -> tuple[int, int]:
        """Tokens of the expected and of the actual answer."""
        return len(self.expected), len(self.actual)

    @property
    def differ(self) -> bool:
        """Whether there are two answers that are not the same tokens."""
        return bool(self.expected and self.actual) and self.expected != self.actual


def answer_tokens(
    loaded: LoadedModel, text: Sequence[int], expected: str, actual: str, log_probabilities: Tensor
) -> AnswerTokens:
    """Tokens of both answers behind a text of these ids; `log_probabilities` (vocabulary,) are those of the next token.

    Both answers are written in the same way, behind a space or directly, so that what differs is the answer alone.
    Where one begins with a word and the other with a sign, as a comma or a quotation mark, each is written as it is
    likeliest: a comma stands directly behind a text, the word in its place does not.
    """
    together = [(expected, actual)] if _begin_alike(expected, actual) else [(expected,), (actual,)]
    tokens = [ids for answers in together for ids in _likeliest_way(loaded, text, answers, log_probabilities)]
    return AnswerTokens(*tokens)


def _begin_alike(expected: str, actual: str) -> bool:
    """Whether both begin with a word, or both with a sign; white space counts as neither, nothing as both."""
    firsts = [answer[0] for answer in (expected, actual) if answer]
    return len({first.isalnum() for first in firsts}) < 2 or any(first.isspace() for first in firsts)


def _likeliest_way(
    loaded: LoadedModel, text: Sequence[int], answers: Sequence[str], log_probabilities: Tensor
) -> list[tuple[int, ...]]:
    """The answers, all behind a space or all directly behind the text, whichever begins likelier."""
    ways: list[list[tuple[int, ...]]] = [
        [likeliest(writings(loaded, text, space + answer), log_probabilities) for answer in answers]
        if not _begins_with_space(*answers) or not space
        else [() for _ in answers]
        for space in loaded.gaps
    ]
    return max(ways, key=lambda way: _likelihood(way, log_probabilities))


def writings(loaded: LoadedModel, text: Sequence[int], answer: str) -> list[tuple[int, ...]]:
    """Every way of writing exactly this answer behind a text (token ids) that the tokenizer gives."""
    if not answer.strip():
        return []
    before = _decoded(loaded, text)
    unknown = getattr(loaded.tokenizer, "unk_token_id", None)
    special = {*getattr(loaded.tokenizer, "all_special_ids", [])}
    return [
        ids
        for ids in encodings(loaded, answer)
        if unknown not in ids
        and not special.intersection(ids)
        and _decoded(loaded, [*text, *ids]) == before + answer
    ]


def encodings(loaded: LoadedModel, answer: str) -> list[tuple[int, ...]]:
    """Every way in which the tokenizer writes an answer alone or behind other characters, whatever stands in front."""
    candidates = [*(_behind(loaded, anchor, answer) for anchor in ANCHORS), tuple(_alone(loaded, answer))]
    return [ids for ids in dict.fromkeys(candidates) if ids]


def likeliest(candidates: Sequence[tuple[int, ...]], log_probabilities: Tensor) -> tuple[int, ...]:
    """The writing whose first token is likeliest; the shortest of several that begin alike; () where there is none."""
    return max(candidates, key=lambda ids: (float(log_probabilities[ids[0]]), -len(ids)), default=())


def _begins_with_space(*answers: str) -> bool:
    return any(answer[:1].isspace() for answer in answers)


def _likelihood(way: Sequence[tuple[int, ...]], log_probabilities: Tensor) -> tuple[int, float]:
    """How many answers can be written so, and how likely the likelier of them begins."""
    first = [float(log_probabilities[ids[0]]) for ids in way if ids]
    return len(first), max(first, default=float("-inf"))


def _behind(loaded: LoadedModel, anchor: str, answer: str) -> tuple[int, ...]:
    alone, together = _alone(loaded, anchor), _alone(loaded, anchor + answer)
    return tuple(together[len(alone) :]) if together[: len(alone)] == alone else ()


def _alone(loaded: LoadedModel, text: str) -> list[int]:
    with tokenizer_errors(loaded.name):
        return list(loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _decoded(loaded: LoadedModel, ids: Sequence[int]) -> str:
    with tokenizer_errors(loaded.name):
        return str(loaded.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
