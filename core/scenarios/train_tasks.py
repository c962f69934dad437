"""Train the bundled model `four-tasks`: `python -m core.scenarios.train_tasks`.

1. The weights begin random, but for two heads that look one position back and two induction heads that read
   them (`_head_start`): such pairs form by themselves too, but take much longer than all the rest.
2. A GPT-2 of 4 layers, 8 heads and d_model 128 learns all four tasks of `core.scenarios.tasks` at once:
   cross-entropy towards every word that fits, on the anomalous and on the normal text, and a small loss on
   all other words, which gives heads work outside the tasks. No weight is held fixed.
3. Texts start at a random position, so that no head can rely on absolute positions alone.
4. Once it answers, a penalty on the mean length of every head's output is raised slowly: heads that do the
   same work side by side become few, which makes the circuit known rather than hidden by redundancy.

Seeded, on one CPU core: seven minutes on a machine shared with other work.
"""

import argparse
import logging
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from core.scenarios.tasks import FUNCTIONS, TASKS, WORDS, TaskPair, docstring_text, pairs, vocabulary

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "models" / "four-tasks"
_TOKEN = re.compile(r"\w+|[^\w\s]+")
_JITTER, _N_POSITIONS, _BLOCKS = 4, 32, 24


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training; the defaults made the bundled model."""

    steps: int = 1000
    pairs_per_task: int = 14
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    language_weight: float = 0.1
    penalty: float = 0.003
    penalty_start: float = 0.4
    seed: int = 0


@dataclass(frozen=True)
class Lesson:
    """A text and, for some of its token positions, the words that may follow there."""

    words: list[str]
    answers: dict[int, tuple[str, ...]]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word or run of punctuation."""
    ids = {word: index for index, word in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", model_max_length=_N_POSITIONS
    )


def build_model(config: TrainingConfig) -> GPT2LMHeadModel:
    """The untrained model."""
    torch.manual_seed(config.seed)
    shape = GPT2Config(
        vocab_size=len(vocabulary()),
        n_positions=_N_POSITIONS,
        n_embd=128,
        n_layer=4,
        n_head=8,
        n_inner=256,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=1,
    )
    return GPT2LMHeadModel(shape)


@torch.no_grad()
def _head_start(model: GPT2LMHeadModel, generator: torch.Generator) -> None:
    """Begin with two previous-token heads, L0H0 and L0H1, and induction heads that read them, L1H0 and L1H1.

    All weights are trained on from here.
    """
    n_positions, d_model = model.transformer.wpe.weight.shape
    d_head, half = d_model // model.config.n_head, d_model // 2
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.mul_(3.0)
    speeds = math.pi * torch.exp(-math.log(100.0) * torch.arange(half) / half)
    angles = torch.arange(n_positions)[:, None] * speeds
    positions = torch.cat([angles.sin(), angles.cos()], 1)
    model.transformer.wpe.weight.copy_(0.1 * positions)
    query, key = _one_back(speeds, d_head)
    model.transformer.wte.weight[:, key.any(1)] = 0.0
    random = torch.randn(d_model, 6 * d_head, generator=generator)
    free = torch.linalg.qr(torch.cat([positions[:_BLOCKS].T, random], 1)).Q[:, -6 * d_head :]
    first, second = (block.attn for block in model.transformer.h[:2])
    for head, slots in enumerate(free.chunk(2, 1)):
        word, before, copied = slots.split(d_head, 1)
        model.transformer.wte.weight.sub_(model.transformer.wte.weight @ before @ before.T)
        _set_head(first, head, (2 * query, 2 * key, word), 0.15 * before.T)
        _set_head(second, head, (2 * word, 2 * before, copied), 0.3 * copied.T)


