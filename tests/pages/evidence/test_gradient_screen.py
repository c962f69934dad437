"""The gradient screen on the pages: the setting, the stages, the line that says so, old runs beside new ones."""

from typing import Any

import pandas as pd
import pytest

from core.config import make_config
from core.examples.reading import from_rows
from core.runs.run_folder import RunFolder, list_runs, runs_folder
from core.text import LANGUAGES, text
from pages.parts.charts.colours import LIGHT
from pages.parts.data import results
from pages.parts.evidence import effect_details
from pages.parts.session.state import t
from tests.pages.conftest import OpenApp, shown
from tests.pages.test_pages import with_examples
from tests.support.made_runs import examples, make_run

SCREENED = {"selection": {"rule": "average", "statistic": "strength", "candidates": "screened"}}
NORM = {"notes": [{"key": "gradient_screen_norm", "values": {}}]}


def run_with_screen(verdicts: bool = True, **manifest: Any) -> RunFolder:
    """A made run whose manifest says more."""
    run = make_run(runs_folder(), verdicts=verdicts)
    run.write_json("manifest.json", run.read_json("manifest.json") | manifest)
    return run


def screened_run(**more: Any) -> RunFolder:
    """A made run with the columns of a screened one."""
    run = run_with_screen(**SCREENED, evidence="computed", **more)
    for name in ("heads", "edges"):
        table = pd.read_csv(run.path / f"{name}.csv")
        table = table.assign(attribution=0.2, code_score=table["score"] * 2, screen=table["score"] / 2)
        run.write_bytes(f"{name}.csv", table.to_csv(index=False).encode("utf-8-sig"))
    return run


def test_the_setting_reaches_the_run_and_stays(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/analysis.py").run()
    choice = app.radio(key="draft_candidates")
    assert (choice.value, len(choice.options)) == ("combined", 3)
    choice.set_value("screened").run()
    app.number_input(key="draft_seed").set_value(7).run()
    app.switch_page("pages/guide.py").run()
    app.switch_page("pages/analysis.py").run()
    assert app.radio(key="draft_candidates").value == "screened"
    app.button(key="start_run").click().run()
    assert (list_runs()[0].config().candidates, list_runs()[0].config().seed) == ("screened", 7)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_preset_of_the_paper_cannot_be_started_with_it(open_app: OpenApp, language: str) -> None:
    app = with_examples(open_app("model", language))
    app.switch_page("pages/analysis.py").run()
    app.radio(key="draft_candidates").set_value("screened").run()
    assert not app.error and not app.button(key="start_run").disabled
    app.button(key="choose_paper").click().run()
    assert "candidates=screened" in app.error[0].value
    assert app.button(key="start_run").disabled
    app.radio(key="draft_candidates").set_value("codes").run()
    assert not app.error and not app.button(key="start_run").disabled


@pytest.mark.parametrize(("candidates", "listed"), [("codes", False), ("screened", True)])
def test_the_stage_is_listed_where_it_was_asked_for(open_app: OpenApp, candidates: str, listed: bool) -> None:
    config = make_config(model="/models/made", examples=from_rows(examples()), candidates=candidates)
    finished = make_run(runs_folder())
    finished.write_json("config.json", config.model_dump(mode="json"))
    app = open_app("analysis", run=finished.run_id)
    assert (t("stage.screen") in shown(app)) == listed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["circuit", "evidence", "report"])
def test_each_page_says_in_one_line_how_candidates_were_chosen(
    open_app: OpenApp, page: str, language: str
) -> None:
    line = text(language, "summary.screened")
    assert shown(open_app(page, language, screened_run().run_id)).count(line) == 1
    why = text(language, "note.gradient_screen_norm")
    assert why in shown(open_app(page, language, run_with_screen(**NORM).run_id))
    plain = shown(open_app(page, language, run_with_screen().run_id))
    assert line not in plain and why not in plain


def test_the_picture_of_codes_beside_attribution_takes_the_codes_alone(local: Any) -> None:
    heads = results.load(screened_run()).heads
    drawn = effect_details.screen(heads, LIGHT, str).to_dict()
    (points,) = (rows for rows in drawn["datasets"].values() if len(rows) == len(heads))
    assert [row["score"] for row in points] == pytest.approx(list(heads["score"] * 2))
    assert drawn["layer"][0]["encoding"]["x"]["axis"]["title"] == "chart.code_score"


def test_an_old_run_and_a_screened_one_stand_side_by_side(open_app: OpenApp) -> None:
    run_with_screen()
    screened_run()
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    assert not app.exception
    assert t("compare.other_metric") in shown(app)
