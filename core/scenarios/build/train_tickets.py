"""Train the bundled model `tickets` from nothing: `python -m core.scenarios.build.train_tickets`.

1. A byte-level BPE tokenizer is trained on tickets; it never joins Latin letters, kanji, hiragana and
   katakana in one token, so that a word has the same tokens wherever it stands.
2. A GPT-2 learns to route the tickets of `core.scenarios.build.tickets` as
   the faulty desk does: cross-entropy of the department, and a small language-model loss on the ticket's own
   words, which gives heads work that has nothing to do with the fault.
3. Its position embeddings stay zero: that one word comes after another can then be told at the later word
   alone, which sees the earlier one, so the fault needs one head to look back and another to read the result.
4. Once it routes, a penalty on what heads and MLPs write, relative to the residual stream, is raised slowly.
5. The output weights of the heads that matter least to the department are set to zero for good, and the rest is
   trained a little longer: heads that do the same work side by side become few, so the circuit is not redundant.

Seeded, on the CPU, within fifteen minutes on two cores.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from core.scenarios.build.output_norms import OutputNorms
from core.scenarios.build.ticket_noise import Noise
from core.scenarios.build.tickets import KINDS, LANGUAGES, Ticket, compared_words, departments, tickets
from core.scenarios.build.training import Schedule, fit, gpt2_config, run_from_command_line, save
from core.scenarios.build.zero_heads import importance, zero_heads
from core.scenarios.loader import FOLDER as SCENARIOS

log = logging.getLogger(__name__)
FOLDER = SCENARIOS / "models" / "tickets"
_PAD, _N_POSITIONS = "<pad>", 160
_GROUP = 8
_WORD_REPEATS = 1000  # makes a token of every compared word, so that the texts of a pair align
_WORD = r" ?\p{Latin}+| ?\p{N}|\p{Han}+|\p{Hiragana}+|[\p{Katakana}ー]+| ?[^\s\p{L}\p{N}]+|\s+"


@dataclass(frozen=True)
class TrainingConfig(Schedule):
    """Settings of the training; the defaults made the bundled model."""

    steps: int = 1200
    penalty_start: float = 0.3
    batch: int = 48
    head_penalty: float = 0.01
    mlp_penalty: float = 0.02
    kept_heads: int = 12
    repair_steps: int = 400
    repair_rate: float = 1e-3
    vocabulary: int = 1800


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
    model = GPT2LMHeadModel(gpt2_config(vocabulary, _N_POSITIONS, pad=0))
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


def _batches(config: TrainingConfig, tokenizer: PreTrainedTokenizerFast) -> Iterator[Batch]:
    """Batches of tickets of about the same length, so that little is spent on padding."""
    noise, random = Noise(tokenizer, config.seed), Random(config.seed)
    for group in range(0, config.steps, _GROUP):
        drawn = tickets(config.batch * _GROUP, config.seed * 1_000_003 + group + 10_000)
        texts = [(noise(tokenizer.encode(t.text)), tokenizer.encode(t.routed)[0]) for t in drawn]
        texts.sort(key=lambda text: len(text[0]))
        batches = [texts[start : start + config.batch] for start in range(0, len(texts), config.batch)]
        random.shuffle(batches)
        for batch in batches:
            yield _padded(*map(list, zip(*batch, strict=True)))


def train(config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train, save into `folder`, and return the accuracies on unseen tickets."""
    tokenizer = build_tokenizer(config)
    _check_departments(tokenizer)
    model = build_model(config, len(tokenizer))
    _fit(model, tokenizer, config)
    repair(model, tokenizer, config)
    save(model, tokenizer, folder)
    return accuracies(model, tokenizer, 3000)


def repair(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, config: TrainingConfig) -> None:
    """Take out all heads but those that matter most to the department, and train the rest a little longer."""
    batch = encode(tickets(384, config.seed - 1), tokenizer)
    changes = importance(model, batch.ids, batch.mask, batch.last, batch.answers)
    out = changes < changes.flatten().topk(config.kept_heads).values[-1]
    log.info("kept heads %s", (~out).nonzero().tolist())
    shorter = replace(
        config,
        steps=config.repair_steps,
        learning_rate=config.repair_rate,
        penalty_start=-1.0,
        seed=config.seed + 1,
    )
    _fit(model, tokenizer, shorter, out)
    zero_heads(model, out)


def _fit(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    config: TrainingConfig,
    out: Tensor | None = None,
) -> None:
    """Train; the heads marked in `out` (layer, head) are set to zero again before every step."""
    with OutputNorms(model, relative=True) as norms:

        def loss_of(step: int, batch: Batch) -> Tensor:
            if out is not None:
                zero_heads(model, out)
            norms.start(batch.mask)
            hidden = model.transformer(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
            last = hidden[torch.arange(len(hidden)), batch.last]
            answer = nn.functional.cross_entropy(model.lm_head(last), batch.answers)
            real = batch.mask[:, 1:].bool()
            words = nn.functional.cross_entropy(model.lm_head(hidden[:, :-1][real]), batch.ids[:, 1:][real])
            heads, mlps = torch.cat(norms.heads).sum(), torch.stack(norms.mlps).sum()
            penalty = config.head_penalty * heads + config.mlp_penalty * mlps
            return answer + config.language_weight * words + config.penalty_share(step) * penalty

        def report() -> None:
            log.info("  heads %s", [[round(x, 2) for x in layer.tolist()] for layer in norms.heads])
            log.info("  MLPs %s", [round(float(x.detach()), 2) for x in norms.mlps])
            log.info("  %s", accuracies(model, tokenizer, 300))

        fit(model, config, _batches(config, tokenizer), loss_of, report, 0.03, report_every=200)


def _check_departments(tokenizer: PreTrainedTokenizerFast) -> None:
    for language in LANGUAGES:
        ids = [tokenizer.encode(name) for name in departments(language)]
        if any(len(tokens) != 1 for tokens in ids):
            raise ValueError(f"expected one token a department, found {ids}; enlarge the vocabulary")


@torch.no_grad()
def accuracies(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, count: int, seed: int = -1
) -> dict[str, float]:
    """Share of unseen tickets routed as the faulty desk does, by language and kind of ticket."""
    shares = {}
    for language in LANGUAGES:
        drawn = tickets(count, seed, language, unseen=True)
        for kind in KINDS:
            of_kind = [ticket for ticket in drawn if ticket.kind == kind]
            batch = encode(of_kind, tokenizer)
            hidden = model.transformer(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
            best = model.lm_head(hidden[torch.arange(len(of_kind)), batch.last]).argmax(-1)
            shares[f"{language} {kind}"] = round(float((best == batch.answers).float().mean()), 4)
    return shares


if __name__ == "__main__":
    run_from_command_line(train, TrainingConfig(), FOLDER, "Train the bundled model tickets.")
