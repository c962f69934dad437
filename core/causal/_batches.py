"""Which changed runs go into one forward pass: by the tokens that they read anew, not by the length of their texts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core.model.batching import BATCH_ROWS, TOKENS_OF_A_PASS


@dataclass(frozen=True)
class Item:
    """One changed run: numbers of its target and its row, the first layer and position that it reads, its length."""

    target: int
    row: int
    layer: int
    start: int
    length: int


@dataclass(frozen=True)
class Batch:
    """Changed runs of one forward pass, which begins at `layer` and position `start`."""

    items: tuple[Item, ...]
    layer: int
    start: int

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, part: slice) -> "Batch":
        """Some of the runs, which begin where all of them do."""
        return Batch(self.items[part], self.layer, self.start)

    @property
    def tokens(self) -> int:
        """Tokens that the pass reads, with padding."""
        return len(self) * max(item.length - self.start for item in self.items)


def batches_of_runs(
    items: Sequence[Item], tokens: int, n_layers: int, most_rows: int = BATCH_ROWS
) -> list[Batch]:
    """Batches of at most `most_rows` rows and `tokens` read tokens, with padding.

    Rows that begin at one position go together, a few with those that begin earlier. Of these, runs that change layers
    near each other share a pass, which begins at the first one: as many layers as make the sum of read tokens times
    layers, and of passes, smallest.
    """
    starts = _merged(Counter(item.start for item in items))
    batches: list[Batch] = []
    for start in sorted(set(starts.values())):
        own = sorted(
            (item for item in items if starts[item.start] == start),
            key=lambda item: (item.layer, item.length, item.target),
        )
        for together in _near_layers(own, start, tokens, n_layers):
            batches += [
                Batch(tuple(batch), min(item.layer for item in batch), start)
                for batch in _within(together, start, tokens, most_rows)
            ]
    return batches


def _within(items: Sequence[Item], start: int, tokens: int, most_rows: int) -> list[list[Item]]:
    """Items in their order, cut where a batch is full."""
    batches: list[list[Item]] = []
    longest = 0
    for item in items:
        longest = max(longest, item.length)
        count = len(batches[-1]) + 1 if batches else most_rows + 1
        if count <= most_rows and (longest - start) * count <= tokens:
            batches[-1].append(item)
        else:
            batches.append([item])
            longest = item.length
    return batches


def _near_layers(items: Sequence[Item], start: int, tokens: int, n_layers: int) -> list[list[Item]]:
    """Items in the order of their layers, cut between layers where that costs least."""
    of_layers = [list(group) for _, group in groupby(items, key=lambda item: item.layer)]
    sizes = [sum(item.length - start for item in group) for group in of_layers]
    best, cut = [0.0], [0]
    for end in range(1, len(of_layers) + 1):
        costs = []
        for first in range(end):
            read = sum(sizes[first:end])
            passes = max(1.0, read / tokens)
            left = n_layers - of_layers[first][0].layer
            costs.append(best[first] + left * (read + TOKENS_OF_A_PASS * passes))
        best.append(min(costs))
        cut.append(costs.index(best[-1]))
    parts: list[list[Item]] = []
    end = len(of_layers)
    while end:
        parts.append([item for group in of_layers[cut[end] : end] for item in group])
        end = cut[end]
    return parts[::-1]


def _merged(counts: Counter[int]) -> dict[int, int]:
    """Where rows that could begin at each position do begin; `counts` says how many rows these are."""
    ordered = sorted(counts)
    begins = dict(zip(ordered, ordered, strict=True))
    waiting = 0
    for place in range(len(ordered) - 1, 0, -1):
        own, earlier = ordered[place], ordered[place - 1]
        waiting += counts[own]
        if waiting * (own - earlier) > TOKENS_OF_A_PASS:
            waiting = 0
        else:
            begins[own] = earlier
    for own in ordered:
        begins[own] = own if begins[own] == own else begins[begins[own]]
    return begins
