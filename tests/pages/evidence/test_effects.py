"""The evidence page: what was measured, in which order, and the case with nothing to explain."""

from pathlib import Path

import pytest

from core.runs.head_notes import HeadLabel, write_label
from core.runs.run_folder import runs_folder
from pages.parts.charts import colours
from pages.parts.data import results
from pages.parts.evidence import effects
from tests.pages.conftest import OpenApp
from tests.support.made_runs import make_run


def test_only_measured_rows_are_shown_the_largest_effect_first(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=7, verdicts=True))
    result.heads.loc[0, "effect"] = -9.0
    rows = effects.tested(result.heads)
    assert rows["effect"].notna().all()
    assert len(rows) == result.heads["effect"].notna().sum()
    assert rows.index[0] == 0
    assert rows["effect"].abs().is_monotonic_decreasing


def test_bars_hold_one_mark_a_head_with_its_interval(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=7, verdicts=True))
    rows = effects.tested(result.selected)
    chart = effects.bars(rows, colours.LIGHT, lambda key: key).to_dict()
    drawn = max(chart["datasets"].values(), key=len)
    assert [row["name"] for row in drawn] == list(rows["name"])
    assert all({"effect_low", "effect_high"} <= set(row) for row in drawn)


def test_bars_carry_the_own_names_of_heads(tmp_path: Path) -> None:
    run = make_run(tmp_path, n_selected=3, verdicts=True)
    first = results.load(run).selected.iloc[0]["name"]
    write_label(run, first, HeadLabel("trigger"))
    chart = effects.bars(results.load(run).selected, colours.LIGHT, lambda key: key).to_dict()
    titles = [row["title"] for row in max(chart["datasets"].values(), key=len)]
    assert titles[0] == f"{first} · trigger"
    assert "·" not in titles[1]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Nothing to explain"), ("ja", "説明すべき違いがありません")]
)
def test_no_difference_is_said_and_shows_no_number(open_app: OpenApp, language: str, words: str) -> None:
    run = make_run(runs_folder())
    manifest = run.read_json("manifest.json")
    manifest["evidence"] = "no_difference"
    manifest["notes"] = [{"key": "evidence_no_difference", "values": {"gap": 0.01}}]
    run.write_json("manifest.json", manifest)
    app = open_app("evidence", language, run=run.run_id)
    assert not app.exception
    assert words in [title.value for title in app.subheader]
    assert not app.dataframe
