"""What the model says with selected heads ablated, beside what it says with them: next words and continuations.

A text counts as at fault where the model's likeliest next word is the `actual` word of the example, as right
where it is the `expected` one. Where an example names no words, it is counted whether the next word stays what it was.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from core.causal.ablation_file import AblationFile, Mode, ablated, make_ablation_file
from core.causal.replacements import Replacements
from core.config import RunConfig
from core.errors import ConfigError, ModelError
from core.examples.example_set import Example, ExampleSet
from core.generators import result_of
from core.heads import HeadId
from core.inspection.answers import ComparedText, Comparison, Statement
from core.model.batching import batches_of
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.next_token import NextWord, last_logits, most_likely
from core.model.recording import Recording
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.prompts import prompt_of
from core.model.tokens.tokenising import named, tokenise, unread_parts
from core.schema import Progress

MOST_TYPED = 32
MOST_NEW_TOKENS = 32
LIKELIEST = 3
TYPED = "typed"
"""Label of the texts that were typed in, which belong to neither side."""

Switch = Callable[[Sequence[int]], AbstractContextManager[Any]]
"""Opens the context in which rows are read whose texts have so many tokens; behind them stands what was said."""


@within_memory
def what_if(
    config: RunConfig,
    heads: Sequence[HeadId],
    mode: Mode,
    typed: Sequence[str] = (),
    new_tokens: int = 6,
    models: ModelPool | None = None,
) -> Comparison:
    """Before and after on every example of a run and on typed texts, as plain JSON.

    Raises HeadlightError for a head that is not there, an empty selection, or a text that cannot be read.
    """
    return result_of(compare(config, heads, mode, typed, new_tokens, models))


def compare(
    config: RunConfig,
    heads: Sequence[HeadId],
    mode: Mode,
    typed: Sequence[str] = (),
    new_tokens: int = 6,
    models: ModelPool | None = None,
) -> Generator[Progress, None, Comparison]:
    """`what_if` with a record of progress after each forward pass, so that it can be left."""
    if not heads:
        raise ConfigError("no_heads_chosen")
    yield Progress("what_if", 0, 1)
    loaded = (models or ModelPool(size=1)).get(config.model, config.device)
    ids = tokenise(loaded, config.examples)
    ablation_file = _ablation_file(loaded, config, ids, heads, mode)
    given, own = config.examples, _typed(config.examples, typed)
    read = given.with_examples([*given.examples, *own.examples])
    texts = [*ids, *tokenise(loaded, own)]
    count = min(new_tokens, MOST_NEW_TOKENS)
    before = yield from statements(loaded, texts, count, lambda starts: nullcontext())
    after = yield from statements(loaded, texts, count, lambda starts: ablated(loaded, ablation_file, starts))
    labels = [*(example.label for example in given.examples), *(TYPED for _ in own.examples)]
    rows = [_row(loaded, read, *parts) for parts in zip(read.examples, labels, before, after, strict=True)]
    return {
        "heads": [str(head) for head in ablation_file.heads],
        "mode": mode,
        "rows": rows,
        "counts": counts(rows),
        "ablation_file": ablation_file.as_json(),
    }


def counts(rows: Sequence[ComparedText]) -> dict[str, dict[str, int]]:
    """By side: texts, at fault and right before and after (of those whose words are named), unchanged next words."""
    by_side = {}
    for label in ("anomalous", "normal", TYPED):
        side = [row for row in rows if row["label"] == label]
        judged = [row for row in side if row["before"]["verdict"]]
        verdicts = {
            "before": [row["before"]["verdict"] for row in judged],
            "after": [row["after"]["verdict"] for row in judged],
        }
        by_side[label] = {
            "texts": len(side),
            "judged": len(judged),
            **{
                f"{verdict}_{when}": verdicts[when].count(verdict)
                for verdict in ("fault", "right")
                for when in verdicts
            },
            "same": sum(not row["changed"] for row in side),
        }
    return by_side


def statements(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], new_tokens: int, switch: Switch
) -> Generator[Progress, None, list[Statement]]:
    """What the model says after every text. A continuation ends where the model can read no further."""
    rows, limit = [list(text) for text in texts], loaded.shape.context_length
    next_words: list[list[NextWord]] = [[] for _ in texts]
    for batch in batches_of([len(text) for text in texts], range(len(texts))):
        for step in range(max(1, new_tokens)):
            growing = [i for i in batch if not limit or len(rows[i]) <= limit]
            if not growing:
                break
            logits = _logits(loaded, [rows[i] for i in growing], switch([len(texts[i]) for i in growing]))
            if not bool(torch.isfinite(logits).all()):
                raise ModelError("bad_numbers_after_ablation")
            for i, of_row in zip(growing, logits, strict=True):
                if step == 0:
                    next_words[i] = most_likely(loaded, of_row.log_softmax(dim=-1), LIKELIEST)
                rows[i].append(int(of_row.argmax()))
            yield Progress("what_if", step + 1, max(1, new_tokens))
    decode = partial(loaded.tokenizer.decode, clean_up_tokenization_spaces=False)
    return [
        {"next": words, "continuation": decode(row[len(text) :]), "verdict": ""}
        for words, row, text in zip(next_words, rows, texts, strict=True)
    ]


def _ablation_file(
    loaded: LoadedModel, config: RunConfig, ids: Sequence[Sequence[int]], heads: Sequence[HeadId], mode: Mode
) -> AblationFile:
    alignment = aligned(loaded, config, ids)
    recording = Recording(loaded, ids).of(alignment.kept)
    means = Replacements(recording, alignment.n_anomalous, alignment.paired, heads=()).means
    return make_ablation_file(loaded, heads, mode, means, {"preset": config.preset})


def _row(
    loaded: LoadedModel,
    examples: ExampleSet,
    example: Example,
    label: str,
    before: Statement,
    after: Statement,
) -> ComparedText:
    """One row of an example, or of a text that was typed in."""
    expected, actual = (
        loaded.word_token(word) if word.strip() else None for word in (example.expected, example.actual)
    )
    for statement in (before, after):
        statement["verdict"] = _verdict(statement["next"][0]["token"], expected, actual)
    return {
        "label": label,
        "text": example.text,
        "expected": example.expected,
        "actual": example.actual,
        "before": before,
        "after": after,
        "changed": before["next"][0]["token"] != after["next"][0]["token"],
        "unread": named(unread_parts(loaded, prompt_of(loaded, examples, example))),
    }


def _verdict(token: int, expected: int | None, actual: int | None) -> str:
    """`right`, `fault`, `other`; empty where the example names no word to judge by."""
    if expected is None and actual is None:
        return ""
    if token == expected:
        return "right"
    return "fault" if token == actual or actual is None else "other"


def _typed(examples: ExampleSet, typed: Sequence[str]) -> ExampleSet:
    """Typed texts, which are read as the examples are: in their frame, or as turns through the chat template."""
    lines = enumerate(_lines(typed), start=1)
    own = [Example(label="normal", text=text, line=line) for line, text in lines]
    return examples.with_examples(own).in_form(examples.form)


def _lines(typed: Sequence[str]) -> list[str]:
    lines = [text.strip() for text in typed if text.strip()]
    if len(lines) > MOST_TYPED:
        detail = f"expected at most {MOST_TYPED} typed texts, found {len(lines)}"
        raise ConfigError("bad_setting", name="texts", detail=detail)
    return lines


@torch.no_grad()
def _logits(
    loaded: LoadedModel, rows: Sequence[Sequence[int]], switched: AbstractContextManager[Any]
) -> Tensor:
    """Logits (row, vocabulary), float32 on the CPU, after each row."""
    with switched:
        return last_logits(loaded, rows).float().cpu()
