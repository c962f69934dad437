"""Which tokens of texts of different lengths correspond: an alignment of all texts at once.

1. The text with the smallest total edit distance (Levenshtein) from the others is the centre; its positions are the
   columns (a star alignment: Gusfield, Algorithms on Strings, Trees and Sequences, 14.6.2).
2. Every text is aligned to the columns by edit distance as a whole, from end to end: an exchanged, an added and a left
   out token cost 1 each; of equally short ways the one is taken that leaves columns out farthest in front.
3. The columns now say which tokens stand in them, and one text after the other is aligned again to the others: a token
   costs the share of them that have another one there or none, a column left out the share that have one (a profile:
   Gribskov et al. 1987, PNAS 84:4355). ROUNDS times at most, until nothing moves.

The last tokens of all texts are one column, since the answer is read there. The order of the texts makes no difference.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

ABSENT = -(2**31)
"""In place of a position: the text has no token that corresponds."""

ROUNDS = 3
"""Alignments to the profile at most, after the one to the centre."""

MOST_CENTRES = 16
"""Texts that may be the centre, those of the most usual lengths: all pairs of many texts would take long."""

CENTRE_CELLS = 2**26
"""Pairs of tokens that the search of the centre may compare; fewer texts may be the centre where texts are long."""

_TOGETHER, _COLUMN_ALONE, _TOKEN_ALONE = range(3)
"""What a step of an alignment takes."""


def columns_of(texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Positions (text, column) of texts of token ids; ABSENT where a text has no token in the column.

    Positions rise along the columns of a text; the last column is the last token of every text.
    """
    shortest = min(len(text) for text in texts)
    first = min(first_difference(texts), shortest - 1)
    ending = max(1, min(shared_ending(texts), shortest - first))
    lengths = np.array([len(text) for text in texts])[:, None]
    # What all texts begin and end with stands together at no cost.
    beginning = np.tile(np.arange(first), (len(texts), 1))
    between = _between([text[first : len(text) - ending] for text in texts])
    shifted = np.where(between == ABSENT, ABSENT, between + first)
    return np.concatenate([beginning, shifted, lengths - np.arange(ending, 0, -1)], axis=1)


