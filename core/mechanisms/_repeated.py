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
TOGETHER = 8
"""Heads whose logits are held at a time."""


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
    matrices = {layer: loaded.output_weights(layer).cpu() for layer in z}
    copying = [
        place
        for place, head in enumerate(heads)
        if stream is not None and head.layer in weights and loaded.norm_behind(head.layer) is None
    ]
    of_heads: list[list[dict[Role, float | None]]] = [[] for _ in heads]
    for number, ids in enumerate(texts):
        for head, of_head in zip(heads, of_heads, strict=True):
            if head.layer in weights:
                own = weights[head.layer][number, head.head][None]
                of_head += pattern_scores(own, ids, (), [str(token) for token in ids])
        if stream is None or not has_plain_stream(loaded):
            continue
        for start in range(0, len(copying), TOGETHER):
            places = copying[start : start + TOGETHER]
            chosen = [heads[place] for place in places]
            written = [
                z[head.layer][number, :, head.head] @ matrices[head.layer][head.head] for head in chosen
            ]
            own = torch.stack([weights[head.layer][number, head.head] for head in chosen])
            scores = _copying(loaded, own, ids, torch.stack(written), stream[number])
            for place, score in zip(places, scores, strict=True):
                of_heads[place][-1]["copying"] = score
    return [mean_scores(of_head) for of_head in of_heads]


def _copying(
    loaded: LoadedModel, weights: Tensor, ids: Sequence[int], written: Tensor, stream: Tensor
) -> list[float | None]:
    """Of each head, from `weights` (head, query, key) and what it has `written` (head, position, d_model).

    Mean over places spread over the second half, where a head that looks back has found what it looks for.
    """
    half = max(FIRST_QUERY, len(ids) - len(ids) // 2)
    queries = np.unique(np.linspace(half, len(ids) - 1, COPY_QUERIES).astype(int)).tolist()
    scores: list[float | None] = []
    for own, changes in zip(
        weights, logit_changes(loaded, written[:, queries], stream[queries]), strict=True
    ):
        values = [
            copying_at(own[query], ids[: query + 1], change)
            for query, change in zip(queries, changes, strict=True)
        ]
        known = [value for value in values if value is not None]
        scores.append(sum(known) / len(known) if known else None)
    return scores


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
