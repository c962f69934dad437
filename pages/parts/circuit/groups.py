"""Groups of heads that people gave: their numbers, signs and colours in a picture; and edges as one word."""

from collections.abc import Iterable

import pandas as pd

COLOURS = ("#CC79A7", "#56B4E9", "#7A5195", "#8C6D46", "#B8A800", "#D55E00")
"""Of the rings around grouped heads; the numbers tell groups apart where colours repeat."""
CIRCLED = 20  # Circled digits that the fonts have


def numbered(groups: Iterable[str]) -> dict[str, int]:
    """Groups by name, counted from 1; no group has 0."""
    names = sorted({name for name in groups if name})
    return {"": 0} | {name: number for number, name in enumerate(names, start=1)}


def counted(heads: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Number and count of heads of each group that occurs, by its name."""
    named = heads[heads["group"] != ""]
    return {
        str(name): (int(part["group_number"].iloc[0]), len(part)) for name, part in named.groupby("group")
    }


def sign(number: int) -> str:
    """The group's number as it stands beside its heads."""
    if not number:
        return ""
    return chr(ord("①") + number - 1) if number <= CIRCLED else f"({number})"


def colour(number: int) -> str:
    """Colour of a group's ring."""
    return COLOURS[(number - 1) % len(COLOURS)]


def edge_name(source: str, target: str) -> str:
    """`L1H2>L3H4`: an edge as one word."""
    return f"{source}>{target}"


def edge_ends(name: str) -> tuple[str, str]:
    """Source and target of such a word, empty where it is none."""
    source, _, target = name.partition(">")
    return source, target
