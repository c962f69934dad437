"""Random repeated tokens: sequences in which nothing but the repetition tells what comes next (Olsson 2022).

SEQUENCES sequences of different random tokens, each written twice, behind the token that the tokenizer begins texts
with, where it has one. Drawn by the run's seed from the tokens that are letters and no special ones.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core.heads import HeadId
from core.mechanisms.roles import FIRST_QUERY, Role, copying_at, mean_scores, pattern_scores
from core.model.attention_calls import on_weights
from core.model.batching import pad
from core.model.hooks import before, on_z
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import final_norm, has_plain_stream, logit_changes

SEQUENCES, HALF = 4, 24
"""Sequences, and different tokens in each, fewer where the vocabulary or the context is smaller."""
COPY_QUERIES = 8
"""Places of each sequence at which copying is read."""


def repeated(loaded: LoadedModel, seed: int) -> list[list[int]]:
    """The sequences; none where the vocabulary has fewer than four words."""
    generator = np.random.default_rng(seed)
    words = _words(loaded, generator)
    begins = loaded.tokenizer.bos_token_id
    front = [] if begins is None else [int(begins)]
    limit = loaded.shape.context_length or 2 * HALF + 1
    half = min(HALF, len(words) // 2, (limit - len(front)) // 2)
    if half < 2:
        return []
    drawn = [generator.choice(words, size=half, replace=False).tolist() for _ in range(SEQUENCES)]
    return [[*front, *tokens, *tokens] for tokens in drawn]


def random_scores(loaded: LoadedModel, heads: Sequence[HeadId], seed: int) -> list[dict[Role, float | None]]:
    """The scores of these heads on the sequences, one forward pass; empty ones where nothing can be read."""
    texts = repeated(loaded, seed)
    if not texts or not heads:
        return [{} for _ in heads]
    weights, z, stream = _read(loaded, texts, {head.layer for head in heads})
    copies = has_plain_stream(loaded) and stream is not None
    matrices = {layer: loaded.output_weights(layer).cpu() for layer in z} if copies else {}
    result = []
    for head in heads:
        of_texts: list[dict[Role, float | None]] = []
        for number, ids in enumerate(texts):
            if head.layer not in weights:
                continue
            own = weights[head.layer][number, head.head]
            scores = pattern_scores(own[None], ids, (), [str(token) for token in ids])[0]
            if stream is not None and head.layer in matrices and loaded.norm_behind(head.layer) is None:
                written = z[head.layer][number, :, head.head] @ matrices[head.layer][head.head]
                scores["copying"] = _copying(loaded, own, ids, written, stream[number])
            of_texts.append(scores)
        result.append(mean_scores(of_texts))
    return result


def _copying(
    loaded: LoadedModel, weights: Tensor, ids: Sequence[int], written: Tensor, stream: Tensor
) -> float | None:
    """Mean over places spread over the second half, where a head that looks back has found what it looks for."""
    half = max(FIRST_QUERY, len(ids) - len(ids) // 2)
    queries = np.unique(np.linspace(half, len(ids) - 1, COPY_QUERIES).astype(int)).tolist()
    changes = logit_changes(loaded, written[queries], stream[queries])
    values = [
        copying_at(weights[query], ids[: query + 1], change)
        for query, change in zip(queries, changes, strict=True)
    ]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@torch.no_grad()
def _read(
    loaded: LoadedModel, texts: Sequence[Sequence[int]], layers: set[int]
) -> tuple[dict[int, Tensor], dict[int, Tensor], Tensor | None]:
    """Attention (text, head, query, key) and z (text, position, head, d_head) by layer, and the stream at the end."""
    weights: dict[int, Tensor] = {}
    z: dict[int, Tensor] = {}
    streams: list[Tensor] = []
    norm = final_norm(loaded)[1]
    ids, mask = pad(texts, loaded.device)

    def keep(kept: dict[int, Tensor], layer: int, values: Tensor) -> None:
        kept[layer] = values.float().cpu()

    def keep_stream(_module: object, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        streams.append((args[0] if args else kwargs["hidden_states"]).float().cpu())

    with ExitStack() as stack:
        stack.enter_context(on_weights(loaded, sorted(layers), partial(keep, weights)))
        for layer in layers:
            stack.enter_context(on_z(loaded, layer, partial(keep, z, layer)))
        if norm is not None:
            stack.enter_context(before(norm, keep_stream))
        loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    return weights, z, streams[0] if streams else None


def _words(loaded: LoadedModel, generator: np.random.Generator) -> list[int]:
    """Drawn tokens that are letters, as many as the sequences need; any that are not special where few are letters."""
    size = min(len(loaded.tokenizer), loaded.shape.vocabulary or len(loaded.tokenizer))
    drawn = generator.permutation(size).tolist()
    plain = [token for token in drawn if token not in loaded.special_ids and token != loaded.unknown_id]
    letters: list[int] = []
    for token in plain:
        if loaded.pieces([token])[0].strip().isalpha():
            letters.append(token)
        if len(letters) == SEQUENCES * HALF:
            break
    return letters if len(letters) >= 2 * HALF else plain
