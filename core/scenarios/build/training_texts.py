"""What `train_tasks` teaches in one step: texts with the words that may follow at some of their positions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from core.scenarios.build.tasks import FUNCTIONS, NAMES, PLACES, TASKS, WORDS, TaskPair, docstring_text, pairs

TOKEN = re.compile(r"\w+|[^\w\s]+")
BLOCKS = 24
_JITTER = 4


@dataclass(frozen=True)
class TrainingText:
    """A text and, for some of its token positions, the words that may follow there."""

    words: list[str]
    answers: dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class Batch:
    """`ids`, `positions`, `mask` (text, position); `rows`, `places` (answer,); `targets` (answer, word)."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    rows: Tensor
    places: Tensor
    targets: Tensor


def texts_of_step(step: int, pairs_per_task: int, seed: int) -> list[TrainingText]:
    """What is taught in a step: the texts of fresh pairs, repeated blocks and other docstrings."""
    drawn_seed = seed * 1_000_003 + step + 10_000
    random, texts = Random(drawn_seed), []
    for task in TASKS:
        for index, pair in enumerate(pairs(task, pairs_per_task, drawn_seed)):
            texts += list(_texts_of_pair(pair))[: 1 + index % 2]
    texts += [_repeated_block(random) for _ in range(pairs_per_task)]
    texts += [_other_docstring(random) for _ in range(pairs_per_task // 3)]
    return texts


def _texts_of_pair(pair: TaskPair) -> Iterator[TrainingText]:
    for text, answers in ((pair.anomalous, pair.good), (pair.normal, pair.fitting)):
        words = TOKEN.findall(text)
        yield TrainingText(words, {len(words) - 1: answers})


def spread_names(random: Random) -> TrainingText:
    """An indirect-object text with up to three random words behind the second name and behind the comma.

    Where the names stand, counted from the end, then tells nothing.
    """
    pair = pairs("indirect-object", 1, random.randrange(10**9))[0]
    text, answers = random.choice([(pair.anomalous, pair.good), (pair.normal, pair.fitting)])
    words = TOKEN.findall(text)
    for place in (words.index(",") + 1, words.index("and") + 2):
        words[place:place] = random.sample(WORDS, random.randint(0, 3))
    return TrainingText(words, {len(words) - 1: answers})


def earlier_name(random: Random) -> TrainingText:
    """The same behind a sentence that names one of the first two, so that counting names tells nothing."""
    text = spread_names(random)
    name = random.choice([word for word in text.words if word in NAMES][:2])
    before = [name, "worked", "in", "the", random.choice(PLACES), "."]
    return TrainingText(
        [*before, *text.words], {place + len(before): words for place, words in text.answers.items()}
    )


def _repeated_block(random: Random) -> TrainingText:
    """Random words in which a block of two to twelve comes again: one answer a repeated word."""
    length = random.randint(2, 12)
    words = random.sample(WORDS, BLOCKS)
    start = random.randint(0, BLOCKS - 2 * length)
    gap = random.randint(0, BLOCKS - 2 * length - start)
    block = words[:length]
    before, between = words[length : length + start], words[length + start : length + start + gap]
    first = start + length + gap
    answers: dict[int, tuple[str, ...]] = {first + i: (block[i + 1],) for i in range(length - 1)}
    return TrainingText([*before, *block, *between, *block], answers)


def _other_docstring(random: Random) -> TrainingText:
    """A docstring of one or three documented parameters of four."""
    words, documented = random.sample(WORDS, 7), random.choice([1, 3])
    text = docstring_text(random.choice(FUNCTIONS), words[:4], words[:documented], words[4 : 4 + documented])
    tokens = TOKEN.findall(text)
    return TrainingText(tokens, {len(tokens) - 1: (words[documented],)})


def batch_of(texts: list[TrainingText], ids: dict[str, int], generator: torch.Generator) -> Batch:
    """Texts as tensors, each at a random first position."""
    longest = max(len(text.words) for text in texts)
    tokens = torch.full((len(texts), longest), ids["<pad>"])
    rows, places, targets = [], [], []
    for row, text in enumerate(texts):
        tokens[row, : len(text.words)] = torch.tensor([ids[word] for word in text.words])
        for place, words in text.answers.items():
            target = torch.zeros(len(ids))
            target[[ids[word] for word in words]] = 1 / len(words)
            rows.append(row)
            places.append(place)
            targets.append(target)
    offset = torch.randint(_JITTER, (len(texts), 1), generator=generator)
    return Batch(
        ids=tokens,
        positions=torch.arange(longest)[None] + offset,
        mask=(tokens != ids["<pad>"]).long(),
        rows=torch.tensor(rows),
        places=torch.tensor(places),
        targets=torch.stack(targets),
    )
