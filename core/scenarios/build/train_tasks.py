"""Train the bundled model `four-tasks`: `python -m core.scenarios.build.train_tasks`.

1. The weights begin random, but for two heads that look one position back and two induction heads that read
   them (`core.scenarios.build.induction_init`): such pairs form by themselves too, but much more
   slowly than all the rest.
2. A GPT-2 of 4 layers, 8 heads and d_model 128 learns all four tasks of `core.scenarios.build.tasks` at once:
   cross-entropy towards every word that fits, on the anomalous and on the normal text, and a small loss on
   all other words, which gives heads work outside the tasks. No weight is held fixed.
3. Texts start at a random position, so that no head can rely on absolute positions alone.
4. Once it answers, a penalty on the mean length of every head's output is raised slowly: heads that do the
   same work side by side become few, which makes the circuit known rather than hidden by redundancy.

Seeded, on one CPU core: about ten minutes on a machine shared with other work.
"""

import argparse
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from core.model.architectures import ARCHITECTURES, submodule
from core.scenarios.build.induction_init import head_start
from core.scenarios.build.tasks import TASKS, pairs, vocabulary
from core.scenarios.build.training_texts import TOKEN, Batch, Lesson, batch_of, lessons_of

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parents[1] / "models" / "four-tasks"
_N_POSITIONS = 32


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training; the defaults made the bundled model."""

    steps: int = 1000
    pairs_per_task: int = 14
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    language_weight: float = 0.1
    penalty: float = 0.004
    penalty_start: float = 0.4
    seed: int = 0


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


class HeadLengths:
    """Collects the mean length of every head's output in the forward passes inside the context."""

    def __init__(self, model: Any) -> None:
        architecture = ARCHITECTURES[model.config.model_type]
        self._projections = [
            getattr(getattr(block, architecture.attention), architecture.projection)
            for block in submodule(model, architecture.blocks)
        ]
        self._n_heads = model.config.num_attention_heads
        self.mask: Tensor | None = None
        self.lengths: list[Tensor] = []

    def __enter__(self) -> "HeadLengths":
        self._handles = [p.register_forward_pre_hook(self._record) for p in self._projections]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _record(self, module: Any, args: tuple[Tensor, ...]) -> None:
        if self.mask is None or not torch.is_grad_enabled():
            return
        z = args[0].unflatten(-1, (self._n_heads, -1))
        weight = module.weight.T if isinstance(module, nn.Linear) else module.weight
        weight = weight.unflatten(0, (self._n_heads, -1))
        output = torch.einsum("bphd,hde->bphe", z, weight)
        length = output.square().sum(-1).add(1e-6).sqrt()
        self.lengths.append(length[self.mask.bool()].mean(0))


def _losses(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
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


def _optimizer(model: Any, config: TrainingConfig) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def train(config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train, save into `folder`, and return the accuracy of every task on fresh pairs."""
    model, generator = build_model(config), torch.Generator().manual_seed(config.seed)
    head_start(model, generator)
    return teach(model, config, generator, folder)


def teach(
    model: Any,
    config: TrainingConfig,
    generator: torch.Generator,
    folder: Path,
    lessons: Callable[[int, int, int], list[Lesson]] = lessons_of,
) -> dict[str, float]:
    """Teach a model the four tasks, save it into `folder`, and return its accuracies on fresh pairs.

    `lessons` makes those of a step from its number, the pairs per task and the seed.
    """
    torch.set_num_threads(1)  # sums in one order: the same weights on every machine of one kind
    tokenizer = build_tokenizer()
    ids = tokenizer.get_vocab()
    optimizer = _optimizer(model, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    start = time.monotonic()
    with HeadLengths(model) as heads:
        for step in range(config.steps):
            batch = batch_of(lessons(step, config.pairs_per_task, config.seed), ids, generator)
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
def accuracies(model: Any, ids: dict[str, int], count: int = 200, seed: int = -1) -> dict[str, float]:
    """Share of fresh anomalous texts after which the likeliest word is a right one."""
    found = {}
    for task in TASKS:
        drawn = pairs(task, count, seed)
        tokens = torch.tensor([[ids[word] for word in TOKEN.findall(pair.anomalous)] for pair in drawn])
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
