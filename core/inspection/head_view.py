"""What one head looks at in a text, and which words it makes likelier there.

1. One forward pass over the text gives the head's attention weights, its z, and the residual stream in front of
   the final norm. Attention runs in its eager form meanwhile, since the fused one returns no weights.
2. What the head writes at the chosen token, z_h W_O,h, goes through final norm and unembedding
   (`core.model.logit_attribution`): the change of every word's logit, given against the mean over all words,
   because only differences of logits count.
3. The same for the partner text, at the corresponding token; and the difference of the two.
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
from core.model.attention_weights import MOST_WEIGHTS, eager_attention
from core.model.batching import pad
from core.model.hooks import after, before, on_z
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.logit_attribution import check_plain_stream, final_norm, logit_changes, through_norm
from core.model.tokenising import tokenise

WORDS_UP, WORDS_DOWN = 8, 5
"""Words that are told: those whose logit rises and falls most."""
LEAST_MORE = 0.001
"""Difference of two texts that is worth telling; before their first difference there is none."""
MOST_TOKENS = 600
"""Tokens of a text that are told, those around the chosen one."""
SPLIT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
_SPELLINGS = 6
"""How many tokens are looked through for one word, since many differ in a space alone."""


@dataclass(frozen=True)
class HeadReading:
    """One head in one forward pass, float32 on the CPU.

    `weights` (query, key); `update` (position, d_model) is what the head adds to the residual stream; `stream`
    (position, d_model) is the whole stream in front of the final norm.
    """

    weights: Tensor
    update: Tensor
    stream: Tensor


def head_view(
    config: RunConfig,
    models: ModelPool | None = None,
    *,
    layer: int,
    head: int,
    example: int,
    partner: int | None = None,
    query: int | None = None,
) -> dict[str, Any]:
    """One head on one example and its partner (indices from 0), as plain JSON. Raises HeadlightError.

    `query` is the token that looks and writes, the last one where none is given.
    """
    loaded = (models or ModelPool()).get(config.model, config.device)
    ids = tokenise(loaded, config.examples)
    examples = config.examples.examples
    chosen = HeadId(layer, head)
    place = _place(query, len(_checked(ids, example)))
    reading = read_head(loaded, ids[example], chosen)
    found: dict[str, Any] = {
        "query": place,
        **_looks(loaded, examples[example].text, ids[example], reading.weights[place], place),
        "writes": None,
        "partner": None,
        "more": [],
    }
    try:
        check_plain_stream(loaded)
    except ModelError as error:
        return found | {"no_writes": {"key": error.key, "values": error.values}}
    here = changes_at(loaded, reading, place)
    pair = [examples[index] for index in (example, partner) if index is not None]
    told = _told(loaded, pair) if place == len(ids[example]) - 1 else None
    found["writes"] = _writes(loaded, here, told)
    if partner is not None:
        other = corresponding(place, len(ids[example]), len(_checked(ids, partner)))
        there = changes_at(loaded, read_head(loaded, ids[partner], chosen), other)
        piece = loaded.pieces_in(examples[partner].text, list(ids[partner]))[other]
        found["partner"] = {"query": other, "piece": piece, **_writes(loaded, there, told)}
        anomalous = examples[example].label == "anomalous"
        found["more"] = [
            word
            for word in words(loaded, here - there if anomalous else there - here, WORDS_UP)
            if word["change"] >= LEAST_MORE
        ]
    return found


@torch.inference_mode()
def read_head(loaded: LoadedModel, ids: Sequence[int], head: HeadId) -> HeadReading:
    """Run the model on one text and read the head. Raises ModelError where it gives no attention weights."""
    shape = loaded.shape
    if len(ids) ** 2 * shape.n_heads > MOST_WEIGHTS:
        most = math.isqrt(MOST_WEIGHTS // shape.n_heads)
        raise ModelError("text_too_long_for_attention", count=len(ids), maximum=most)
    kept: dict[str, Any] = {}

    def keep_z(z: Tensor) -> None:
        kept["z"] = z[0, :, head.head].float()

    def keep_attention(_module: Any, output: Any) -> Any:
        kept["written"] = output[0][0].float()
        kept["weights"] = output[1] if len(output) > 1 else None
        return output

    def keep_stream(_module: Any, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        kept["stream"] = (args[0] if args else kwargs["hidden_states"])[0].float()

    token_ids, mask = pad([ids], loaded.device)
    norm = final_norm(loaded)[1]
    with ExitStack() as stack:
        stack.enter_context(eager_attention(loaded))
        stack.enter_context(on_z(loaded, head.layer, keep_z))
        stack.enter_context(after(loaded.attention(head.layer), keep_attention))
        if norm is not None:
            stack.enter_context(before(norm, keep_stream))
        try:
            hidden = loaded.model.base_model(input_ids=token_ids, attention_mask=mask, use_cache=False)[0]
        except torch.OutOfMemoryError:
            raise ModelError("out_of_memory", device=loaded.device) from None
    if kept["weights"] is None:
        raise ModelError("no_attention_weights", architecture=shape.architecture)
    update = kept["z"] @ loaded.output_weights(head.layer)[head.head]
    if name := loaded.architecture.post_norm:
        update = through_norm(getattr(loaded.layers[head.layer], name), update, kept["written"])
    stream = kept["stream"] if norm is not None else hidden[0].float()
    return HeadReading(kept["weights"][0, head.head].float().cpu(), update.cpu(), stream.cpu())


@torch.inference_mode()
def changes_at(loaded: LoadedModel, reading: HeadReading, position: int) -> Tensor:
    """Change of every word's logit (vocabulary,) by what the head writes there, against the mean change."""
    change = logit_changes(loaded, reading.update[position], reading.stream[position])
    change = change[: len(loaded.tokenizer)]
    return change - change.mean()


