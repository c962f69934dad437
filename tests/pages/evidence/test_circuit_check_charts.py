"""Pictures and table of the check of a circuit, worked by hand."""

import pytest

from core.schema import CircuitRecord
from core.text import percent
from pages.parts.charts.colours import LIGHT
from pages.parts.evidence import circuit_check_charts as charts
from pages.parts.i18n import text


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def test_pictures_hold_every_ablation_that_means_something(content: CircuitRecord) -> None:
    defined = content.defined
    chart = charts.beside_random(defined, LIGHT, word).to_dict()
    rows = next(iter(chart["datasets"].values()))
    names = {row["kind"] for data in chart["datasets"].values() for row in data if "kind" in row}
    assert len(names) == 2 and rows
    curve = charts.curve(defined[0], 3, 0.9, LIGHT, word).to_dict()
    points = [
        row
        for data in curve["datasets"].values()
        for row in data
        if set(row) == {"heads", "faithfulness", "faithfulness_text"}
    ]
    assert (
        points[0] == {"heads": 0, "faithfulness": 0.0, "faithfulness_text": percent(0.0)} and len(points) == 8
    )
    losses = charts.minimality(defined[0], LIGHT, word).to_dict()
    assert [r["loss"] for d in losses["datasets"].values() for r in d if "loss" in r] == pytest.approx(
        [0.6, 0.4, 0.2]
    )


def test_numbers_of_the_table_by_hand(content: CircuitRecord) -> None:
    table = charts.numbers(content.ablations, word)
    assert list(table["reached"].fillna(-1)) == [0, 0, -1]
    assert list(table["random"].fillna(0)) == [100, 100, 0]
    assert list(table["faithfulness"].fillna(-1)) == [0.9, 0.98, -1]


def test_circuit_without_random_ones_is_drawn(content: CircuitRecord) -> None:
    alone = content.ablations[0].model_copy(update={"random_faithfulness": (), "random_completeness": ()})
    spec = charts.beside_random([alone, content.ablations[1]], LIGHT, word).to_dict()
    rows = [row for data in spec["datasets"].values() for row in data if "kind" in row]
    assert sum(row.get("low") is not None for row in rows) == 1
    curves = [
        charts.curve(ablation, 3, 0.9, LIGHT, word).to_dict() for ablation in (alone, content.ablations[0])
    ]
    assert [len(curve["layer"]) for curve in curves] == [4, 5]
