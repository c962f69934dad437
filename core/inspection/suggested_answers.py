"""Answers for texts that name none: what the model itself says on each text, and what it says on the other side.

1. The model continues each text by itself. What it says is its first line, up to the end of its first sentence; a word
   that was cut by the number of tokens does not count.
2. Where all answers are complete and at most SHORT words long, they are taken whole. Longer ones end with the word by
   which every anomalous text has parted from the normal texts that it is compared with, often the first one: what
   follows would only add noise to the comparison of their probabilities.
3. `actual` is what the model says on the text; `expected` of an anomalous text what it says on the text's partner or,
   without pairs, on most of the normal texts. A normal text says what is expected of it. Where normal texts agree on
   nothing, their answers are offered, and none is taken unasked.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from core.config import RunConfig
from core.examples.answer_match import ends_word, plain, spaced_script
from core.generators import result_of
from core.inspection.answers import Offered, Suggestion, Suggestions, SuggestionState
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.tokens.continuations import continued
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import tokenise

MOST_SAID = 24
"""Tokens of what the model says, from which answers are taken."""
MOST_OFFERED = 8
SHORT = 4
"""Words of an answer that is no sentence."""

_SENTENCE_END = re.compile(r"[.!?…]+(?=[\s\"'”’)\]]|$)|[。!?．]")


@within_memory
def suggest_answers(config: RunConfig, models: ModelPool | None = None) -> Suggestions:
    """The answers that the texts of these settings could be given, as plain JSON. Raises HeadlightError."""
    loaded = (models or ModelPool()).get(config.model, config.device, config.adapter)
    config.examples.check()
    ids = tokenise(loaded, config.examples)
    partners = dict(aligned(loaded, config, ids).pairs)
    written = result_of(continued(loaded, ids, MOST_SAID))
    labels = [example.label for example in config.examples.examples]
    whole = config.match == "equals"
    says = [one.text for one in written]
    answers = [answer_in(one.text, one.end == "cut", whole) for one in written]
    complete = all(is_complete(one.text, one.end == "cut") for one in written)
    short = complete and max(len(_ends_of_words(answer)) for answer in answers) <= SHORT
    suggestions = suggested(labels, answers, partners, whole or short)
    for suggestion, text, one in zip(suggestions["examples"], says, written, strict=True):
        suggestion["says"], suggestion["ended"] = text, one.end == "ended"
    return suggestions


def suggested(
    labels: Sequence[str], answers: Sequence[str], partners: Mapping[int, int], whole: bool = False
) -> Suggestions:
    """What to fill in, from what the model says on each text; `partners` are those of anomalous texts.

    `whole` answers are not shortened to the words that set them apart.
    """
    normal = [i for i, label in enumerate(labels) if label == "normal"]
    anomalous = [i for i, label in enumerate(labels) if label == "anomalous"]
    against = {i: [partners[i]] if partners else normal for i in anomalous if i in partners or not partners}
    if not whole:
        compared = [(answers[i], answers[j]) for i, others in against.items() for j in others]
        count = max((_words_to_part(*both) for both in compared), default=0)
        answers = [first_words(answer, count) for answer in answers]
    counts = Counter(answers[i] for i in normal if answers[i])
    offered: list[Offered] = [
        {"answer": answer, "texts": count} for answer, count in counts.most_common(MOST_OFFERED)
    ]
    frequent = _frequent(counts)
    expected = {i: answers[partners[i]] if partners else frequent for i in against}
    alike = [i for i, answer in expected.items() if answers[i] and plain(answer) == plain(answers[i])]
    spoken = [i for i in against if answers[i]]
    same = len(alike) == len(spoken)
    state: SuggestionState = (
        "alike" if same else "partners" if partners else "frequent" if frequent else "choose"
    )
    rows = [
        _row(label, "" if same or i in alike else answers[i], expected.get(i, ""))
        for i, label in enumerate(labels)
    ]
    return {"state": state, "examples": rows, "offered": offered, "alike": len(alike)}


def answer_in(says: str, cut: bool, whole: bool = False) -> str:
    """The answer in what a model says: the first line up to the end of a sentence; `whole` is the line as it is.

    `cut` tells that it was stopped by the number of tokens, so that its last word may be a part of one.
    """
    line, behind, _ = says.lstrip().partition("\n")
    end = None if whole else _SENTENCE_END.search(line)
    if end is not None and end.start():
        return plain(line[: end.start()])
    if cut and not behind and not whole:
        head, _, tail = line.rstrip().rpartition(" ")
        line = head if head and spaced_script(tail[-1]) else line
    return plain(line)


def is_complete(says: str, cut: bool) -> bool:
    """Whether the answer in what a model says has an end: of its sentence, its line, or all that is said."""
    line, behind, _ = says.lstrip().partition("\n")
    return bool(behind) or not cut or _SENTENCE_END.search(line) is not None


def first_words(answer: str, count: int) -> str:
    """The first words of an answer; in scripts without spaces runs of characters of one kind."""
    ends = _ends_of_words(answer)
    return answer[: ends[count - 1]] if 0 < count <= len(ends) else answer


def _words_to_part(first: str, second: str) -> int:
    """How many first words set two answers apart; 0 where they are the same, or one says nothing."""
    if not first or not second or first == second:
        return 0
    longest = max(len(_ends_of_words(answer)) for answer in (first, second))
    counts = range(1, longest + 1)
    return next((k for k in counts if first_words(first, k) != first_words(second, k)), longest)


def _ends_of_words(answer: str) -> list[int]:
    """Where the words of an answer end."""
    return [
        place
        for place in range(1, len(answer) + 1)
        if answer[place - 1].isalnum()
        and (
            place == len(answer)
            or (ends_word(answer, place) and _kind(answer[place]) != _kind(answer[place - 1]))
        )
    ]


def _kind(character: str) -> str:
    """What sets a run of characters apart where words have no spaces: hiragana, katakana, other letters, or none."""
    if "\u3041" <= character <= "\u309f":
        return "hiragana"
    if "\u30a0" <= character <= "\u30ff":
        return "katakana"
    return "letter" if character.isalnum() else "none"


def _frequent(counts: Counter[str]) -> str:
    """The answer that more normal texts give than any other, at least two unless it is the only one; else nothing."""
    first, second = [*counts.most_common(2), ("", 0), ("", 0)][:2]
    return first[0] if first[1] > second[1] and (first[1] > 1 or not second[1]) else ""


def _row(label: str, answer: str, expected: str) -> Suggestion:
    normal = label == "normal"
    right = answer if normal else expected if answer else ""
    return {"label": label, "says": "", "ended": False, "expected": right, "actual": answer}
