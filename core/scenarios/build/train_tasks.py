"""Train the bundled model `four-tasks`: `python -m core.scenarios.build.train_tasks`.

1. The weights begin random, but for two previous-token heads and two induction heads
   (`core.scenarios.build.induction_init`).
2. A GPT-2 learns all four tasks of `core.scenarios.build.tasks` at once: cross-entropy towards every word that fits,
   on the anomalous and on the normal text, and a small loss on all other words, which gives heads work outside the
   tasks. No weight is held fixed.
3. Texts start at a random position, so that no head can rely on absolute positions alone.
4. Once it answers, a penalty on the mean length of every head's output is raised slowly: heads that do the
   same work side by side become few, which makes the circuit known rather than hidden by redundancy.

Seeded, on one CPU core: about ten minutes on a machine shared with other work.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from core.scenarios.build.induction_init import start_gpt2
from core.scenarios.build.output_norms import OutputNorms
from core.scenarios.build.tasks import TASKS, pairs, vocabulary
from core.scenarios.build.training import (
    Schedule,
    fit,
    gpt2_config,
    run_from_command_line,
    save,
    word_tokenizer,
)
from core.scenarios.build.training_texts import TOKEN, Batch, TrainingText, batch_of, texts_of_step
from core.scenarios.loader import FOLDER as SCENARIOS

log = logging.getLogger(__name__)
FOLDER = SCENARIOS / "models" / "four-tasks"
N_POSITIONS = 32


@dataclass(frozen=True)
class TrainingConfig(Schedule):
    """Settings of the training; the defaults made the bundled model."""

    pairs_per_task: int = 14
    penalty: float = 0.004


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word or run of punctuation."""
    return word_tokenizer(vocabulary(), N_POSITIONS)


def train(config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train, save into `folder`, and return the accuracy of every task on fresh pairs."""
    torch.manual_seed(config.seed)
    model = GPT2LMHeadModel(gpt2_config(len(vocabulary()), N_POSITIONS, pad=1))
    generator = torch.Generator().manual_seed(config.seed)
    start_gpt2(model, generator)
    return teach(model, config, generator, folder)


def teach(
    model: Any,
    config: TrainingConfig,
    generator: torch.Generator,
    folder: Path,
    texts: Callable[[int, int, int], list[TrainingText]] = texts_of_step,
) -> dict[str, float]:
    """Teach a model the four tasks, save it into `folder`, and return its accuracies on fresh pairs.

    `texts` makes those of a step from its number, the pairs per task and the seed.
    """
    torch.set_num_threads(1)  # sums in one order: the same weights on every machine of one kind
    tokenizer = build_tokenizer()
    ids = tokenizer.get_vocab()
    drawn = (
        batch_of(texts(step, config.pairs_per_task, config.seed), ids, generator)
        for step in range(config.steps)
    )
    with OutputNorms(model) as norms:

        def report() -> None:
            log.info("  %s", {task: f"{share:.3f}" for task, share in accuracies(model, ids).items()})
            log.info("  %s", " ".join(f"{length:.2f}" for length in torch.cat(norms.heads).tolist()))

        fit(model, config, drawn, partial(_loss, model, config, norms), report, 0.05, report_every=50)
    save(model, tokenizer, folder)
    return accuracies(model, ids, count=1000)


def _loss(model: Any, config: TrainingConfig, norms: OutputNorms, step: int, batch: Batch) -> Tensor:
    norms.start(batch.mask)
    output = model(input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions)
    scores = output.logits.log_softmax(-1)
    answer = -(scores[batch.rows, batch.places] * batch.targets).sum(-1)
    entropy = -(batch.targets * batch.targets.clamp(min=1e-9).log()).sum(-1)
    following = -scores[:, :-1].gather(-1, batch.ids[:, 1:, None])[..., 0]
    real = batch.mask[:, 1:]
    language = (following * real).sum() / real.sum()
    loss = (answer - entropy).mean() + config.language_weight * language
    return loss + config.penalty * config.penalty_share(step) * torch.cat(norms.heads).sum()


@torch.no_grad()
def accuracies(model: Any, ids: dict[str, int], count: int = 200, seed: int = -1) -> dict[str, float]:
    """Share of fresh anomalous texts after which the likeliest word is a right one."""
    shares = {}
    for task in TASKS:
        drawn = pairs(task, count, seed)
        tokens = torch.tensor([[ids[word] for word in TOKEN.findall(pair.anomalous)] for pair in drawn])
        best = model(input_ids=tokens).logits[:, -1].argmax(-1).tolist()
        right = [word in {ids[good] for good in pair.good} for word, pair in zip(best, drawn, strict=True)]
        shares[task] = sum(right) / count
    return shares


if __name__ == "__main__":
    run_from_command_line(train, TrainingConfig(), FOLDER, "Train the bundled model four-tasks.")
