"""The picture's tables: what is dimmed, ringed, marked and opened by a click."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from core.runs.head_notes import HeadLabel, write_group, write_label
from pages.parts import i18n
from pages.parts.charts.colours import LIGHT
from pages.parts.circuit import graph
from pages.parts.circuit.curve import curve
from pages.parts.circuit.groups import edge_ends
from pages.parts.circuit.marks import DIMMED, Look
from pages.parts.data import results
from pages.parts.data.results import Result
from tests.support.made_runs import make_run

WORD = partial(i18n.text, "en")


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return results.load(make_run(tmp_path, verdicts=True))


def drawn(result: Result, **look: Any) -> alt.LayerChart:
    edges = result.edges_among(list(result.selected["name"]))
    return graph.grid(result.heads, result.selected, edges, Look(LIGHT, WORD, **look))


def table(chart: alt.LayerChart, column: str) -> pd.DataFrame:
    """The data of the layer that has this column, of the one with most rows."""
    return max((layer.data for layer in chart.layer if column in layer.data), key=len)


def lit(chart: alt.LayerChart) -> set[str]:
    nodes = table(chart, "label_opacity")
    return set(nodes.loc[nodes["opacity"] > DIMMED, "name"])


def test_one_selection_takes_heads_and_edges(result: Result) -> None:
    chart = drawn(result)
    (parameter,) = chart.to_dict(validate=True)["params"]
    assert (parameter["name"], parameter["select"]["fields"]) == ("pick", ["pick"])
    assert set(table(chart, "label")["pick"]) == set(result.selected["name"])
    assert set(table(chart, "downwards")["pick"]) == set(result.edges["name"])


def test_heads_without_an_edge_to_the_chosen_one_are_dimmed(result: Result) -> None:
    assert lit(drawn(result)) == set(result.selected["name"])
    edge = result.edges.iloc[0]
    near = result.edges[
        (result.edges["source"] == edge["source"]) | (result.edges["target"] == edge["source"])
    ]
    expected = set(near["source"]) | set(near["target"])
    assert lit(drawn(result, head=edge["source"])) == expected
    assert lit(drawn(result, edge=edge_ends(edge["name"]))) == {edge["source"], edge["target"]}


def test_chosen_edge_is_the_only_one_that_is_not_dimmed(result: Result) -> None:
    edge = result.edges.iloc[1]
    lines = table(drawn(result, edge=edge_ends(edge["name"])), "downwards")
    assert set(lines.loc[lines["opacity"] == 1, "pick"]) == {edge["name"]}
    assert set(lines.loc[lines["opacity"] < 1, "opacity"]) == {0.1}


def test_groups_have_rings_numbers_and_can_be_folded(tmp_path: Path) -> None:
    run = make_run(tmp_path, verdicts=True)
    names = list(results.load(run).selected["name"])
    write_group(run, names[:2], "b")
    write_group(run, names[2:5], "a")
    result = results.load(run)
    chart = drawn(result)
    ringed = next(
        layer.data for layer in chart.layer if "ring" in layer.data and (layer.data["ring"] != "").all()
    )
    assert set(ringed["name"]) == set(names[:5])
    assert dict(zip(ringed["name"], ringed["label"], strict=True))[names[0]] == f"{names[0]} ②"
    assert len(table(chart, "label")) == len(names)
    folded = table(drawn(result, folded=True), "label")
    assert len(folded) == len(names) - 3
    assert {"② b ×2", "① a ×3"} <= set(folded["label"])
    chart = drawn(result, folded=True)
    assert set(table(chart, "downwards")["target"]) <= set(table(chart, "label")["name"])


def test_head_that_works_against_the_fault_is_marked(tmp_path: Path) -> None:
    run = make_run(tmp_path, verdicts=True)
    heads = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    heads.loc[0, ["effect", "effect_low", "effect_high"]] = [-0.4, -0.5, -0.3]
    run.write_bytes("heads.csv", heads.to_csv(index=False).encode("utf-8-sig"))
    result = results.load(run)
    nodes = table(drawn(result), "label").set_index("name")
    first, second = result.selected["name"].iloc[0], result.selected["name"].iloc[1]
    assert nodes.loc[first, "against"]
    assert nodes.loc[first, "state"].endswith(WORD("circuit.against"))
    assert nodes.loc[first, "tested"] == "−40\u00a0% (−50\u00a0% … −30\u00a0%)"
    assert not nodes.loc[second, "against"]


def test_own_name_is_cut_to_the_room_and_whole_in_the_tooltip(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    head = results.load(run).selected.iloc[0]["name"]
    write_label(run, head, HeadLabel("a very long name of this head"))
    node = table(drawn(results.load(run)), "label").set_index("name").loc[head]
    assert re.fullmatch(rf"{head} a very.*…", node["label"])
    assert node["title"] == f"{head} a very long name of this head"


def test_one_head_without_edges_is_no_trouble(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=1))
    assert result.selected["name"].iloc[0] in str(drawn(result).to_dict(validate=True))


def test_an_edge_is_solid_only_where_interventions_bear_it_out(result: Result) -> None:
    verdicts = ["confirmed", "partly", "not_confirmed", "unchecked"]
    edges = result.edges_among(list(result.selected["name"])).head(4).assign(verdict=verdicts)
    chart = graph.grid(result.heads, result.selected, edges, Look(LIGHT, WORD))
    lines = table(chart, "downwards").drop_duplicates("pick").set_index("pick")
    dashes = [lines.loc[name, "dash"] for name in edges["name"]]
    assert dashes[0] == dashes[1] == [1, 0]
    assert dashes[2] == dashes[3] == [2, 5]


def test_curve_runs_from_head_to_head_upwards() -> None:
    line = curve((0.0, 1.0), (2.0, 3.0))
    assert line[0] == pytest.approx((0.0, 1.0))
    assert line[-1] == pytest.approx((2.0, 3.0))
    heights = [y for _, y in line]
    assert heights == sorted(heights)
