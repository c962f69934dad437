"""Texts of different lengths: neutral words put in front of a task's texts.

One rule for all tasks. In front of each text go none to three random words of the lists of the bundled tasks that the
tokenizer knows and that neither text of the pair has. Words behind which the model behaves otherwise are drawn again:
what it says next must stay a right word, a wrong one or another, as it was. Where TRIES words in a row change that, the
text gets one word fewer. How many words a text is to get does not depend on its side.

Three are as many positions as the bundled models were trained to begin later.
"""

import re
from collections.abc import Sequence
from random import Random

import torch

from core.benchmark.tasks.task import Task
from core.examples.example_set import Example, ExampleSet, Label
from core.model.loaded_model import LoadedModel
from core.model.next_token import last_logits
from core.scenarios.build.tasks import PLANTED_WORDS, WORDS, TaskPair

MOST_WORDS = 3
TRIES = 96
TOGETHER = 16
"""Tries that are read in one forward pass."""


def unequal(task: Task, own: Sequence[TaskPair], other: Sequence[TaskPair], draw: int) -> ExampleSet:
    """The anomalous texts of some pairs and the normal ones of others, in different lengths, without partners.

    Raises ValueError where the tokenizer knows too few words, or all texts of a side would have one length.
    """
    random = Random(f"unequal {task.name} {draw}")
    known = known_words(task.loaded)
    examples = []
    sides: tuple[tuple[Label, Sequence[TaskPair]], ...] = (("anomalous", own), ("normal", other))
    for label, pairs in sides:
        longer = [lengthened(task.loaded, pair, label, known, random) for pair in pairs]
        if len({len(task.loaded.encode(text)) for text in longer}) < 2:
            raise ValueError(f"every {label} text has the same number of tokens")
        examples += [
            Example(label=label, text=text, expected=pair.expected, actual=pair.actual)
            for text, pair in zip(longer, pairs, strict=True)
        ]
    return ExampleSet(examples=tuple(examples))


def known_words(loaded: LoadedModel) -> list[str]:
    """The words of the lists that the tokenizer knows."""
    unknown = loaded.tokenizer.unk_token_id
    return [word for word in dict.fromkeys((*WORDS, *PLANTED_WORDS)) if unknown not in loaded.encode(word)]


def lengthened(
    loaded: LoadedModel, pair: TaskPair, label: Label, known: Sequence[str], random: Random
) -> str:
    """One text of a pair with words in front behind which the model behaves as it does without them."""
    text = pair.anomalous if label == "anomalous" else pair.normal
    there = set(re.findall(r"\w+", f"{pair.anomalous} {pair.normal}"))
    free = [word for word in known if word not in there]
    if len(free) < MOST_WORDS:
        raise ValueError(f"the tokenizer knows fewer than {MOST_WORDS} words that the text does not have")
    kinds = (pair.good, pair.bad) if label == "anomalous" else (pair.fitting,)
    usual = kinds_of_next_word(loaded, [text], kinds)[0]
    for count in range(random.randint(0, MOST_WORDS), 0, -1):
        for _ in range(TRIES // TOGETHER):
            tried = [" ".join([*random.sample(free, count), text]) for _ in range(TOGETHER)]
            for one, kind in zip(tried, kinds_of_next_word(loaded, tried, kinds), strict=True):
                if kind == usual:
                    return one
    return text


@torch.inference_mode()
def kinds_of_next_word(
    loaded: LoadedModel, texts: Sequence[str], kinds: Sequence[Sequence[str]]
) -> list[int]:
    """Which kind of words the likeliest next token of each text belongs to; -1 for none."""
    tokens = [{loaded.word_token(word) for word in words} for words in kinds]
    likeliest = last_logits(loaded, [loaded.encode(text) for text in texts]).argmax(dim=-1).tolist()
    return [next((kind for kind, ids in enumerate(tokens) if token in ids), -1) for token in likeliest]
