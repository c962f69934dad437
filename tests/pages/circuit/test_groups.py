"""Groups in the picture: signs, and each drawn as one node."""

import pandas as pd
import pytest

from pages.parts.circuit.groups import (
    COLOURS,
    colour,
    edge_ends,
    edge_name,
    folded,
    numbered,
    sign,
    unfolded,
    worst_of,
)

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
    nodes = folded(HEADS, EDGES).nodes.set_index("name")
    assert set(nodes.index) == {"L2H3", "L5H5", "group early"}
    early = nodes.loc["group early"]
    assert early["score"] == 5.0
    assert early["verdict"] == "partly"
    assert early["heads"] == ["L1H2", "L0H1", "L4H0"]
    assert early["verdicts"] == ["partly", "confirmed", "confirmed"]
    assert early["pick"] == "L1H2"
    assert early["layer"] == 1
    assert early["y_layer"] == pytest.approx(5 / 3)
    assert early["x_head"] == 1.0
    assert pd.isna(early["effect"])


def test_edges_of_a_group_are_merged_and_those_within_it_left_out() -> None:
    drawn = folded(HEADS, EDGES).edges.set_index(["source", "target"])
    assert set(drawn.index) == {("group early", "L2H3"), ("L2H3", "group early"), ("L2H3", "L5H5")}
    merged = drawn.loc[("group early", "L2H3")]
    assert (merged["score"], merged["count"], merged["verdict"]) == (3.0, 2, "not_confirmed")
    assert merged["pick"] == "L1H2>L2H3"
    assert pd.isna(merged["effect"])
    single = drawn.loc[("L2H3", "L5H5")]
    assert (single["count"], single["effect"]) == (1, 0.5)


def test_group_of_one_drawn_head_stays_a_head() -> None:
    nodes = folded(HEADS, EDGES.head(0)).nodes
    assert not nodes.set_index("name").loc["L5H5", "folded"]


def test_without_folding_every_head_and_edge_is_its_own() -> None:
    drawn = unfolded(HEADS, EDGES)
    assert list(drawn.nodes["pick"]) == list(HEADS["name"])
    assert list(drawn.edges["pick"]) == list(EDGES["name"])
    assert set(drawn.edges["count"]) == {1}


def test_nothing_folds_into_nothing() -> None:
    drawn = folded(HEADS.head(0), EDGES.head(0))
    assert drawn.nodes.empty
    assert drawn.edges.empty


def test_only_heads_whose_whole_interval_is_below_nothing_work_against_the_fault() -> None:
    table = heads(
        ("L0H0", 1.0, "confirmed", "", -0.1),
        ("L0H1", 1.0, "confirmed", "", 0.1),
        ("L0H2", 1.0, "unchecked", "", NAN),
    )
    assert list(unfolded(table, EDGES.head(0)).nodes["against"]) == [True, False, False]


def test_groups_are_numbered_by_name_and_have_signs() -> None:
    assert numbered(["b", "", "a", "b"]) == {"": 0, "a": 1, "b": 2}
    assert (sign(0), sign(1), sign(20), sign(21)) == ("", "①", "⑳", "(21)")
    assert colour(1) == colour(1 + len(COLOURS)) != colour(2)


def test_worst_verdict_promises_least() -> None:
    assert worst_of(["confirmed", "unchecked", "partly"]) == "unchecked"
    assert worst_of(["unchecked", "not_confirmed"]) == "not_confirmed"


def test_edge_is_one_word_and_back() -> None:
    assert edge_ends(edge_name("L1H2", "L3H4")) == ("L1H2", "L3H4")
    assert edge_ends("") == ("", "")
