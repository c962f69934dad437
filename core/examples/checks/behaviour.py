"""Texts on which the model does what it does on the other side, or what it does on neither.

In each rule a side's texts are its others, this one left out, and `usual` is what at least two thirds of them do.

1. By verdict, where the answers are named and the model is usually at `fault` on the anomalous side and usually `right`
   on the normal one: a text with the other side's verdict behaves like the other side. Where the right answer is itself
   the behaviour to explain, verdicts promise nothing of the normal texts, and the answers decide.
2. By answer: the first words of the continuation, as few as set the usual answers of the two sides apart (at most
   five), or the likeliest next token where no more is known. A text behaves like the other side where its answer is
   a) usual there and given by at most a quarter of its own side; or
   b) given there at least twice and by none of its own side, which has a usual answer that at most a quarter of the
      other side gives.
3. Else a text may break the promise of its label (`fits`); or, without a promise, be alone with its answer: nearly all
   others of its own side give one answer, the other side usually gives a second, and this text gives a third.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.examples.checks.finding import Finding
from core.examples.checks.words import beginning, words_of
from core.examples.example_set import LABELS, MINIMUM_PER_SIDE, Label

USUAL, NEARLY_ALL = 2 / 3, 0.9
"""Shares of a side's texts from which on an answer or a verdict is usual there, or that of nearly all."""
RARE = 1 / 4
"""Share of a side's texts up to which an answer is rare there."""
PROMISED: Mapping[Label, str] = {"anomalous": "fault", "normal": "right"}
"""The verdict by which a side is recognised where verdicts tell the sides apart."""
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
    """`like_other_side`, `breaks_promise` or `says_alone`, one finding a text.

    Values: `label`, `other`, and `answer`, the words that were compared.
    """
    count = _words_apart(texts)
    answers = _answers(texts, count)
    findings: list[Finding] = []
    for index, text in enumerate(texts):
        other: Label = "normal" if text.label == "anomalous" else "anomalous"
        values = {"label": text.label, "other": other, "answer": beginning(text.answer, count)}
        verdict_decides = _verdict_decides(texts, index)
        like = text.verdict == PROMISED[other] if verdict_decides else _answers_alike(answers, texts, index)
        if like:
            findings.append(Finding("like_other_side", (index,), values))
        elif text.fits is False:
            findings.append(Finding("breaks_promise", (index,), values))
        elif text.fits is None and _alone(texts, answers, index):
            findings.append(Finding("says_alone", (index,), values))
    return findings


def _verdict_decides(texts: Sequence[Behaviour], index: int) -> bool:
    """Whether the model is usually at fault on the other anomalous texts and usually right on the other normal ones."""
    verdicts = [text.verdict for text in texts]
    sides = [_others(verdicts, texts, label, index) for label in LABELS]
    enough = all(side.total() >= MINIMUM_PER_SIDE for side in sides)
    usual = all(_share(side, PROMISED[label]) >= USUAL for side, label in zip(sides, LABELS, strict=True))
    return bool(verdicts[index]) and enough and usual


def _answers_alike(answers: Sequence[str], texts: Sequence[Behaviour], index: int) -> bool:
    """Rule 2: whether the answer of this text is one of the other side."""
    own, other = _own_and_other(answers, texts, index)
    if not own or not other:
        return False
    answer = answers[index]
    if _share(other, answer) >= USUAL and _share(own, answer) <= RARE:
        return True
    usual = _usual(own)
    return bool(usual) and other[answer] > 1 and answer not in own and _share(other, usual) <= RARE


def _alone(texts: Sequence[Behaviour], answers: Sequence[str], index: int) -> bool:
    """Rule 3: whether this text gives an answer of its own where each side has a usual one."""
    own, other = _own_and_other(answers, texts, index)
    usual = _usual(own, NEARLY_ALL), _usual(other)
    return all(usual) and usual[0] != usual[1] and answers[index] not in usual


def _words_apart(texts: Sequence[Behaviour]) -> int:
    """How many words of the answers set the usual ones of the sides apart, one where no number does."""
    for count in range(1, MOST_WORDS + 1):
        answers = _answers(texts, count)
        usual = [_usual(_others(answers, texts, label)) for label in LABELS]
        if all(usual) and usual[0] != usual[1]:
            return count
    return 1


def _answers(texts: Sequence[Behaviour], count: int) -> list[str]:
    """The first words of each answer."""
    return [" ".join((words_of(text.answer) or [text.answer])[:count]) for text in texts]


def _own_and_other(
    answers: Sequence[str], texts: Sequence[Behaviour], index: int
) -> tuple[Counter[str], Counter[str]]:
    own = texts[index].label
    other: Label = "normal" if own == "anomalous" else "anomalous"
    return _others(answers, texts, own, index), _others(answers, texts, other, index)


def _others(
    kinds: Sequence[str], texts: Sequence[Behaviour], label: Label, left_out: int = -1
) -> Counter[str]:
    """How often each kind is on a side, one text left out; texts without a kind do not count."""
    return Counter(
        kind
        for i, (kind, text) in enumerate(zip(kinds, texts, strict=True))
        if i != left_out and kind and text.label == label
    )


def _share(counts: Counter[str], kind: str) -> float:
    return counts[kind] / counts.total() if counts else 0.0


def _usual(counts: Counter[str], least: float = USUAL) -> str:
    """What at least this share do, or nothing."""
    kind = next((kind for kind, _ in counts.most_common(1)), "")
    return kind if kind and _share(counts, kind) >= least else ""
