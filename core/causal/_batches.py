"""Which changed runs go into one forward pass: by the tokens that they read anew, not by the length of their texts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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


def batches_of_runs(items: Sequence[Item], tokens: int, most_rows: int = BATCH_ROWS) -> list[Batch]:
    """Batches of at most `most_rows` rows and `tokens` read tokens, with padding.

    Rows that begin at one position go together, those that change early layers first; a few rows that begin elsewhere
    join those that begin earlier.
    """
    starts = _merged(Counter(item.start for item in items))
    ordered = sorted(items, key=lambda item: (starts[item.start], item.layer, item.length, item.target))
    batches: list[list[Item]] = []
    longest, start = 0, -1
    for item in ordered:
        longest = max(longest, item.length)
        same = bool(batches) and starts[item.start] == start and len(batches[-1]) < most_rows
        if same and (longest - start) * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(item)
        else:
            batches.append([item])
            longest, start = item.length, starts[item.start]
    return [
        Batch(tuple(batch), min(item.layer for item in batch), starts[batch[0].start]) for batch in batches
    ]


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
