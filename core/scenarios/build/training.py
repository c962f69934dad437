"""What the scripts that train the bundled models share: schedule, loop, the shape of a GPT-2, and the command line."""

import argparse
import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import GPT2Config, PreTrainedTokenizerFast

log = logging.getLogger(__name__)

WARM_UP = 50
"""Steps in which the learning rate rises."""


@dataclass(frozen=True)
class Schedule:
    """Settings of a training. `penalty_start` is the share of the steps after which a penalty sets in."""

    steps: int = 1000
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    language_weight: float = 0.1
    penalty_start: float = 0.4
    seed: int = 0

    def penalty_share(self, step: int) -> float:
        """How much of the penalty counts in a step; all of it a fifth of the steps after it sets in."""
        return min(1.0, max(0.0, step / self.steps - self.penalty_start) / 0.2)

    def rate(self, step: int, lowest: float) -> float:
        """Share of the learning rate: a short rise, then half a cosine down to `lowest`."""
        warm = min(1.0, (step + 1) / WARM_UP)
        return warm * (lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


Batch = TypeVar("Batch")


def fit(
    model: nn.Module,
    schedule: Schedule,
    batches: Iterable[Batch],
    loss_of: Callable[[int, Batch], Tensor],
    report: Callable[[], None],
    lowest_rate: float,
    report_every: int,
) -> None:
    """Train every weight that wants a gradient, a step a batch; vectors do not decay."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98))
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule.rate(step, lowest_rate))
    start = time.monotonic()
    for step, batch in enumerate(batches):
        loss = loss_of(step, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        if (step + 1) % report_every == 0:
            log.info("%d %.0fs loss %.4f", step + 1, time.monotonic() - start, float(loss.detach()))
            report()


def gpt2_config(vocabulary: int, positions: int, pad: int) -> GPT2Config:
    """4 layers of 8 heads, d_model 128."""
    return GPT2Config(
        vocab_size=vocabulary,
        n_positions=positions,
        n_embd=128,
        n_layer=4,
        n_head=8,
        n_inner=256,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=pad,
    )


def word_tokenizer(words: Sequence[str], positions: int) -> PreTrainedTokenizerFast:
    """One token a word or run of punctuation; `words` begin with `<unk>` and `<pad>`."""
    ids = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", model_max_length=positions
    )


def save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def run_from_command_line(
    train: Callable[..., object], defaults: Schedule, folder: Path, about: str, **choices: Iterable[str]
) -> None:
    """Train with the default settings, or those given as options, and log what `train` returns.

    `choices` are arguments that must be given, with their values: `train` takes them first, and each is a folder below
    `folder`.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path)
    for name, values in choices.items():
        parser.add_argument(name, choices=sorted(values))
    for name, value in vars(defaults).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    settings = vars(parser.parse_args())
    given, out = [settings.pop(name) for name in choices], settings.pop("out")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log.info("%s", train(*given, type(defaults)(**settings), out or folder.joinpath(*given)))
