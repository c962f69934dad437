"""Behaviours of slm4096, a model of 211,712 parameters that reads letters and writes lines of questions and answers.

- `answer-after-question`: a line of a question has ended; the next begins with “A”. The normal text has the same words
  as a line of an answer, after which the next begins with “Q”.
- `i-or-we`: a question whose answer begins with “I”. That of the normal text begins with “We”.
- `word-of-the-speaker`: a line of an answer that begins with “W”: “We” follows. In the normal text it is a line of a
  question: “What” or “Why”.

In front of the question stands the end of an earlier answer, cut anywhere. Pure Python and seeded.
"""

from random import Random

from core.benchmark.tasks.real.drawing import Generator
from core.scenarios.build.tasks import TaskPair, word_lists

_LISTS = word_lists(__file__)
SAID_BY_I, SAID_BY_WE, ENDS = (_LISTS[name] for name in ("said_by_i", "said_by_we", "ends"))
QUESTIONS = [*SAID_BY_I, *SAID_BY_WE, *_LISTS["others"]]


def _front(random: Random) -> str:
    """The last letters of an earlier answer as a line of its own, or nothing."""
    end = random.choice(ENDS)
    letters = random.randint(0, len(end))
    return f"{end[-letters:]}\n" if letters else ""


def _answer_after_question(random: Random) -> TaskPair:
    front, words = _front(random), random.choice(QUESTIONS)
    texts = f"{front}Q: {words}?\n", f"{front}A: {words}.\n"
    return TaskPair("answer-after-question", *texts, "A", "Q", ("A",), ("Q",), ("Q",))


def _i_or_we(random: Random) -> TaskPair:
    front, questions = _front(random), (random.choice(SAID_BY_I), random.choice(SAID_BY_WE))
    texts = f"{front}Q: {questions[0]}?\nA:", f"{front}Q: {questions[1]}?\nA:"
    return TaskPair("i-or-we", *texts, "I", "We", ("I",), ("We",), ("We",))


def _word_of_the_speaker(random: Random) -> TaskPair:
    front, words = _front(random), random.choice(QUESTIONS)
    texts = f"{front}Q: {words}?\nA: W", f"{front}A: {words}.\nQ: W"
    return TaskPair("word-of-the-speaker", *texts, "e", "h", ("e",), ("h",), ("h",))


GENERATORS: dict[str, Generator] = {
    "answer-after-question": _answer_after_question,
    "i-or-we": _i_or_we,
    "word-of-the-speaker": _word_of_the_speaker,
}
