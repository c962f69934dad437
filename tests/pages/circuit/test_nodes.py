"""Nodes and edges of the picture: heads, and groups folded into one node."""

import math

import pandas as pd
import pytest

from pages.parts.circuit.groups import edge_name, numbered
from pages.parts.circuit.nodes import Effect, drawn, worst_of

NAN = float("nan")


def heads(*rows: tuple[str, float, str, str, float]) -> pd.DataFrame:
    """Name, score, verdict, group, upper end of the effect."""
    table = pd.DataFrame(rows, columns=["name", "score", "verdict", "group", "effect_high"])
    places = table["name"].str.extract(r"L(\d+)H(\d+)").astype(int)
    numbers = numbered(table["group"])
    return table.assign(
        layer=places[0],
        head=places[1],
        own_name="",
        group_number=table["group"].map(numbers),
        effect=table["effect_high"] - 0.1,
        effect_low=table["effect_high"] - 0.2,
    )


def edges(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["source", "target", "score", "verdict"])
    names = [edge_name(*pair) for pair in zip(table["source"], table["target"], strict=True)]
    return table.assign(name=names, effect=0.5, effect_low=0.4, effect_high=0.6)


HEADS = heads(
    ("L0H1", 2.0, "confirmed", "early", 0.5),
    ("L1H2", 5.0, "partly", "early", 0.5),
    ("L4H0", 1.0, "confirmed", "early", 0.5),
    ("L2H3", 4.0, "confirmed", "", 0.5),
    ("L5H5", 3.0, "unchecked", "late", NAN),
)
EDGES = edges(
    ("L0H1", "L2H3", 1.0, "confirmed"),
    ("L1H2", "L2H3", 3.0, "not_confirmed"),
    ("L0H1", "L1H2", 9.0, "confirmed"),
    ("L2H3", "L4H0", 2.0, "confirmed"),
    ("L2H3", "L5H5", 2.5, "unchecked"),
)


def test_group_is_one_node_with_its_strongest_score_and_its_worst_verdict() -> None:
    nodes = {node.name: node for node in drawn(HEADS, EDGES, fold=True).nodes}
    assert set(nodes) == {"L2H3", "L5H5", "group early"}
    early = nodes["group early"]
    assert (early.score, early.verdict, early.pick) == (5.0, "partly", "L1H2")
    assert early.heads == ("L1H2", "L0H1", "L4H0")
    assert early.verdicts == ("partly", "confirmed", "confirmed")
    assert early.place == (1.0, pytest.approx(5 / 3))
    assert math.isnan(early.effect.value)
    assert not nodes["L5H5"].folded, "a group of one drawn head stays a head"


def test_edges_of_a_group_are_merged_and_those_within_it_left_out() -> None:
    edges = {(edge.source, edge.target): edge for edge in drawn(HEADS, EDGES, fold=True).edges}
    assert set(edges) == {("group early", "L2H3"), ("L2H3", "group early"), ("L2H3", "L5H5")}
    merged = edges["group early", "L2H3"]
    assert (merged.score, merged.count, merged.verdict) == (3.0, 2, "not_confirmed")
    assert merged.pick == "L1H2>L2H3"
    assert math.isnan(merged.effect.value)
    single = edges["L2H3", "L5H5"]
    assert (single.count, single.effect) == (1, Effect(0.5, 0.4, 0.6))


def test_without_folding_every_head_and_edge_is_its_own() -> None:
    picture = drawn(HEADS, EDGES)
    assert [node.pick for node in picture.nodes] == list(HEADS["name"])
    assert {edge.pick for edge in picture.edges} == set(EDGES["name"])
    assert {edge.count for edge in picture.edges} == {1}


def test_nothing_folds_into_nothing() -> None:
    assert drawn(HEADS.head(0), EDGES.head(0), fold=True) == ([], [])


def test_only_heads_whose_whole_interval_is_below_nothing_work_against_the_fault() -> None:
    table = heads(
        ("L0H0", 1.0, "confirmed", "", -0.1),
        ("L0H1", 1.0, "confirmed", "", 0.1),
        ("L0H2", 1.0, "unchecked", "", NAN),
    )
    assert [node.against for node in drawn(table, EDGES.head(0)).nodes] == [True, False, False]


def test_worst_verdict_promises_least() -> None:
    assert worst_of(["confirmed", "unchecked", "partly"]) == "unchecked"
    assert worst_of(["unchecked", "not_confirmed"]) == "not_confirmed"