def _one_back(speeds: Tensor, d_head: int) -> tuple[Tensor, Tensor]:
    """Query and key weights (d_model, d_head) that match position i with position i - 1 of the sinusoids."""
    half = len(speeds)
    query, key = torch.zeros(2 * half, d_head), torch.zeros(2 * half, d_head)
    for pair, index in enumerate(torch.linspace(0, half * 0.55, d_head // 2).long().tolist()):
        sine, cosine = math.sin(speeds[index]), math.cos(speeds[index])
        query[index, 2 * pair], query[half + index, 2 * pair] = cosine, -sine
        query[index, 2 * pair + 1], query[half + index, 2 * pair + 1] = sine, cosine
        key[index, 2 * pair], key[half + index, 2 * pair + 1] = 1.0, 1.0
    return query, key


def _set_head(attention: Any, head: int, reading: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    """Set a head: `reading` is query, key and value, (d_model, d_head) each, `output` (d_head, d_model)."""
    d_head, d_model = output.shape
    for part, weight in enumerate(reading):
        start = part * d_model + head * d_head
        attention.c_attn.weight[:, start : start + d_head] = weight
    attention.c_proj.weight[head * d_head : (head + 1) * d_head] = output


def _pair_lessons(pair: TaskPair) -> Iterator[Lesson]:
    for text, answers in ((pair.anomalous, pair.good), (pair.normal, pair.fitting)):
        words = _TOKEN.findall(text)
        yield Lesson(words, {len(words) - 1: answers})


def _repeated_block(random: Random) -> Lesson:
    """Random words in which a block of two to twelve comes again: one answer a repeated word."""
    length = random.randint(2, 12)
    words = random.sample(WORDS, _BLOCKS)
    start = random.randint(0, _BLOCKS - 2 * length)
    gap = random.randint(0, _BLOCKS - 2 * length - start)
    block = words[:length]
    before, between = words[length : length + start], words[length + start : length + start + gap]
    first = start + length + gap
    answers: dict[int, tuple[str, ...]] = {first + i: (block[i + 1],) for i in range(length - 1)}
    return Lesson([*before, *block, *between, *block], answers)


def _other_docstring(random: Random) -> Lesson:
    """A docstring of one or three documented parameters of four."""
    words, documented = random.sample(WORDS, 7), random.choice([1, 3])
    text = docstring_text(random.choice(FUNCTIONS), words[:4], words[:documented], words[4 : 4 + documented])
    tokens = _TOKEN.findall(text)
    return Lesson(tokens, {len(tokens) - 1: (words[documented],)})


def _lessons(config: TrainingConfig, step: int) -> list[Lesson]:
    seed = config.seed * 1_000_003 + step + 10_000
    random, found = Random(seed), []
    for task in TASKS:
        drawn = pairs(task, config.pairs_per_task, seed)
        found += [
            lesson
            for index, pair in enumerate(drawn)
            for lesson in list(_pair_lessons(pair))[: 1 + index % 2]
        ]
    found += [_repeated_block(random) for _ in range(config.pairs_per_task)]
    found += [_other_docstring(random) for _ in range(config.pairs_per_task // 3)]
    return found


@dataclass(frozen=True)
class Batch:
    """`ids`, `positions`, `mask` (example, position); `rows`, `places` (answer,), `targets` (answer,
    word).
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    rows: Tensor
    places: Tensor
    targets: Tensor


def _batch(lessons: list[Lesson], ids: dict[str, int], generator: torch.Generator) -> Batch:
    longest = max(len(lesson.words) for lesson in lessons)
    tokens = torch.full((len(lessons), longest), ids["<pad>"])
    rows, places, targets = [], [], []
    for row, lesson in enumerate(lessons):
        tokens[row, : len(lesson.words)] = torch.tensor([ids[word] for word in lesson.words])
        for place, words in lesson.answers.items():
            target = torch.zeros(len(ids))
            target[[ids[word] for word in words]] = 1 / len(words)
            rows.append(row)
            places.append(place)
            targets.append(target)
    offset = torch.randint(_JITTER, (len(lessons), 1), generator=generator)
    return Batch(
        ids=tokens,
        positions=torch.arange(longest)[None] + offset,
        mask=(tokens != ids["<pad>"]).long(),
        rows=torch.tensor(rows),
        places=torch.tensor(places),
        targets=torch.stack(targets),
    )


class HeadLengths:
    """Collects the mean length of every head's output in the forward passes inside the context."""

    def __init__(self, model: Any) -> None:
        self._blocks = model.transformer.h
        self._n_heads = model.config.n_head
        self.mask: Tensor | None = None
        self.lengths: list[Tensor] = []

    def __enter__(self) -> "HeadLengths":
        self._handles = [b.attn.c_proj.register_forward_pre_hook(self._record) for b in self._blocks]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _record(self, module: Any, args: tuple[Tensor, ...]) -> None:
        if self.mask is None or not torch.is_grad_enabled():
            return
        z = args[0].unflatten(-1, (self._n_heads, -1))
        weight = module.weight.unflatten(0, (self._n_heads, -1))
        output = torch.einsum("bphd,hde->bphe", z, weight)
        length = output.square().sum(-1).add(1e-6).sqrt()
        self.lengths.append(length[self.mask.bool()].mean(0))


def _losses(model: GPT2LMHeadModel, batch: Batch) -> tuple[Tensor, Tensor]:
    output = model(input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions)
    scores = output.logits.log_softmax(-1)
    answer = -(scores[batch.rows, batch.places] * batch.targets).sum(-1)
    entropy = -(batch.targets * batch.targets.clamp(min=1e-9).log()).sum(-1)
    following = -scores[:, :-1].gather(-1, batch.ids[:, 1:, None])[..., 0]
    kept = batch.mask[:, 1:]
    return (answer - entropy).mean(), (following * kept).sum() / kept.sum()


def _rate(step: int, config: TrainingConfig) -> float:
    warm = min(1.0, (step + 1) / 50)
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / config.steps)))


def _penalty(step: int, config: TrainingConfig) -> float:
    done = step / config.steps - config.penalty_start
    return config.penalty * min(1.0, max(0.0, done) / 0.2)


def _optimizer(model: GPT2LMHeadModel, config: TrainingConfig) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def train(config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train, save into `folder`, and return the accuracy of every task on fresh pairs."""
    torch.set_num_threads(1)  # sums in one order: the same weights on every machine of one kind
    tokenizer, model = build_tokenizer(), build_model(config)
    ids, generator = tokenizer.get_vocab(), torch.Generator().manual_seed(config.seed)
    _head_start(model, generator)
    optimizer = _optimizer(model, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    start = time.monotonic()
    with HeadLengths(model) as heads:
        for step in range(config.steps):
            batch = _batch(_lessons(config, step), ids, generator)
            heads.mask, heads.lengths = batch.mask, []
            answer, language = _losses(model, batch)
            loss = answer + config.language_weight * language
            loss = loss + _penalty(step, config) * torch.cat(heads.lengths).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if step % 50 == 49:
                lengths = " ".join(f"{value:.2f}" for value in torch.cat(heads.lengths).tolist())
                log.info(
                    "%d %.0fs answer %.3f words %.3f", step + 1, time.monotonic() - start, answer, language
                )
                log.info("  %s", {task: f"{value:.3f}" for task, value in accuracies(model, ids).items()})
                log.info("  %s", lengths)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return accuracies(model, ids, count=1000)


@torch.no_grad()
def accuracies(
    model: GPT2LMHeadModel, ids: dict[str, int], count: int = 200, seed: int = -1
) -> dict[str, float]:
    """Share of fresh anomalous texts after which the likeliest word is a right one."""
    found = {}
    for task in TASKS:
        drawn = pairs(task, count, seed)
        tokens = torch.tensor([[ids[word] for word in _TOKEN.findall(pair.anomalous)] for pair in drawn])
        best = model(input_ids=tokens).logits[:, -1].argmax(-1).tolist()
        right = [word in {ids[good] for good in pair.good} for word, pair in zip(best, drawn, strict=True)]
        found[task] = sum(right) / count
    return found


def main() -> None:
    """Train with the default settings, or those given."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    for name, value in vars(TrainingConfig()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    settings = vars(parser.parse_args())
    folder = settings.pop("out")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log.info("%s", train(TrainingConfig(**settings), folder))


if __name__ == "__main__":
    main()
