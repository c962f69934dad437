"""What one head looks at in a text, and which words it makes likelier there.

1. One forward pass over the text gives the head's attention weights, its z, and the residual stream in front of
   the final norm.
2. What the head writes at the token in question, z_h W_O,h, goes through final norm and unembedding
   (`core.model.logit_attribution`): the change of every word's logit, given against the mean over all words,
   because only differences of logits count.
3. The same for the partner text, at the corresponding token; and the difference of the two.
4. At the end of a text: how far the head moves the actual answer ahead of the expected one, at the first token where
   these part. Where they begin alike, the head is read behind that beginning, which the model would have said by then.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.config import RunConfig
from core.errors import ConfigError, ModelError
from core.examples.example_set import Example
from core.heads import HeadId
from core.inspection.answers import AttentionView, Between, HeadView, Word, Writes
from core.model.attention_calls import on_weights
from core.model.attention_weights import MOST_WEIGHTS
from core.model.batching import pad
from core.model.hooks import after, before, on_z
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.logit_attribution import check_plain_stream, final_norm, logit_changes, through_norm
from core.model.memory import within_memory
from core.model.next_token import last_logits
from core.model.tokens.answer_tokens import answer_tokens
from core.model.tokens.continuations import readable
from core.model.tokens.prompts import Prompt, prompt_of
from core.model.tokens.tokenising import tokenise
from core.model.tokens.words import spaced, top_words

WORDS_UP, WORDS_DOWN = 8, 5
"""How many words are named: those whose logit rises and falls most."""
LEAST_MORE = 0.001
"""Difference of two texts that is worth naming; before their first difference there is none."""
MOST_TOKENS = 600
"""Tokens of a text that are shown, those around the one that looks."""


@dataclass(frozen=True)
class HeadReading:
    """One head in one forward pass, float32 on the CPU.

    `weights` (query, key); `update` (position, d_model) is what the head adds to the residual stream; `stream`
    (position, d_model) is the whole stream in front of the final norm.
    """

    weights: Tensor
    update: Tensor
    stream: Tensor


@within_memory
def head_view(
    config: RunConfig,
    models: ModelPool | None = None,
    *,
    layer: int,
    head: int,
    example: int,
    partner: int | None = None,
    query: int | None = None,
) -> HeadView:
    """One head on one example and its partner (indices from 0), as plain JSON. Raises HeadlightError.

    `query` is the token that looks and writes, the last one where none is given.
    """
    loaded = (models or ModelPool()).get(config.model, config.device, config.adapter)
    texts, target = tokenise(loaded, config.examples), HeadId(layer, head)
    prompts = [prompt_of(loaded, config.examples, example) for example in config.examples.examples]
    own = config.examples.examples[_index("example", example, len(texts))]
    last = len(texts[example]) - 1
    place = last if query is None else _index("query", query, last + 1)
    reading = read_head(loaded, texts[example], target)
    view: HeadView = {
        **_attention(loaded, prompts[example], texts[example], reading.weights[place], place),
        "writes": None,
        "partner": None,
        "more": [],
    }
    try:
        check_plain_stream(loaded)
    except ModelError as error:
        return {**view, "no_writes": {"key": error.key, "values": error.values}}
    change = changes_at(loaded, reading, place)
    other = None if partner is None else config.examples.examples[_index("partner", partner, len(texts))]
    about = [example, *([] if partner is None else [partner])]
    parting = _parting(loaded, config.examples.examples, texts, about) if place == last else None
    view["writes"] = _writes(loaded, change, _between(loaded, target, texts[example], change, parting))
    if partner is not None and other is not None:
        there = corresponding(place, len(texts[example]), len(texts[partner]))
        other_change = changes_at(loaded, read_head(loaded, texts[partner], target), there)
        piece = _pieces(loaded, prompts[partner], texts[partner])[there]
        between = _between(loaded, target, texts[partner], other_change, parting)
        view["partner"] = {"query": there, "piece": piece, **_writes(loaded, other_change, between)}
        more = change - other_change if own.label == "anomalous" else other_change - change
        view["more"] = [word for word in words(loaded, more, WORDS_UP) if word["change"] >= LEAST_MORE]
    return view


@torch.inference_mode()
def read_head(loaded: LoadedModel, ids: Sequence[int], head: HeadId) -> HeadReading:
    """Run the model on one text and read the head. Raises ModelError where it gives no attention weights."""
    shape = loaded.shape
    if len(ids) ** 2 * shape.n_heads > MOST_WEIGHTS:
        most = math.isqrt(MOST_WEIGHTS // shape.n_heads)
        raise ModelError("text_too_long_for_attention", count=len(ids), maximum=most)
    recorded: dict[str, Tensor] = {}

    def record_z(z: Tensor) -> None:
        recorded["z"] = z[0, :, head.head].float()

    def record_written(_module: Any, output: Any) -> Any:
        recorded["written"] = (output[0] if isinstance(output, tuple) else output)[0].float()
        return output

    def record_weights(_layer: int, weights: Tensor) -> None:
        recorded["weights"] = weights[0, head.head].float().cpu()

    def record_stream(_module: Any, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        recorded["stream"] = (args[0] if args else kwargs["hidden_states"])[0].float()

    token_ids, mask = pad([ids], loaded.device)
    norm = final_norm(loaded)[1]
    with ExitStack() as stack:
        stack.enter_context(on_weights(loaded, [head.layer], record_weights))
        stack.enter_context(on_z(loaded, head.layer, record_z))
        stack.enter_context(after(loaded.attention(head.layer), record_written))
        if norm is not None:
            stack.enter_context(before(norm, record_stream))
        hidden = loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)[0]
    if "weights" not in recorded:
        raise ModelError("no_attention_weights", architecture=shape.architecture)
    update = recorded["z"] @ loaded.output_weights(head.layer)[head.head]
    if (behind := loaded.norm_behind(head.layer)) is not None:
        update = through_norm(behind, update, recorded["written"])
    update = update * loaded.stream.scale(head.layer, shape.n_layers)
    stream = recorded["stream"] if norm is not None else hidden[0].float()
    return HeadReading(recorded["weights"], update.cpu(), stream.cpu())


@torch.inference_mode()
def changes_at(loaded: LoadedModel, reading: HeadReading, position: int) -> Tensor:
    """Change of every word's logit (vocabulary,) by what the head writes there, against the mean change."""
    change = logit_changes(loaded, reading.update[position], reading.stream[position])
    change = change[: len(loaded.tokenizer)]
    return change - change.mean()


