"""The standard roles of attention heads by the field's tests: pure functions over attention weights and token ids.

`weights` (head, query, key) are those of heads in one text, `ids` (position,) its tokens, counted from 0. Every score
is a mean over the queries that the test asks about, None where there is none:

- previous_token: attention to the token before (Elhage 2021), Σ A[q, q - 1].
- duplicate_token: at a token that stood before, attention to its earlier places (Wang 2022), Σ A[q, p] with
  ids[p] = ids[q].
- induction: at a token that stood before, attention to what followed it then, the prefix matching score of Olsson 2022,
  Σ A[q, p + 1] with ids[p] = ids[q], p + 1 < q. Whether the head also copies what it finds is told beside it.
- copying: what the head writes at q, through the unembedding, set against the tokens that it looks at there: their mean
  rank among all words by A[q, k], from -1 (lowered most) to 1 (raised most). The first token is left out, since heads
  rest on it. Name movers (Wang 2022) copy; the copying score of Olsson 2022 asks the same of the weights alone.
- negative: the same with the other sign: it lowers what it looks at (copy suppression, McDougall 2023).
- first_token: attention to the first token, a sink (Xiao 2023), Σ A[q, 0].
- delimiter: attention to punctuation marks and line breaks behind the first token (Clark 2019), Σ A[q, p].
- same_word: attention to the word itself or to another writing of it (case, spaces) before, Σ A[q, p], p <= q.

Queries at the first two positions say nothing, where the token before is the first one or the head has no choice.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.schema import RoleScore

Role = Literal[
    "previous_token",
    "duplicate_token",
    "induction",
    "copying",
    "negative",
    "first_token",
    "delimiter",
    "same_word",
]
ROLES: tuple[Role, ...] = (
    "induction",
    "duplicate_token",
    "previous_token",
    "negative",
    "copying",
    "delimiter",
    "same_word",
    "first_token",
)
"""In the order in which a head that passes several tests is named."""
WRITING: tuple[Role, ...] = ("negative", "copying")
"""Roles by the rank of the word that a head looks at among those that it writes. A head that looks at one word and
writes another can rank the first high by chance on a few texts, so both tests are to be passed where both were made.
"""

ON_TEXTS: Mapping[Role, float] = {
    "previous_token": 0.4,
    "duplicate_token": 0.5,
    "induction": 0.4,
    "copying": 0.96,
    "negative": 0.96,
    "first_token": 0.5,
    "delimiter": 0.5,
    "same_word": 0.5,
}
ON_RANDOM: Mapping[Role, float] = {**ON_TEXTS, "induction": 0.2, "copying": 0.6, "negative": 0.6}
"""Scores from which on a test is passed, chosen on the tuning models and stories260K: between the heads that stand out
there and all others. In random tokens heads of small models find less of what they look for."""

RESTING: tuple[Role, ...] = ("first_token", "delimiter", "same_word")
"""Where heads look that have nothing to do at a token, or do it elsewhere."""

FIRST_QUERY = 2
LEAST_LOOKED = 0.1
"""Attention behind the first token from which on a query counts for copying."""


def pattern_scores(
    weights: Tensor, ids: Sequence[int], delimiters: Sequence[int], words: Sequence[str]
) -> list[dict[Role, float | None]]:
    """What attention alone tells of each head, from weights (head, query, key).

    `delimiters` are positions, `words` the spellings (position,) without case and spaces.
    """
    masks = _masks(ids, delimiters, words)
    scores: list[dict[Role, float | None]] = [{} for _ in weights]
    for role, mask in masks.items():
        asked = mask.any(dim=-1)
        asked[:FIRST_QUERY] = False
        of_heads = (
            (weights[:, asked].float() * mask[asked]).sum(dim=-1).mean(dim=-1).tolist()
            if asked.any()
            else None
        )
        for head, own in enumerate(scores):
            own[role] = None if of_heads is None else of_heads[head]
    return scores


def _masks(ids: Sequence[int], delimiters: Sequence[int], words: Sequence[str]) -> dict[Role, Tensor]:
    """By role the keys (query, key) whose attention its test adds up."""
    length = len(ids)
    place = torch.arange(length)
    earlier, token = place[None] < place[:, None], torch.tensor(list(ids))
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    word = torch.tensor([numbers[one] for one in words])
    duplicate = (token[None] == token[:, None]) & earlier
    followers = torch.zeros_like(duplicate)
    followers[:, 1:] = duplicate[:, :-1]
    first, marks = torch.zeros_like(duplicate), torch.zeros_like(duplicate)
    first[:, 0] = True
    marks[:, [mark for mark in delimiters if mark > 0]] = True
    return {
        "previous_token": place[None] == place[:, None] - 1,
        "duplicate_token": duplicate,
        "induction": followers & earlier,
        "first_token": first,
        "delimiter": marks & (place[None] <= place[:, None]),
        "same_word": (word[None] == word[:, None]) & (place[None] <= place[:, None]),
    }


def copying_at(attention: Tensor, ids: Sequence[int], change: Tensor) -> float | None:
    """The copying score of one query: `attention` (key,), `change` (vocabulary,) of the logits by what it writes.

    The rank of a token is the share of all other words whose logit rises less, ties by half, scaled to -1 … 1.
    """
    looked = attention[1 : len(ids)].float()
    total = float(looked.sum())
    if total < LEAST_LOOKED:
        return None
    values = change.cpu().numpy()
    own, ordered = values[list(ids[1:])], np.sort(values)
    below, through = (np.searchsorted(ordered, own, side) for side in ("left", "right"))
    # a word is equal to itself, which counts for nothing
    ranks = torch.from_numpy(below + through - 1).to(looked) / (len(values) - 1) - 1
    return float((looked * ranks).sum() / total)


def mean_scores(of_texts: Sequence[Mapping[Role, float | None]]) -> dict[Role, float | None]:
    """Means over the texts in which each score could be measured; `negative` is `copying` with the other sign."""
    scores: dict[Role, float | None] = {
        role: _mean([value for text in of_texts if (value := text.get(role)) is not None]) for role in ROLES
    }
    copying = scores["copying"]
    scores["negative"] = None if copying is None else -copying
    return scores


def role_of(
    on_texts: Mapping[Role, float | None],
    on_random: Mapping[Role, float | None],
    at_place: Mapping[Role, float] = MappingProxyType({}),
) -> str:
    """The role whose test is passed on the texts and on random tokens, else (but for WRITING) on one of them; or empty.

    Of several that are passed alike the first of ROLES is named. Where a head rests (RESTING) is its role only where it
    rests also at the place at which it is read: `at_place` are the scores there.
    """
    measured = ((on_texts, ON_TEXTS), (on_random, ON_RANDOM))
    passed = {
        role: sum(
            (score := scores.get(role)) is not None and score >= least[role] for scores, least in measured
        )
        for role in ROLES
        if role not in RESTING or at_place.get(role, 1.0) >= ON_TEXTS[role]
    }
    for role in WRITING:
        if passed[role] == 1 and all(scores.get(role) is not None for scores, _ in measured):
            passed[role] = 0
    best = max(passed, key=passed.__getitem__)
    return best if passed[best] else ""


def resting_at(weights: Tensor, marks: Sequence[int], words: Sequence[str], query: int) -> dict[Role, float]:
    """The scores of RESTING at one query alone, from its weights (key,); `marks` are the delimiters."""
    own = weights[: query + 1].float()
    alike = [p for p, word in enumerate(words[: query + 1]) if word == words[query]]
    seen_marks = [p for p in marks if 0 < p <= query]
    return {
        "first_token": float(own[0]),
        "delimiter": float(own[seen_marks].sum()),
        "same_word": float(own[alike].sum()),
    }


def role_scores(
    on_texts: Mapping[Role, float | None], on_random: Mapping[Role, float | None]
) -> tuple[RoleScore, ...]:
    """Both scores of every role as they are kept."""
    places: tuple[
        tuple[Literal["texts", "random"], Mapping[Role, float | None], Mapping[Role, float]], ...
    ] = (
        ("texts", on_texts, ON_TEXTS),
        ("random", on_random, ON_RANDOM),
    )
    return tuple(
        RoleScore(
            role=role,
            measured_on=where,
            score=None if (score := scores.get(role)) is None else round(score, 4),
            least=least[role],
        )
        for role in ROLES
        for where, scores, least in places
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
