"""Positions that correspond across texts of token ids ("slots"), their names, and how well matched ones fit."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from core.errors import ExamplesError
from core.examples.token_alignment import ABSENT, columns_of, first_difference, shared_ending

MEAN = -1
"""Position of the slot that averages over all tokens of a text; MEAN - n averages over those from token n on."""

LONGEST_SPAN = 48
"""Slots counted from the first difference, and from the end, at most, where pairs differ in length."""

LEAST_PRESENT = 0.75
"""Share of the texts of each side that have a token in a column, from which on the column is a slot."""

LEAST_IN_COMMON = 0.1
"""Share of the texts' tokens that stand, the same, in half of the texts at least, below which texts are free ones."""

Mode = Literal["aligned", "pairs", "matched", "last_mean", "last", "mean"]


class Slots(NamedTuple):
    """Names of slots, and their `positions` (text, slot): MEAN and less for means over tokens, ABSENT for none.

    `alike` says of matched slots how much the texts have in common (`in_common`).
    """

    names: tuple[str, ...]
    positions: np.ndarray
    alike: float = 1.0


def slots_of(mode: Mode, texts: Sequence[Sequence[int]], n_anomalous: int, paired: bool, chat: bool) -> Slots:
    """The slots of a mode of `core.examples.alignment`, for texts of which the anomalous ones come first."""
    if mode == "aligned":
        return _aligned_slots(texts, n_anomalous if paired else 0)
    if mode == "pairs":
        return _pair_slots(texts, n_anomalous)
    if mode == "matched":
        return _matched_slots(texts, n_anomalous, paired)
    shortest = min(len(text) for text in texts)
    beginning = min(first_difference(texts), shortest - 1) if chat else 0
    ending = shared_ending(texts) if chat else 0
    return _whole_slots(mode, texts, MEAN - beginning, ending)


def in_common(texts: Sequence[Sequence[int]], columns: np.ndarray) -> float:
    """Share of the tokens that stand, the same, in one of the columns (text, column) in half of the texts at least.

    What all texts begin or end with does not count: every pair of conversations has that much in common.
    """
    first, ending = first_difference(texts), shared_ending(texts)
    same = 0
    for places in columns.T:
        own = [
            text[place]
            for text, place in zip(texts, places.tolist(), strict=True)
            if place != ABSENT and first <= place < len(text) - ending
        ]
        usual = max(Counter(own).values(), default=0)
        same += usual if 2 * usual >= len(texts) else 0
    free = sum(max(0, len(text) - first - ending) for text in texts)
    return same / free if free else 0.0


def _matched_slots(texts: Sequence[Sequence[int]], n_anomalous: int, paired: bool) -> Slots:
    """Columns of the token alignment that most texts of both sides have; the names count them from 1.

    What one text of a pair lacks is left out for both, since only their difference is looked at.
    """
    columns = columns_of(texts)
    alike = in_common(texts, columns)
    if paired:
        lacking = (columns.reshape(2, n_anomalous, -1) == ABSENT).any(axis=0)
        columns = np.where(np.tile(lacking, (2, 1)), ABSENT, columns)
    present = columns != ABSENT
    share = np.minimum(present[:n_anomalous].mean(axis=0), present[n_anomalous:].mean(axis=0))
    varied = (columns >= first_difference(texts)).any(axis=0)
    positions = columns[:, (share >= LEAST_PRESENT) & varied]
    names = [*(f"{number}:" for number in range(1, positions.shape[1])), "last"]
    return Slots(tuple(names), positions, alike)


def _whole_slots(mode: Mode, texts: Sequence[Sequence[int]], mean: int, ending: int) -> Slots:
    lengths = np.array([len(text) for text in texts])
    columns = {"last": lengths - 1, "mean": np.full(len(texts), mean)}
    columns |= {f"-{offset}": lengths - offset for offset in range(min(ending, LONGEST_SPAN), 1, -1)}
    names = (
        ["mean", *[name for name in columns if name.startswith("-")], "last"]
        if mode == "last_mean"
        else [mode]
    )
    return Slots(tuple(names), np.stack([columns[name] for name in names], axis=1))


def with_pieces(
    slots: Slots, texts: Sequence[Sequence[int]], piece_of: Callable[[int], str]
) -> tuple[str, ...]:
    """The names of matched slots, each with the piece of its most usual token: "3:the", "4:David…" where others too."""
    names = []
    for name, places in zip(slots.names, slots.positions.T, strict=True):
        if not name.endswith(":"):
            names.append(name)
            continue
        tokens = Counter(
            text[place] for text, place in zip(texts, places.tolist(), strict=True) if place != ABSENT
        )
        usual = min(tokens, key=lambda token: (-tokens[token], token))
        names.append(f"{name}{piece_of(usual).strip()}{'…' if len(tokens) > 1 else ''}")
    return tuple(names)


def _aligned_slots(texts: Sequence[Sequence[int]], n_pairs: int) -> Slots:
    length = len(texts[0])
    first = _first_differences(texts, n_pairs) if n_pairs else np.array([first_difference(texts)])
    start = int(first.min())
    if start >= length:
        raise ExamplesError("nothing_varies")
    names = [str(position) for position in range(start, length)]
    positions = np.tile(np.arange(start, length), (len(texts), 1))
    if len(set(first.tolist())) == 1:
        return Slots(tuple(names), positions)
    counted = np.arange(length - int(first.max()))
    names = [f"+{offset}" for offset in counted] + names
    return Slots(tuple(names), np.concatenate([first[:, None] + counted, positions], axis=1))


def _first_differences(texts: Sequence[Sequence[int]], n_pairs: int) -> np.ndarray:
    """Where the pair of each text first differs (text,)."""
    return np.array([first_difference([texts[i], texts[i + n_pairs]]) for i in range(n_pairs)] * 2)


def _pair_slots(texts: Sequence[Sequence[int]], n_pairs: int) -> Slots:
    first = _first_differences(texts, n_pairs)
    lengths = np.array([len(text) for text in texts])
    spans = lengths - first
    covered = min(int(spans.min()), LONGEST_SPAN)
    equal = len(set(spans.tolist())) == 1
    from_start, from_end = (int(spans[0]), 0) if equal else (covered, covered)
    names = [
        *(f"+{offset}" for offset in range(from_start)),
        *(f"-{offset}" for offset in range(from_end, 0, -1)),
    ]
    starts = first[:, None] + np.arange(from_start)
    ends = lengths[:, None] - np.arange(from_end, 0, -1)
    return Slots(tuple(names), np.concatenate([starts, ends], axis=1))
