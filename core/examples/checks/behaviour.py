"""Texts on which the model does what it does on the other side, or what it does on neither.

How a text behaves is compared in one of two ways:

1. By verdict, where the answers of a text are named and at least three other texts of each side have a verdict as
   well: the model's own continuation is `right` (the expected answer), at `fault` (the actual one) or `other`.
2. Else by answer: the first words of the continuation, as few as set the usual answers of the two sides apart
   (at most five), or the likeliest next token where no more is known.

A text behaves like the other side where its verdict or answer is that of at least two thirds of the other side's texts
and of at most a quarter of the other texts of its own. So a fault that is right by its words (the behaviour
to explain may be a right answer) is measured against its own side, not against the word `right`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.examples.checks.finding import Finding
from core.examples.checks.words import words_of
from core.examples.example_set import MINIMUM_PER_SIDE, Label

USUAL = 2 / 3
"""Share of a side's texts from which on an answer is what the model says there."""
RARE = 1 / 4
"""Share of a text's own side up to which an answer is not what the model says there."""
MOST_WORDS = 5
"""Words of a continuation that are compared at most: behind them continuations part in any case."""


@dataclass(frozen=True)
class Behaviour:
    """What the model does on one text.

    `answer` is the beginning of what it says; `verdict` is `right`, `fault` or `other`, empty where no answers are
    named; `fits` is whether it does what the label promises, None where nothing is promised.
    """

    label: Label
    answer: str
    verdict: str = ""
    fits: bool | None = None


def behaviour_findings(texts: Sequence[Behaviour]) -> list[Finding]:
    """`like_other_side` and `fits_neither`, one finding a text. Values: `label`, `other`, `answer`."""
    answers = _answers(texts)
    findings: list[Finding] = []
    for index, text in enumerate(texts):
        other: Label = "normal" if text.label == "anomalous" else "anomalous"
        values = {"label": text.label, "other": other, "answer": text.answer.strip()}
        kinds = _verdicts(texts, index) or answers
        own_share, other_share = (_share(kinds, texts, label, index) for label in (text.label, other))
        if other_share >= USUAL and own_share <= RARE:
            findings.append(Finding("like_other_side", (index,), values))
        elif _neither(texts, answers, index):
            findings.append(Finding("fits_neither", (index,), values))
    return findings


def _verdicts(texts: Sequence[Behaviour], index: int) -> list[str]:
    """The verdicts of all texts where this one can be compared by them, else nothing."""
    others = Counter(text.label for i, text in enumerate(texts) if text.verdict and i != index)
    comparable = bool(texts[index].verdict) and len(others) == 2 and min(others.values()) >= MINIMUM_PER_SIDE
    return [text.verdict for text in texts] if comparable else []


def _answers(texts: Sequence[Behaviour]) -> list[str]:
    """The answer of each text: as many words as set the usual answers of the sides apart, one where none do."""
    words = [words_of(text.answer) or [text.answer] for text in texts]
    for count in range(1, MOST_WORDS + 1):
        answers = [" ".join(of_text[:count]) for of_text in words]
        usual = [_usual(answers, texts, label) for label in ("anomalous", "normal")]
        if all(usual) and usual[0] != usual[1]:
            return answers
    return [of_text[0] for of_text in words]


def _usual(answers: Sequence[str], texts: Sequence[Behaviour], label: Label) -> str:
    """The answer of at least two thirds of a side, or nothing."""
    counts = Counter(answer for answer, text in zip(answers, texts, strict=True) if text.label == label)
    answer, count = next(iter(counts.most_common(1)), ("", 0))
    return answer if count and count >= USUAL * counts.total() else ""


def _share(kinds: Sequence[str], texts: Sequence[Behaviour], label: Label, index: int) -> float:
    """The share of a side's texts, this one left out, that are of its kind; texts without a kind do not count."""
    side = list(_others(kinds, texts, label, index))
    return side.count(kinds[index]) / len(side) if side else 0.0


def _others(kinds: Sequence[str], texts: Sequence[Behaviour], label: Label, index: int) -> Iterator[str]:
    for i, (kind, text) in enumerate(zip(kinds, texts, strict=True)):
        if i != index and kind and text.label == label:
            yield kind


def _neither(texts: Sequence[Behaviour], answers: Sequence[str], index: int) -> bool:
    """Whether a text does not do what its label promises or, without a promise, gives the usual answer of no side."""
    text = texts[index]
    if text.verdict or text.fits is not None:
        return text.fits is False
    usual = {_usual(answers, texts, label) for label in ("anomalous", "normal")}
    return len(usual) == 2 and "" not in usual and answers[index] not in usual