def words(loaded: LoadedModel, change: Tensor, count: int) -> list[dict[str, Any]]:
    """The words with the largest change: `piece` and `change`.

    Of spellings that differ in spaces the first is told; special tokens and parts of a split character are no
    words.
    """
    change = change.clone()
    change[[token for token in loaded.tokenizer.all_special_ids if token < len(change)]] = -torch.inf
    top = change.topk(min(count * _SPELLINGS, len(change)))
    found: dict[str, dict[str, Any]] = {}
    for piece, value in zip(loaded.pieces(top.indices.tolist()), top.values.tolist(), strict=True):
        if piece.strip() and SPLIT_CHARACTER not in piece:
            found.setdefault(piece.strip(), {"piece": piece, "change": _rounded(value)})
    return list(found.values())[:count]


def corresponding(position: int, length: int, other_length: int) -> int:
    """The token of a partner: the same one, or as far from the end where the texts differ in length."""
    return max(0, other_length - (length - position))


def spaced(text: str, pieces: Sequence[str]) -> list[str]:
    """The pieces of a text, each with a space in front where the text has one and the piece does not."""
    result, end = [], 0
    for piece in pieces:
        start = text.find(piece.strip(), end) if piece.strip() else -1
        apart = start > end and text[end:start].isspace() and not piece[:1].isspace()
        result.append(f" {piece}" if apart else piece)
        end = start + len(piece.strip()) if start >= 0 else end
    return result


def _looks(loaded: LoadedModel, text: str, ids: Sequence[int], weights: Tensor, place: int) -> dict[str, Any]:
    """The tokens around the chosen one from `first` on, and the share of attention that each of them gets."""
    first = max(0, min(place - MOST_TOKENS // 2, len(ids) - MOST_TOKENS))
    shown = slice(first, first + MOST_TOKENS)
    return {
        "first": first,
        "length": len(ids),
        "pieces": spaced(text, loaded.pieces_in(text, list(ids)))[shown],
        "weights": [round(weight, 5) for weight in weights[shown].tolist()],
    }


def _writes(loaded: LoadedModel, change: Tensor, told: tuple[int, int] | None) -> dict[str, Any]:
    down = [
        {"piece": word["piece"], "change": -word["change"]} for word in words(loaded, -change, WORDS_DOWN)
    ]
    return {"up": words(loaded, change, WORDS_UP), "down": down, "between": _between(loaded, change, told)}


def _told(loaded: LoadedModel, examples: Sequence[Example]) -> tuple[int, int] | None:
    """Tokens of the expected and of the actual next word, from the first example that has both."""
    for example in examples:
        if example.expected.strip() and example.actual.strip():
            expected, actual = loaded.word_token(example.expected), loaded.word_token(example.actual)
            if expected is not None and actual is not None and expected != actual:
                return expected, actual
    return None


def _between(loaded: LoadedModel, change: Tensor, told: tuple[int, int] | None) -> dict[str, Any] | None:
    """How much further the head moves the actual next word than the expected one."""
    if told is None:
        return None
    expected, actual = loaded.pieces(list(told))
    return {
        "expected": expected,
        "actual": actual,
        "change": _rounded(float(change[told[1]] - change[told[0]])),
    }


def _place(query: int | None, length: int) -> int:
    place = length - 1 if query is None else query
    if not 0 <= place < length:
        raise ConfigError("bad_setting", name="query", detail=f"expected 0 to {length - 1}, found {query}")
    return place


def _checked(ids: Sequence[Sequence[int]], example: int) -> Sequence[int]:
    if not 0 <= example < len(ids):
        detail = f"expected 0 to {len(ids) - 1}, found {example}"
        raise ConfigError("bad_setting", name="example", detail=detail)
    return ids[example]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
