"""The heat map that circuit page and pictures share."""

from functools import partial
from pathlib import Path

from pages.parts import i18n
from pages.parts.charts import shared
from pages.parts.charts.colours import LIGHT
from pages.parts.data import results
from tests.support.made_runs import make_run


def test_heat_map_outlines_the_circuit_and_opens_heads(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, verdicts=True))
    chart = shared.heat(result.heads, LIGHT, partial(i18n.text, "en"))
    assert chart.to_dict()["params"][0]["name"] == "pick"
    outlined = chart.data.loc[chart.data["rim"] == LIGHT.text, "name"]
    assert set(outlined) == set(result.selected["name"])
