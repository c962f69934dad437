"""The early picture of a run at work, read from its records."""

import math

from core.runs.progress import Record
from pages.parts.analysis.early import shares, strip
from pages.parts.charts.colours import LIGHT


def test_shares_come_from_the_stage_of_the_blocks_alone() -> None:
    records = [
        Record(1.0, "blocks", 3, 8, {}),
        Record(2.0, "blocks", 8, 8, {"attention.0": 0.9, "mlp.0": 0.3, "attention.10": -0.1, "mlp.10": 1.2}),
        Record(3.0, "train", 1, 1, {"loss": 0.5, "mlp.3": 0.7}),
    ]
    table = shares(records)
    assert table.to_dict("list") == {
        "layer": [0, 0, 10, 10],
        "part": ["attention", "mlp", "attention", "mlp"],
        "share": [0.9, 0.3, -0.1, 1.2],
    }
    assert shares(records[:1]).empty


def test_strip_writes_each_share_into_its_cell() -> None:
    table = shares([Record(1.0, "blocks", 1, 1, {"attention.0": 0.25, "mlp.0": 1.4})])
    drawn = strip(table, LIGHT, str).to_dict()
    (rows,) = drawn["datasets"].values()
    assert [row["shown"] for row in rows] == ["25\u00a0%", "140\u00a0%"]
    assert [row["strength"] for row in rows] == [0.25, 1.0]
    assert all(math.isfinite(row["share"]) for row in rows)
