"""The forms in which a person may have texts: without partners of one length, and without partners of several lengths.

Pairs are the task's own draw. `words` says whether the texts name what the model should say and what it says.
"""

from core.benchmark.tasks.task import FIRST_SEEDS, PairMaker, Task
from core.benchmark.tasks.unequal_lengths import unequal
from core.examples.example_set import Example, ExampleSet, Label
from core.scenarios.build.tasks import TaskPair

PARTNERLESS = 5_000
"""Added to the draw for the normal texts of texts without partners: those of other pairs."""


def partnerless(task: Task, examples: int, draw: int, words: bool = True) -> ExampleSet:
    """The anomalous texts of a draw beside as many normal texts that belong to other pairs, in one number of tokens.

    Raises ValueError where no words are given and only words tell the sides apart.
    """
    _check(task, words)
    own, other = _sides(task, examples, draw, task.make_alike or task.make_pairs)
    return _shown(without_partners(own, other), words)


def of_unequal_lengths(task: Task, examples: int, draw: int, words: bool = True) -> ExampleSet:
    """Texts without partners of several lengths: as they come, or with words in front where all have one length.

    Raises ValueError where no words can be put in front, or none are given and only words tell the sides apart.
    """
    _check(task, words)
    own, other = _sides(task, examples, draw, task.make_pairs)
    if task.make_alike is None:
        return _shown(unequal(task, own, other, draw), words)
    return _shown(without_partners(own, other), words)


def without_words(texts: ExampleSet) -> ExampleSet:
    """The same texts with nothing said of what the model should say and says."""
    bare = (text.model_copy(update={"expected": "", "actual": ""}) for text in texts.examples)
    return ExampleSet(examples=tuple(bare))


def without_partners(own: list[TaskPair], other: list[TaskPair]) -> ExampleSet:
    """The anomalous texts of some pairs and the normal ones of others."""
    sides: tuple[tuple[Label, list[TaskPair]], ...] = (("anomalous", own), ("normal", other))
    texts = [
        Example(label=label, text=getattr(pair, label), expected=pair.expected, actual=pair.actual)
        for label, pairs in sides
        for pair in pairs
    ]
    return ExampleSet(examples=tuple(texts))


def _sides(task: Task, examples: int, draw: int, make: PairMaker) -> tuple[list[TaskPair], list[TaskPair]]:
    first = FIRST_SEEDS[task.role] + draw
    return make(task.name, examples, first), make(task.name, examples, PARTNERLESS + first)


def _shown(texts: ExampleSet, words: bool) -> ExampleSet:
    return texts if words else without_words(texts)


def _check(task: Task, words: bool) -> None:
    if task.by_words_alone and not words:
        raise ValueError("only the words given tell the sides of this behaviour apart")
