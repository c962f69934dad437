"""What the model says with chosen heads switched off, beside what it says with them: next words and continuations.

A text counts as at fault where the model's likeliest next word is the `actual` word of the example, as right
where it is the `expected` one. Where an example names no words, it is counted whether the next word stays what it was.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from core.causal.ablation import Ablator
from core.causal.ablation_file import AblationFile, Mode, ablated, make_ablation_file
from core.config import RunConfig
from core.errors import ConfigError, ExamplesError, ModelError
from core.examples.alignment import align
from core.examples.example_set import Example
from core.heads import HeadId
from core.model.head_outputs import batches_of
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.next_token import last_logits, most_likely
from core.model.tokenising import tokenise

MOST_TYPED = 32
MOST_NEW_TOKENS = 32
TYPED = "typed"
"""Label of the texts that were typed in, which belong to neither side."""

Switch = Callable[[Sequence[int]], AbstractContextManager[Any]]
"""Opens the context in which rows of these lengths are read."""


def what_if(
    config: RunConfig,
    heads: Sequence[HeadId],
    mode: Mode,
    typed: Sequence[str] = (),
    new_tokens: int = 6,
    models: ModelPool | None = None,
) -> dict[str, Any]:
    """Before and after on every example of a run and on typed texts, with the recipe, as plain JSON.

    Raises HeadlightError for a head that is not there, an empty choice, or a text that cannot be read.
    """
    if not heads:
        raise ConfigError("no_heads_chosen")
    loaded = (models or ModelPool(size=1)).get(config.model, config.device)
    ids = tokenise(loaded, config.examples)
    ablation_file = _ablation_file(loaded, config, ids, heads, mode)
    extra = [_typed(loaded, text, number) for number, text in enumerate(_lines(typed), start=1)]
    examples = [*config.examples.examples, *(None for _ in extra)]
    texts = [*ids, *extra]
    before = _says(loaded, texts, min(new_tokens, MOST_NEW_TOKENS), lambda lengths: nullcontext())
    after = _says(
        loaded,
        texts,
        min(new_tokens, MOST_NEW_TOKENS),
        lambda lengths: ablated(loaded, ablation_file, lengths),
    )
    shown = [*(e.text for e in config.examples.examples), *_lines(typed)]
    rows = [
        _row(loaded, example, text, was, becomes)
        for example, text, was, becomes in zip(examples, shown, before, after, strict=True)
    ]
    return {
        "heads": [str(head) for head in ablation_file.heads],
        "mode": mode,
        "rows": rows,
        "counts": counts(rows),
        "recipe": ablation_file.as_json(),
    }


def counts(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """By side: texts, at fault and right before and after (of those whose words are named), unchanged next words."""
    found = {}
    for label in ("anomalous", "normal", TYPED):
        side = [row for row in rows if row["label"] == label]
        judged = [row for row in side if row["before"]["verdict"]]
        found[label] = {
            "texts": len(side),
            "judged": len(judged),
            **{
                f"{verdict}_{when}": sum(row[when]["verdict"] == verdict for row in judged)
                for verdict in ("fault", "right")
                for when in ("before", "after")
            },
            "same": sum(not row["changed"] for row in side),
        }
    return found


def ablation_file_of(
    config: RunConfig, heads: Sequence[HeadId], mode: Mode, models: ModelPool | None = None
) -> AblationFile:
    """The recipe alone, from the normal texts of a run's settings."""
    loaded = (models or ModelPool(size=1)).get(config.model, config.device)
    return _ablation_file(loaded, config, tokenise(loaded, config.examples), heads, mode)


def _ablation_file(
    loaded: LoadedModel,
    config: RunConfig,
    ids: Sequence[Sequence[int]],
    heads: Sequence[HeadId],
    mode: Mode,
) -> AblationFile:
    alignment = align(config.examples, ids, config.positions, config.pairing)
    ablator = Ablator(loaded, [ids[i] for i in alignment.kept], alignment.n_anomalous, alignment.paired)
    ablator.plain()
    return make_ablation_file(loaded, heads, mode, ablator.normal_means(), {"preset": config.preset})


def _row(
    loaded: LoadedModel, example: Example | None, text: str, was: dict[str, Any], becomes: dict[str, Any]
) -> dict[str, Any]:
    words = {
        name: loaded.word_token(word) if (word := getattr(example, name, "")).strip() else None
        for name in ("expected", "actual")
    }
    for said in (was, becomes):
        said["verdict"] = _verdict(said["next"][0]["token"], words["expected"], words["actual"])
    return {
        "label": example.label if example else TYPED,
        "text": text,
        "expected": example.expected if example else "",
        "actual": example.actual if example else "",
        "before": was,
        "after": becomes,
        "changed": was["next"][0]["token"] != becomes["next"][0]["token"],
    }


def _verdict(token: int, expected: int | None, actual: int | None) -> str:
    """`right`, `fault`, `other`; empty where the example names no word to judge by."""
    if expected is None and actual is None:
        return ""
    if token == expected:
        return "right"
    return "fault" if token == actual or actual is None else "other"


def _lines(typed: Sequence[str]) -> list[str]:
    lines = [text.strip() for text in typed if text.strip()]
    if len(lines) > MOST_TYPED:
        raise ConfigError(
            "bad_setting",
            name="texts",
            detail=f"expected at most {MOST_TYPED} typed texts, found {len(lines)}",
        )
    return lines


def _typed(loaded: LoadedModel, text: str, number: int) -> list[int]:
    ids, limit = loaded.encode(text), loaded.shape.context_length
    if not ids:
        raise ExamplesError("text_without_tokens", line=number, text=text[:80])
    if limit and len(ids) > limit:
        raise ExamplesError("text_too_long", line=number, count=len(ids), maximum=limit, text=text[:80])
    return ids


def _says(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], new_tokens: int, switch: Switch
) -> list[dict[str, Any]]:
    """Likeliest next words of every text, and its greedy continuation."""
    found: list[dict[str, Any]] = [{} for _ in texts]
    for batch in batches_of([len(text) for text in texts], range(len(texts))):
        rows = [list(texts[i]) for i in batch]
        written: list[list[int]] = [[] for _ in rows]
        limit = loaded.shape.context_length
        for step in range(max(1, new_tokens)):
            logits = _logits(loaded, rows, switch)
            if not bool(torch.isfinite(logits).all()):
                raise ModelError("bad_numbers_after_ablation")
            if step == 0:
                for row, index in enumerate(batch):
                    words = most_likely(loaded, logits[row].log_softmax(dim=-1), 3)
                    found[index]["next"] = [
                        {"token": w.token, "piece": w.piece, "probability": w.probability} for w in words
                    ]
            for row, token in enumerate(logits.argmax(dim=-1).tolist()):
                rows[row].append(token)
                written[row].append(token)
            if limit and max(map(len, rows)) > limit:
                break
        for row, index in enumerate(batch):
            found[index]["continuation"] = loaded.tokenizer.decode(
                written[row], clean_up_tokenization_spaces=False
            )
    return found


@torch.no_grad()
def _logits(loaded: LoadedModel, rows: Sequence[Sequence[int]], switch: Switch) -> Tensor:
    """Logits (row, vocabulary), float32 on the CPU, after each text."""
    with switch([len(row) for row in rows]):
        return last_logits(loaded, rows).float().cpu()