def words(loaded: LoadedModel, change: Tensor, count: int) -> list[Word]:
    """The words with the largest change."""
    return [{"piece": piece, "change": _rounded(value)} for piece, value in top_words(loaded, change, count)]


def corresponding(position: int, length: int, other_length: int) -> int:
    """The token of a partner: the same one, or as far from the end where the texts differ in length."""
    return max(0, other_length - (length - position))


def _attention(
    loaded: LoadedModel, prompt: Prompt, ids: Sequence[int], weights: Tensor, place: int
) -> AttentionView:
    """The tokens around the one at `place` from `first` on, and the share of attention that each of them gets."""
    first = max(0, min(place - MOST_TOKENS // 2, len(ids) - MOST_TOKENS))
    shown = slice(first, first + MOST_TOKENS)
    return {
        "query": place,
        "first": first,
        "length": len(ids),
        "pieces": spaced(prompt.text, _pieces(loaded, prompt, ids))[shown],
        "weights": [round(weight, 5) for weight in weights[shown].tolist()],
    }


def _pieces(loaded: LoadedModel, prompt: Prompt, ids: Sequence[int]) -> list[str]:
    return loaded.pieces_in(prompt.text, list(ids), prompt.special)


def _writes(loaded: LoadedModel, change: Tensor, between: Between | None) -> Writes:
    down: list[Word] = [
        {"piece": word["piece"], "change": -word["change"]} for word in words(loaded, -change, WORDS_DOWN)
    ]
    return {"up": words(loaded, change, WORDS_UP), "down": down, "between": between}


@dataclass(frozen=True)
class _Parting:
    """Where two answers part: the tokens that both begin with, then one token of each."""

    beginning: tuple[int, ...]
    expected: int
    actual: int


def _parting(
    loaded: LoadedModel, examples: Sequence[Example], texts: Sequence[Sequence[int]], about: Sequence[int]
) -> _Parting | None:
    """Where the answers part of the first of these examples that has two; None where one is the other's beginning."""
    for i in about:
        example = examples[i]
        if example.expected.strip() and example.actual.strip():
            after = last_logits(loaded, [texts[i]])[0].log_softmax(dim=-1)
            answers = answer_tokens(loaded, texts[i], example.expected, example.actual, after)
            shared = answers.shared
            if shared < min(answers.lengths):
                return _Parting(answers.expected[:shared], answers.expected[shared], answers.actual[shared])
    return None


def _between(
    loaded: LoadedModel, head: HeadId, text: Sequence[int], change: Tensor, parting: _Parting | None
) -> Between | None:
    """How far a head moves the actual answer ahead; `change` (vocabulary,) is what it does at the end of the text."""
    if parting is None:
        return None
    if parting.beginning:
        behind = [*text, *parting.beginning]
        if loaded.shape.context_length and len(behind) > loaded.shape.context_length:
            return None
        change = changes_at(loaded, read_head(loaded, behind, head), len(behind) - 1)
    expected, actual = loaded.pieces([parting.expected, parting.actual])
    return {
        "behind": readable(loaded, text, parting.beginning),
        "expected": expected,
        "actual": actual,
        "change": _rounded(float(change[parting.actual] - change[parting.expected])),
    }


def _index(name: str, value: int, length: int) -> int:
    if not 0 <= value < length:
        raise ConfigError("bad_setting", name=name, detail=f"expected 0 to {length - 1}, found {value}")
    return value


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
