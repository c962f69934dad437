"""Groups of heads in a picture: their signs, and each group drawn as one node."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

COLOURS = ("#CC79A7", "#56B4E9", "#7A5195", "#8C6D46", "#B8A800", "#D55E00")
"""Of the rings around grouped heads; the numbers tell groups apart where colours repeat."""

CIRCLED = 20
"""Circled digits that the fonts have."""

WORST_FIRST = ("not_confirmed", "unchecked", "partly", "confirmed")


class Drawn(NamedTuple):
    """What a picture shows.

    Nodes are heads or groups: `name` (unique), `pick` (the head that a click opens), `heads` (names of its
    heads), `verdicts` (theirs), whether they work `against` the fault, and places `layer`, `x_head`,
    `y_layer`. Edges run between nodes; `pick` is the edge that a click opens, `count` how many edges it
    stands for.
    """

    nodes: pd.DataFrame
    edges: pd.DataFrame


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


def unfolded(heads: pd.DataFrame, edges: pd.DataFrame) -> Drawn:
    """Every head a node."""
    nodes = heads.assign(
        pick=heads["name"],
        heads=[[name] for name in heads["name"]],
        verdicts=[[verdict] for verdict in heads["verdict"]],
        x_head=heads["head"].astype(float),
        y_layer=heads["layer"].astype(float),
        against=heads["effect_high"] < 0,
        folded=False,
    )
    return Drawn(nodes, edges.assign(pick=edges["name"], count=1))


def folded(heads: pd.DataFrame, edges: pd.DataFrame) -> Drawn:
    """Every group of two or more drawn heads a node; edges within a group are left out.

    A group has the score of its strongest head, the verdict of its least confirmed one, and stands in the
    middle of its heads' layers. Merged edges keep the highest score.
    """
    size = heads.groupby("group")["name"].transform("size")
    merged = (heads["group"] != "") & (size > 1)
    single = unfolded(heads[~merged], edges.head(0)).nodes
    nodes = [single, *(_group_node(part) for _, part in heads[merged].groupby("group"))]
    table = pd.concat([node for node in nodes if len(node)], ignore_index=True) if len(heads) else single
    node_of = {head: row.name for row in table.itertuples(index=False) for head in row.heads}
    ends = {end: edges[end].map(node_of) for end in ("source", "target")}
    drawn = unfolded(heads, edges).edges.assign(**ends)
    drawn = drawn[drawn["source"] != drawn["target"]]
    if drawn.empty:
        return Drawn(table, drawn)
    drawn = drawn.sort_values("score", ascending=False, kind="stable")
    count = drawn.groupby(["source", "target"], sort=False)["count"].transform("size")
    several = count > 1
    worst = drawn.groupby(["source", "target"], sort=False)["verdict"].transform(lambda part: worst_of(part))
    drawn = drawn.assign(count=count, verdict=worst)
    for column in ("effect", "effect_low", "effect_high"):
        drawn[column] = drawn[column].mask(several)
    return Drawn(table, drawn.drop_duplicates(["source", "target"]))


def worst_of(verdicts: Iterable[str]) -> str:
    """The verdict that promises least."""
    return min(verdicts, key=WORST_FIRST.index)


def edge_name(source: str, target: str) -> str:
    """`L1H2>L3H4`: an edge as one word."""
    return f"{source}>{target}"


def edge_ends(name: str) -> tuple[str, str]:
    """Source and target of such a word, empty where it is none."""
    source, _, target = name.partition(">")
    return source, target


def _group_node(part: pd.DataFrame) -> pd.DataFrame:
    part = part.sort_values("score", ascending=False, kind="stable")
    layers = sorted(part["layer"].astype(int))
    node = part.head(1).assign(
        name=f"group {part['group'].iloc[0]}",
        pick=part["name"].iloc[0],
        own_name="",
        layer=layers[(len(layers) - 1) // 2],
        x_head=float(part["head"].mean()),
        y_layer=float(part["layer"].mean()),
        verdict=worst_of(part["verdict"]),
        effect=float("nan"),
        effect_low=float("nan"),
        effect_high=float("nan"),
        against=bool((part["effect_high"] < 0).all()),
        folded=True,
    )
    node["heads"] = [list(part["name"])]
    node["verdicts"] = [list(part["verdict"])]
    return node
