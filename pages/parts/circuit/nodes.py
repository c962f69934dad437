"""What a picture of the circuit shows: nodes, each a head or a folded group of heads, and edges between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from pages.parts.circuit import groups

WORST_FIRST = ("not_confirmed", "unchecked", "partly", "confirmed")
NAN = float("nan")


class Effect(NamedTuple):
    """A share of the metric's gap with its interval; NaN where it was not measured."""

    value: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Node:
    """A head, or a group as one node.

    `name` is unique in the picture, `heads` and `verdicts` are those of its heads, the strongest first. It stands
    at `place` (head, layer).
    """

    name: str
    heads: tuple[str, ...]
    verdicts: tuple[str, ...]
    own_name: str
    group: str
    group_number: int
    score: float
    effect: Effect
    against: bool
    place: tuple[float, float]

    @property
    def folded(self) -> bool:
        """Whether it stands for several heads."""
        return len(self.heads) > 1

    @property
    def pick(self) -> str:
        """The head that a click opens."""
        return self.heads[0]

    @property
    def verdict(self) -> str:
        """The verdict of the least confirmed of its heads."""
        return worst_of(self.verdicts)

    @property
    def title(self) -> str:
        """A head with its own name; a folded group with the number of its heads."""
        return f"{self.group} ×{len(self.heads)}" if self.folded else f"{self.name} {self.own_name}".strip()

    def label(self, short: bool, longest: int) -> str:
        """Head (`short`: without its layer, which the axis tells), own name up to `longest` letters, group's sign."""
        sign = groups.sign(self.group_number)
        if self.folded:
            return f"{sign} {shortened(self.group, longest)}".strip() + f" ×{len(self.heads)}"
        head = self.name[self.name.index("H") :] if short else self.name
        return " ".join(part for part in (head, shortened(self.own_name, longest), sign) if part)


@dataclass(frozen=True)
class Edge:
    """An edge between two nodes with the score of the strongest of its `count` edges; a click opens `pick`."""

    source: str
    target: str
    score: float
    verdict: str
    effect: Effect
    pick: str
    count: int


class Drawn(NamedTuple):
    """What a picture shows."""

    nodes: list[Node]
    edges: list[Edge]


def drawn(heads: pd.DataFrame, edges: pd.DataFrame, fold: bool = False) -> Drawn:
    """Every head a node; with `fold`, every group of two or more of these heads is one.

    A group has the score of its strongest head and stands in the middle of its heads' layers. Edges within a group
    are left out, several between the same nodes are merged.
    """
    members: dict[str, list[Any]] = {}
    for row in heads.itertuples(index=False):
        members.setdefault(f"group {row.group}" if fold and row.group else row.name, []).append(row)
    nodes = [_node(name, rows) for name, rows in members.items()]
    node_of = {head: node.name for node in nodes for head in node.heads}
    between: dict[tuple[str, str], list[Any]] = {}
    for row in edges.sort_values("score", ascending=False, kind="stable").itertuples(index=False):
        ends = node_of[row.source], node_of[row.target]
        if ends[0] != ends[1]:
            between.setdefault(ends, []).append(row)
    return Drawn(nodes, [_edge(*ends, rows) for ends, rows in between.items()])


def worst_of(verdicts: Iterable[str]) -> str:
    """The verdict that promises least."""
    return min(verdicts, key=WORST_FIRST.index)


def shortened(text: str, longest: int) -> str:
    """The text in at most this many characters."""
    if len(text) <= longest:
        return text
    return text[: longest - 1] + "…" if longest else ""


def _node(name: str, rows: list[Any]) -> Node:
    """A node of these rows of the table of heads."""
    rows = sorted(rows, key=lambda row: -row.score)
    first, count = rows[0], len(rows)
    layers = [int(row.layer) for row in rows]
    return Node(
        name=name if count > 1 else first.name,
        heads=tuple(row.name for row in rows),
        verdicts=tuple(row.verdict for row in rows),
        own_name="" if count > 1 else first.own_name,
        group=first.group,
        group_number=int(first.group_number),
        score=float(first.score),
        effect=_effect(rows),
        against=all(row.effect_high < 0 for row in rows),
        place=(sum(int(row.head) for row in rows) / count, sum(layers) / count),
    )


def _edge(source: str, target: str, rows: list[Any]) -> Edge:
    first, verdict = rows[0], worst_of(row.verdict for row in rows)
    return Edge(source, target, float(first.score), verdict, _effect(rows), first.name, len(rows))


def _effect(rows: list[Any]) -> Effect:
    """The effect of the only row; several together were not tested."""
    if len(rows) > 1:
        return Effect()
    return Effect(float(rows[0].effect), float(rows[0].effect_low), float(rows[0].effect_high))
