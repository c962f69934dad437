"""The table of how well texts of different mechanisms are told apart: means over the draws of each way."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd

from core.benchmark.tables.printed import lines_of

KEYS = ["task", "examples", "pairing", "way"]


@dataclass(frozen=True)
class GroupRow:
    """One way on one draw: `ari` with the number of groups given, `ari_found` and `found` by the product's rule."""

    task: str
    model: str
    examples: int
    pairing: str
    draw: int
    way: str
    groups: int
    ari: float
    ari_found: float
    found: int
    seconds: float


def group_summary(rows: Sequence[GroupRow]) -> pd.DataFrame:
    """A row a task, number of texts, pairing and way: draws, mean adjusted Rand indices, the share of draws in which
    the number of groups is right, seconds.
    """
    table = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(GroupRow)])
    table["number_right"] = (table["found"] == table["groups"]).astype(float)
    grouped = table.groupby(KEYS, sort=False)
    means = grouped[["ari", "ari_found", "number_right", "seconds"]].mean().round(4)
    means.insert(0, "draws", grouped.size())
    return means.reset_index()


def group_lines(rows: Sequence[GroupRow]) -> Iterator[str]:
    """What is printed; nothing where nothing was measured."""
    if not rows:
        return
    yield "\ntexts of different mechanisms told apart: adjusted Rand index, given the number of groups, and by the rule"
    yield from lines_of(group_summary(rows))
