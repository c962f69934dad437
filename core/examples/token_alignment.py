"""Which tokens of texts of different lengths correspond: an alignment of all texts at once.

1. The text with the smallest total edit distance (Levenshtein) from the others is the centre; its positions are the
   columns (a star alignment: Gusfield, Algorithms on Strings, Trees and Sequences, 14.6.2).
2. Every text is aligned to the columns by edit distance as a whole, from end to end: an exchanged, an added and a left
   out token cost 1 each; of equally short ways the one is taken that leaves columns out farthest in front.
3. The columns now say which tokens stand in them, and every text is aligned again: a token costs the share of the other
   texts that have another one there (a profile: Gribskov et al. 1987, PNAS 84:4355). ROUNDS times at most.

The last tokens of all texts are one column, since the answer is read there. The order of the texts makes no difference.
"""

from collections.abc import Sequence

import numpy as np

ABSENT = -(2**31)
"""In place of a position: the text has no token that corresponds."""

ROUNDS = 3
"""Alignments to the profile at most, after the one to the centre."""

MOST_CENTRES = 32
"""Texts that may be the centre, those of the most usual lengths: all pairs of many texts would take long."""

_TOGETHER, _COLUMN_ALONE, _TOKEN_ALONE = range(3)
"""What a step of an alignment takes."""


def columns_of(texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Positions (text, column) of texts of token ids; ABSENT where a text has no token in the column.

    Positions rise along the columns of a text; the last column is the last token of every text.
    """
    known, numbered = _numbered(texts)
    bodies = [text[:-1] for text in numbered]
    centre = bodies[_centre(bodies)]
    own = np.zeros((len(centre), known), dtype=int)
    own[np.arange(len(centre)), centre] = 1
    placed = np.stack([_placed(text, own, 1) for text in bodies])
    for _ in range(ROUNDS):
        counts = np.zeros_like(own)
        for text, places in zip(bodies, placed, strict=True):
            _count(counts, text, places, 1)
        before = placed.copy()
        for index, text in enumerate(bodies):
            # A text's own tokens say nothing about where they belong.
            _count(counts, text, before[index], -1)
            placed[index] = _placed(text, counts, len(texts) - 1)
            _count(counts, text, before[index], 1)
        if np.array_equal(placed, before):
            break
    last = np.array([len(text) - 1 for text in texts])
    return np.concatenate([placed, last[:, None]], axis=1)


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens must be exchanged, added or left out to turn one text into the other (Levenshtein)."""
    return int(_distances(np.asarray(first, dtype=int), [np.asarray(second, dtype=int)])[0])


def _numbered(texts: Sequence[Sequence[int]]) -> tuple[int, list[np.ndarray]]:
    """How many different tokens there are, and the texts in their numbers."""
    tokens, places = np.unique(
        np.concatenate([np.asarray(text, dtype=int) for text in texts]), return_inverse=True
    )
    return len(tokens), np.split(places, np.cumsum([len(text) for text in texts])[:-1])


def _centre(texts: Sequence[np.ndarray]) -> int:
    """The text with the smallest total edit distance; of equal ones the shortest, then the first by its tokens."""
    usual = np.median([len(text) for text in texts])

    def order(index: int) -> tuple[float, int, list[int]]:
        return abs(len(texts[index]) - usual), len(texts[index]), texts[index].tolist()

    tried = sorted(range(len(texts)), key=order)[:MOST_CENTRES]
    return min(tried, key=lambda index: (_distances(texts[index], texts).sum(), *order(index)[1:]))


def _distances(text: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Edit distance (other,) of a text from each of the others, all of them at once."""
    lengths = np.array([len(other) for other in others])
    padded = np.full((len(others), lengths.max()), -1)
    for row, other in zip(padded, others, strict=True):
        row[: len(other)] = other
    steps = np.arange(padded.shape[1] + 1)
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

    `counts` (column, token) say in how many of `of` texts a token stands in a column; costs are in shares of them.
    """
    steps = np.arange(len(text) + 1) * of
    row, moves = steps, np.full((len(counts) + 1, len(text) + 1), _TOKEN_ALONE, dtype=np.int8)
    for column, tokens in enumerate(counts, start=1):
        alone = row + of
        together = np.concatenate([alone[:1], row[:-1] + of - tokens[text]])
        row = np.minimum.accumulate(np.minimum(alone, together) - steps) + steps
        moves[column, row == alone] = _COLUMN_ALONE
        # Preferred, so that on the way back from the end columns are left out in front.
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
