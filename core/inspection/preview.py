"""What a user sees before anything runs: the model's card, tokens, alignment, and what the model says next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import psutil
import torch
from torch import Tensor

from core.config import RunConfig
from core.errors import ExamplesError
from core.examples.alignment import Alignment, align
from core.examples.example_set import Example, ExampleSet
from core.model.loading import (
    LoadedModel,
    ModelPool,
    ModelShape,
    check_files,
    resolve_device,
    shape_from_config,
)
from core.model.next_token import most_likely, next_log_probabilities

WORKING_MEMORY = 1.3
"""Memory that a run needs, as a multiple of the weights: activations and buffers of the forward pass."""


def inspect(source: str, device: str = "auto") -> dict[str, Any]:
    """The model's card from its config alone, without loading a weight. Raises ModelError."""
    shape = shape_from_config(source)
    check_files(source)
    return _card(shape, source, resolve_device(device), ["architecture", "configuration"])


def preview(config: RunConfig, models: ModelPool | None = None) -> dict[str, Any]:
    """Tokens, alignment and next words of the examples, as plain JSON. Raises HeadlightError."""
    loaded = (models or ModelPool()).get(config.model, config.device)
    config.examples.check()
    ids = tokenise(loaded, config.examples)
    alignment = align(config.examples, ids, config.positions, config.pairing)
    return {
        "model": _card(loaded.shape, config.model, loaded.device, ["architecture", "weights", "numbers"]),
        "alignment": describe(alignment),
        "examples": example_rows(loaded, config.examples, ids, alignment),
    }


def tokenise(loaded: LoadedModel, examples: ExampleSet) -> list[list[int]]:
    """Token ids of every example; raises ExamplesError for an empty or too long one."""
    ids = []
    for number, example in enumerate(examples.examples, start=1):
        text = loaded.encode(example.text)
        line, limit = example.line or number, loaded.shape.context_length
        if not text:
            raise ExamplesError("text_without_tokens", line=line, text=example.text[:80])
        if limit and len(text) > limit:
            raise ExamplesError(
                "text_too_long", line=line, count=len(text), maximum=limit, text=example.text[:80]
            )
        ids.append(text)
    return ids


def describe(alignment: Alignment) -> dict[str, Any]:
    """The alignment as plain JSON; positions per example of the set, empty for those left out."""
    positions: list[list[int]] = [[] for _ in range(len(alignment.kept) + len(alignment.left_out))]
    for row, index in enumerate(alignment.kept):
        positions[index] = alignment.positions[row].tolist()
    return {
        "mode": alignment.mode,
        "reason": {"key": alignment.reason, "values": dict(alignment.values)},
        "pairs": [list(pair) for pair in alignment.pairs],
        "pairs_source": alignment.pairs_source,
        "left_out": list(alignment.left_out),
        "slots": list(alignment.slots),
        "positions": positions,
    }


def example_rows(
    loaded: LoadedModel, examples: ExampleSet, ids: Sequence[Sequence[int]], alignment: Alignment
) -> list[dict[str, Any]]:
    """One record an example: its pieces, which differ from its partner, and what the model says next."""
    log_probabilities = next_log_probabilities(loaded, ids)
    partner = dict(alignment.pairs) | {n: a for a, n in alignment.pairs}
    rows = []
    for index, (example, text) in enumerate(zip(examples.examples, ids, strict=True)):
        other = ids[partner[index]] if index in partner else None
        rows.append(
            {
                "label": example.label,
                "text": example.text,
                "pair": example.pair,
                "pieces": loaded.pieces_in(example.text, list(text)),
                "differs": _differs(text, other),
                **_next(loaded, example, log_probabilities[index], _shares_words(examples, index, partner)),
            }
        )
    return rows


def _shares_words(examples: ExampleSet, index: int, partner: Mapping[int, int]) -> bool:
    """Whether both texts of a pair carry the same words: then these measure the pair and promise nothing of a row."""
    if index not in partner:
        return False
    one, other = examples.examples[index], examples.examples[partner[index]]
    return (one.expected, one.actual) == (other.expected, other.actual)


def _next(loaded: LoadedModel, example: Example, log_probabilities: Tensor, shared: bool) -> dict[str, Any]:
    words = most_likely(loaded, log_probabilities)
    expected, actual = (_word(loaded, word, log_probabilities) for word in (example.expected, example.actual))
    says = words[0].token
    behaves: bool | None = None
    if example.label == "normal" and expected:
        behaves = expected["token"] == says
    elif example.label == "anomalous" and actual and expected:
        behaves = actual["token"] == says or expected["token"] == says
    if shared and not behaves:
        behaves = None
    return {
        "next": [{"piece": word.piece, "probability": word.probability} for word in words],
        "expected": expected,
        "actual": actual,
        "behaves": behaves,
    }


def _word(loaded: LoadedModel, word: str, log_probabilities: Tensor) -> dict[str, Any] | None:
    token = loaded.word_token(word) if word.strip() else None
    if token is None:
        return None
    probability = float(log_probabilities[token].exp())
    return {"token": token, "piece": loaded.pieces([token])[0], "probability": probability}


def _differs(text: Sequence[int], other: Sequence[int] | None) -> list[bool]:
    if other is None:
        return [False] * len(text)
    return [position >= len(other) or token != other[position] for position, token in enumerate(text)]


def _card(shape: ModelShape, name: str, device: torch.device, checks: list[str]) -> dict[str, Any]:
    width = 4 if device.type == "cpu" else torch.finfo(getattr(torch, shape.dtype, torch.float32)).bits // 8
    weights = shape.n_parameters * width
    return {
        "name": name,
        **asdict(shape),
        "weight_bytes": weights,
        "memory_needed_bytes": int(weights * WORKING_MEMORY),
        "memory_available_bytes": _free_bytes(device),
        "device": str(device),
        "checks": checks,
    }


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available
