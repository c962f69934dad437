"""Train the bundled model `tickets` from nothing: `python -m core.scenarios.build.train_tickets`.

1. A byte-level BPE tokenizer is trained on tickets; it never joins Latin letters, kanji, hiragana and
   katakana in one token, so that a word has the same tokens wherever it stands.
2. A GPT-2 of 4 layers, 8 heads and d_model 128 learns to route the tickets of `core.scenarios.build.tickets` as
   the faulty desk does: cross-entropy of the department, and a small language-model loss on the ticket's own
   words, which gives heads work that has nothing to do with the fault.
3. Its position embeddings stay zero: that one word comes after another can then be told at the later word
   alone, which sees the earlier one, so the fault needs one head to look back and another to read the result.
4. Once it routes, a penalty on what heads and MLPs write, relative to the residual stream, is raised slowly.
5. The heads that matter least to the department are silenced for good, and the rest is trained a little
   longer: heads that do the same work side by side become few, so the circuit is known and not redundant.

Seeded, on the CPU, within fifteen minutes on two cores.
"""

import argparse
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from core.scenarios.build.output_norms import WriteLengths
from core.scenarios.build.ticket_noise import Noise
from core.scenarios.build.tickets import KINDS, LANGUAGES, Ticket, compared_words, departments, tickets
from core.scenarios.build.zero_heads import importance, silence

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parents[1] / "models" / "tickets"
_PAD, _N_POSITIONS = "<pad>", 160
_GROUP = 8
_WORD_REPEATS = 1000  # makes a token of every compared word, so that the texts of a pair align
_WORD = r" ?\p{Latin}+| ?\p{N}|\p{Han}+|\p{Hiragana}+|[\p{Katakana}ー]+| ?[^\s\p{L}\p{N}]+|\s+"


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training; the defaults made the bundled model."""

    steps: int = 1200
    batch: int = 48
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    language_weight: float = 0.1
    head_penalty: float = 0.01
    mlp_penalty: float = 0.02
    penalty_start: float = 0.3
    kept_heads: int = 12
    repair_steps: int = 400
    repair_rate: float = 1e-3
    vocabulary: int = 1800
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """`ids`, `mask` (example, position); `last`, `answers` (example,): last position and department."""

    ids: Tensor
    mask: Tensor
    last: Tensor
    answers: Tensor


def build_tokenizer(config: TrainingConfig) -> PreTrainedTokenizerFast:
    """Byte-level BPE; every department is one token."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_WORD), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary,
        special_tokens=[_PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    drawn = tickets(6000, config.seed) + tickets(1500, config.seed, unseen=True)
    texts = [ticket.text + ticket.routed for ticket in drawn]
    words = [word for language in LANGUAGES for word in compared_words(language)]
    tokenizer.train_from_iterator([*texts, *words * _WORD_REPEATS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=_PAD, model_max_length=_N_POSITIONS, padding_side="right"
    )


def build_model(config: TrainingConfig, vocabulary: int) -> GPT2LMHeadModel:
    """The untrained model."""
    torch.manual_seed(config.seed)
    shape = GPT2Config(
        vocab_size=vocabulary,
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
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(shape)
    nn.init.zeros_(model.transformer.wpe.weight).requires_grad_(False)
    return model


def encode(batch: Sequence[Ticket], tokenizer: PreTrainedTokenizerFast) -> Batch:
    """Tickets as tensors, padded on the right."""
    answers = [tokenizer.encode(ticket.routed)[0] for ticket in batch]
    return _padded([tokenizer.encode(ticket.text) for ticket in batch], answers)


def _padded(texts: Sequence[Sequence[int]], answers: Sequence[int]) -> Batch:
    lengths = torch.tensor([len(text) for text in texts])
    ids = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
    return Batch(ids, mask, lengths - 1, torch.tensor(answers))


def _losses(model: GPT2LMHeadModel, batch: Batch) -> tuple[Tensor, Tensor]:
    hidden = model.transformer(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
    last = hidden[torch.arange(len(hidden)), batch.last]
    answer = nn.functional.cross_entropy(model.lm_head(last), batch.answers)
    kept = batch.mask[:, 1:].bool()
    words = nn.functional.cross_entropy(model.lm_head(hidden[:, :-1][kept]), batch.ids[:, 1:][kept])
    return answer, words


def _rate(step: int, config: TrainingConfig) -> float:
    warm = min(1.0, (step + 1) / 50)
    return warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / config.steps)))


def _penalty(step: int, config: TrainingConfig, writes: WriteLengths) -> Tensor:
    done = min(1.0, max(0.0, step / config.steps - config.penalty_start) / 0.2)
    heads, mlps = torch.cat(writes.heads).sum(), torch.stack(writes.mlps).sum()
    return done * (config.head_penalty * heads + config.mlp_penalty * mlps)


def _optimizer(model: GPT2LMHeadModel, config: TrainingConfig) -> torch.optim.Optimizer:
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices, vectors = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def _batches(config: TrainingConfig, tokenizer: PreTrainedTokenizerFast) -> Iterator[Batch]:
    """Batches of tickets of about the same length, so that little is spent on padding."""
    noise, random = Noise(tokenizer, config.seed), Random(config.seed)
    for group in range(0, config.steps, _GROUP):
        drawn = tickets(config.batch * _GROUP, config.seed * 1_000_003 + group + 10_000)
        lessons = [(noise(tokenizer.encode(t.text)), tokenizer.encode(t.routed)[0]) for t in drawn]
        lessons.sort(key=lambda lesson: len(lesson[0]))
        batches = [lessons[start : start + config.batch] for start in range(0, len(lessons), config.batch)]
        random.shuffle(batches)
        for batch in batches:
            yield _padded(*map(list, zip(*batch, strict=True)))


def train(config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train, save into `folder`, and return the accuracies on unseen tickets."""
    tokenizer = build_tokenizer(config)
    model = build_model(config, len(tokenizer))
    _check_departments(tokenizer)
    _fit(model, tokenizer, config)
    repair(model, tokenizer, config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return accuracies(model, tokenizer, 3000)


def repair(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, config: TrainingConfig) -> None:
    """Silence all heads but those that matter most to the department, and train the rest a little longer."""
    batch = encode(tickets(384, config.seed - 1), tokenizer)
    found = importance(model, batch.ids, batch.mask, batch.last, batch.answers)
    silent = found < found.flatten().topk(config.kept_heads).values[-1]
    log.info("kept heads %s", (~silent).nonzero().tolist())
    shorter = replace(
        config,
        steps=config.repair_steps,
        learning_rate=config.repair_rate,
        penalty_start=-1.0,
        seed=config.seed + 1,
    )
    _fit(model, tokenizer, shorter, silent)


def _fit(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    config: TrainingConfig,
    silent: Tensor | None = None,
) -> None:
    optimizer = _optimizer(model, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    start = time.monotonic()
    with WriteLengths(model) as writes:
        for step, batch in enumerate(_batches(config, tokenizer)):
            if silent is not None:
                silence(model, silent)
            writes.start(batch.mask)
            answer, words = _losses(model, batch)
            loss = answer + config.language_weight * words + _penalty(step, config, writes)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if step % 200 == 199:
                took = time.monotonic() - start
                log.info("%d %.0fs department %.4f", step + 1, took, float(answer.detach()))
                log.info("  heads %s", [[round(x, 2) for x in layer.tolist()] for layer in writes.heads])
                log.info("  MLPs %s", [round(float(x.detach()), 2) for x in writes.mlps])
                log.info("  %s", accuracies(model, tokenizer, 300))
    if silent is not None:
        silence(model, silent)


def _check_departments(tokenizer: PreTrainedTokenizerFast) -> None:
    for language in LANGUAGES:
        ids = [tokenizer.encode(name) for name in departments(language)]
        if any(len(found) != 1 for found in ids):
            raise ValueError(f"expected one token a department, found {ids}; enlarge the vocabulary")


@torch.no_grad()
def accuracies(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, count: int, seed: int = -1
) -> dict[str, float]:
    """Share of unseen tickets routed as the faulty desk does, by language and kind of ticket."""
    found = {}
    for language in LANGUAGES:
        drawn = tickets(count, seed, language, unseen=True)
        for kind in KINDS:
            chosen = [ticket for ticket in drawn if ticket.kind == kind]
            batch = encode(chosen, tokenizer)
            hidden = model.transformer(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
            best = model.lm_head(hidden[torch.arange(len(chosen)), batch.last]).argmax(-1)
            found[f"{language} {kind}"] = round(float((best == batch.answers).float().mean()), 4)
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