def _between(texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Positions (text, column) of texts whose ends are left out."""
    known, numbered = _numbered(texts)
    # Copies of a text are aligned together, and texts one after the other by what they say, so that the order in which
    # they are given makes no difference.
    copies = Counter(tuple(text.tolist()) for text in numbered)
    different = sorted(copies)
    bodies = [np.array(text, dtype=int) for text in different]
    centre = bodies[_centre(bodies, [copies[text] for text in different])]
    placed = _aligned(bodies, [copies[text] for text in different], centre, known)
    rows = [different.index(tuple(text.tolist())) for text in numbered]
    return placed[rows]


def _aligned(
    bodies: Sequence[np.ndarray], copies: Sequence[int], centre: np.ndarray, known: int
) -> np.ndarray:
    """Positions (text, column) of different texts, first by the centre alone, then by what stands in the columns."""
    counts = np.zeros((len(centre), known), dtype=np.int32)
    counts[np.arange(len(centre)), centre] = 1
    placed = [_placed(text, counts, 1) for text in bodies]
    counts[:] = 0
    for text, places, count in zip(bodies, placed, copies, strict=True):
        _count(counts, text, places, count)
    for _ in range(ROUNDS):
        moved = False
        for index, (text, count) in enumerate(zip(bodies, copies, strict=True)):
            # A text's own tokens say nothing about where they belong.
            _count(counts, text, placed[index], -count)
            places = _placed(text, counts, max(1, sum(copies) - count))
            moved |= not np.array_equal(places, placed[index])
            placed[index] = places
            _count(counts, text, places, count)
        if not moved:
            break
    return np.stack(placed)


def first_difference(texts: Sequence[Sequence[int]]) -> int:
    """The first position where not all texts have the same token (the shortest length if there is none)."""
    for position, column in enumerate(zip(*texts, strict=False)):
        if len(set(column)) > 1:
            return position
    return min(len(text) for text in texts)


def shared_ending(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens all texts end with alike."""
    return first_difference([text[::-1] for text in texts])


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens must be exchanged, added or left out to turn one text into the other (Levenshtein)."""
    return int(_distances(np.asarray(first, dtype=int), [np.asarray(second, dtype=int)])[0])


def _numbered(texts: Sequence[Sequence[int]]) -> tuple[int, list[np.ndarray]]:
    """How many different tokens there are, and the texts in their numbers."""
    tokens, places = np.unique(
        np.concatenate([np.asarray(text, dtype=int) for text in texts]), return_inverse=True
    )
    return len(tokens), np.split(places, np.cumsum([len(text) for text in texts])[:-1])


def _centre(texts: Sequence[np.ndarray], copies: Sequence[int]) -> int:
    """The text with the smallest total edit distance; of equal ones the shortest, then the first by its tokens."""
    usual = np.median(np.repeat([len(text) for text in texts], copies))

    def order(index: int) -> tuple[float, int, list[int]]:
        return abs(len(texts[index]) - usual), len(texts[index]), texts[index].tolist()

    cells = int(usual + 1) * sum(len(text) for text in texts)
    count = max(1, min(MOST_CENTRES, CENTRE_CELLS // max(1, cells)))
    tried = sorted(range(len(texts)), key=order)[:count]
    return min(tried, key=lambda index: (_distances(texts[index], texts) @ copies, *order(index)[1:]))


def _distances(text: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Edit distance (other,) of a text from each of the others, all of them at once."""
    lengths = np.array([len(other) for other in others])
    padded = np.full((len(others), lengths.max()), -1, dtype=np.int32)
    for row, other in zip(padded, others, strict=True):
        row[: len(other)] = other
    steps = np.arange(padded.shape[1] + 1, dtype=np.int32)
    row = np.tile(steps, (len(others), 1))
    for token in text:
        reached = row + 1
        reached[:, 1:] = np.minimum(reached[:, 1:], row[:, :-1] + (padded != token))
        # Tokens of the other text that stand alone follow each other along the row.
        row = np.minimum.accumulate(reached - steps, axis=1) + steps
    distances: np.ndarray = row[np.arange(len(others)), lengths]
    return distances


def _count(counts: np.ndarray, text: np.ndarray, places: np.ndarray, by: int) -> None:
    """Add a text, placed in the columns, to the counts (column, token)."""
    columns = np.flatnonzero(places != ABSENT)
    counts[columns, text[places[columns]]] += by


def _placed(text: np.ndarray, counts: np.ndarray, of: int) -> np.ndarray:
    """The position of a text in each column, or ABSENT, at the smallest cost.

    `counts` (column, token) say in how many of `of` texts a token stands in a column; a cost is a number of texts.
    """
    steps = np.arange(len(text) + 1, dtype=np.int32) * np.int32(of)
    row, moves = steps, np.full((len(counts) + 1, len(text) + 1), _TOKEN_ALONE, dtype=np.int8)
    for column, (tokens, present) in enumerate(zip(counts, counts.sum(axis=1), strict=True), start=1):
        alone = row + present
        together = np.concatenate([alone[:1], row[:-1] + of - tokens[text]])
        row = np.minimum.accumulate(np.minimum(alone, together) - steps) + steps
        moves[column, row == alone] = _COLUMN_ALONE
        # Preferred, so that on the way back from the end columns are left out in front: the noun of "a big cup" and the
        # last piece of a long name stand with the words of others.
        moves[column, 1:][row[1:] == together[1:]] = _TOGETHER
    return _walked_back(moves)


def _walked_back(moves: np.ndarray) -> np.ndarray:
    """Positions (column,) from the steps (column + 1, token + 1) by which each end was reached best."""
    column, token = moves.shape[0] - 1, moves.shape[1] - 1
    places = np.full(column, ABSENT)
    while column:
        move = moves[column, token]
        if move == _TOGETHER:
            places[column - 1] = token - 1
        column -= move != _TOKEN_ALONE
        token -= move != _COLUMN_ALONE
    return places
