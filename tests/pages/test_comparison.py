"""Two runs side by side."""

from pathlib import Path

import pandas as pd
import pytest

from core.runs import RunFolder, runs_folder
from pages.parts import comparison, results, texts
from pages.parts.texts import catalogue
from tests.pages.conftest import OpenApp
from tests.pages.made_runs import make_run
from tests.pages.test_pages import shown


def with_heads(run: RunFolder, scores: dict[str, float], selected: str) -> RunFolder:
    """The run with these scores (`L0H1` → score, best first) and these heads selected."""
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    rows = [
        {"layer": int(name[1]), "head": int(name[3]), "score": score, "selected": name in selected.split()}
        for name, score in scores.items()
    ]
    made = pd.DataFrame(rows, columns=table.columns).sort_values("score", ascending=False)
    run.write_bytes("heads.csv", made.to_csv(index=False).encode("utf-8-sig"))
    return run


def test_heads_come_go_and_move(tmp_path: Path) -> None:
    first = with_heads(
        make_run(tmp_path, 2, 2, 1), {"L0H0": 4, "L0H1": 3, "L1H0": 2, "L1H1": 1}, "L0H0 L0H1 L1H0"
    )
    second = with_heads(
        make_run(tmp_path, 2, 2, 1), {"L0H1": 8, "L0H0": 6, "L1H1": 5, "L1H0": 1}, "L0H0 L0H1 L1H1"
    )
    table = comparison.compare(results.load(first), results.load(second)).set_index("name")
    assert dict(table["change"]) == {"L0H0": "down", "L0H1": "up", "L1H0": "went", "L1H1": "came"}
    assert dict(table["rank_first"]) == {"L0H0": 1, "L0H1": 2, "L1H0": 3, "L1H1": 4}
    assert table.loc["L1H1", "share_second"] == pytest.approx(5 / 8)
    assert comparison.counts(table) == {"came": 1, "went": 1, "both": 2}


def test_a_run_beside_itself_stays(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path))
    table = comparison.compare(result, result)
    assert set(table["change"]) == {"stayed"}
    assert len(table) == 7


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_two_runs_are_compared_on_the_page(open_app: OpenApp, language: str) -> None:
    first = make_run(runs_folder(), n_selected=4, name="Before", verdicts=True)
    second = make_run(runs_folder(), n_selected=6, name="After")
    make_run(runs_folder(), 3, 4, 2, name="Other model")
    app = open_app("runs", language)
    app.toggle(key="compare").set_value(True).run()
    app.selectbox(key="compare_second").set_value(second.run_id).run()
    assert not app.exception
    assert app.selectbox(key=f"compare_first_{second.run_id}").value == first.run_id
    assert len(app.selectbox(key=f"compare_first_{second.run_id}").options) == 1
    said = catalogue(language)["compare.said"].format(both=4, came=2, went=0)
    assert said in shown(app)
    assert len(app.dataframe[0].value) == 6


def test_run_without_a_partner_of_its_shape_is_explained(open_app: OpenApp) -> None:
    make_run(runs_folder())
    other = make_run(runs_folder(), 3, 4, 2)
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    app.selectbox(key="compare_second").set_value(other.run_id).run()
    assert "no other finished analysis" in app.info[0].value


def test_one_run_alone_offers_no_comparison(open_app: OpenApp) -> None:
    make_run(runs_folder())
    assert [toggle.key for toggle in open_app("runs").toggle] == []


def test_other_weights_of_the_same_shape_are_named(open_app: OpenApp) -> None:
    first, second = make_run(runs_folder(), name="Before"), make_run(runs_folder(), name="After")
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    assert catalogue("en")["compare.other_model"] not in shown(app)
    manifest = first.manifest()
    first.write_json("manifest.json", manifest | {"model": manifest["model"] | {"name": "/models/other"}})
    assert catalogue("en")["compare.other_model"] in shown(app.run())
    assert second.manifest()["model"]["name"] == "/models/made"
