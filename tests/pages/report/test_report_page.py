"""The report page: comments, sign-off, costs, next steps."""

import re
from datetime import date

import pytest

from core.report.export import content
from core.runs.cost_sheet import read_roi
from core.runs.head_notes import HeadLabel, write_label
from core.runs.review import read_review, sign
from core.runs.run_folder import runs_folder
from core.text import text
from pages.parts import i18n
from pages.parts.data import results
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run, write_circuit


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_comment_and_sign_off_are_kept_with_the_run(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("report", language, run=run.run_id)
    assert text(language, "next.sign_off") in shown(app)
    app.text_area(key="comment_text").set_value("<b>Talk</b> about *L3H5*")
    app.text_input(key="comment_author").set_value("Ada")
    app.button(key="add_comment").click().run()
    assert "<b>Talk</b> about *L3H5*" in [block.value for block in app.text]
    assert app.text_area(key="comment_text").value == ""
    app.radio(key="sign_decision").set_value("more_work").run()
    app.text_input(key="sign_name").set_value("Bo").run()
    app.date_input(key="sign_date").set_value(date(2026, 2, 3))
    app.button(key="sign").click().run()
    assert not app.exception
    signed = read_review(run).sign_off
    assert signed is not None
    assert (signed.name, signed.decision, signed.date) == ("Bo", "more_work", "2026-02-03")
    assert text(language, "next.sign_off") not in shown(app)
    assert entries(language)["review.more_work"] in shown(app)


def test_nothing_is_decided_before_the_reader_decides(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("report", run=run.run_id)
    assert app.radio(key="sign_decision").value is None
    assert app.button(key="sign").disabled
    assert app.text_input(key="sign_name").set_value("Ada").run().button(key="sign").disabled
    assert not app.radio(key="sign_decision").set_value("rejected").run().button(key="sign").disabled
    assert app.text_input(key="sign_name").set_value(" ").run().button(key="sign").disabled
    app.button(key="add_comment").click().run()
    assert "empty field" in app.error[0].value
    assert read_review(run).sign_off is None


def test_two_tabs_lose_no_decision(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("report", run=run.run_id)
    sign(run, "Elsewhere", "rejected", date(2026, 2, 3))
    app.radio(key="sign_decision").set_value("accepted").run()
    app.text_input(key="sign_name").set_value("Here").run()
    app.button(key="sign").click().run()
    assert [signed.name for signed in read_review(run).sign_offs] == ["Elsewhere", "Here"]
    assert "Before: rejected by Elsewhere" in shown(app)


def test_cost_is_held_against_an_exhaustive_search(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), n_layers=3, n_heads=2, n_selected=2)
    page = shown(open_app("report", run=run.run_id))
    # 6 heads; 3 pairs of layers with 4 pairs of heads each
    assert "6 heads and each of the 12 forward pairs of heads once: 18 interventions" in page
    assert "made none of them" in page


@pytest.mark.parametrize(("n_selected", "verdicts", "key"), [(0, False, "none"), (3, False, "check")])
def test_next_steps_follow_from_the_result(
    open_app: OpenApp, n_selected: int, verdicts: bool, key: str
) -> None:
    run = make_run(runs_folder(), n_selected=n_selected, verdicts=verdicts)
    page = shown(open_app("report", run=run.run_id))
    others = {"none", "check", "unconfirmed", "no_difference"} - {key}
    assert text("en", f"next.{key}") in page
    assert [other for other in others if text("en", f"next.{other}") in page] == []


def test_confirmed_heads_are_named_as_the_next_step(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), n_selected=3, verdicts=True)
    assert "Confirmed by intervention: L" in shown(open_app("report", run=run.run_id))


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize(("n_selected", "verdicts"), [(0, False), (4, False), (7, True)])
def test_report_reads_from_the_top(open_app: OpenApp, n_selected: int, verdicts: bool, language: str) -> None:
    run = make_run(runs_folder(), n_selected=n_selected, verdicts=verdicts)
    app = open_app("report", language, run=run.run_id)
    blocks = "".join(block.value for block in app.get("html"))
    keys = [
        "trust",
        "recommendation",
        "price_title",
        "texts",
        "heads",
        "circuit",
        "trust_open",
        "cost",
        "method",
    ]
    places = [blocks.index(f">{text(language, f'page_one.{key}')}</") for key in keys]
    assert places == sorted(places)
    for anchor in set(re.findall('href="#([^"]+)"', blocks)):
        assert f'<details id="{anchor}">' in blocks


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_sentences_for_the_meeting_are_in_the_readers_language_alone(
    open_app: OpenApp, language: str
) -> None:
    app = open_app("report", language, run=make_run(runs_folder(), verdicts=True).run_id)
    (block,) = [block.value for block in app.code if "H" in block.value]
    assert ("Our proposal" in block, "ご提案" in block) == (language == "en", language == "ja")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_sheet_is_filled_in_twice_and_shown_with_its_assumptions(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("report", language, run=run.run_id)
    assert entries(language)["cost_sheet.none"] in shown(app)

    def enter(**entries: float) -> None:
        for name, value in entries.items():
            app.number_input(key=f"roi_{name}_{run.run_id}").set_value(value)
        app.button(key="keep_roi").click().run()
        assert not app.exception

    enter(incidents=40, hours_now=1.5)
    missing = text(language, "cost_sheet.comma").join(
        text(language, f"cost_sheet.{k}") for k in ("hours_then", "cost", "preparation")
    )
    assert text(language, "cost_sheet.missing", fields=missing) in shown(app)
    app.text_input(key=f"roi_currency_{run.run_id}").set_value("<b>円")
    enter(hours_then=0.5, cost=50, preparation=16)
    assert "2,000 &lt;b&gt;円" in shown(app)
    assert any("2,000 <b>円" in block.value for block in app.code)
    enter(incidents=20)
    assert "1,000 &lt;b&gt;円" in shown(app)
    assert read_roi(run).incidents == 20
    again = open_app("report", language, run=run.run_id)
    assert again.number_input(key=f"roi_incidents_{run.run_id}").value == 20


def test_damaged_sheet_is_explained_and_the_report_stays(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "roi.json").write_text('{"incidents": "many"}', encoding="utf-8")
    app = open_app("report", run=run.run_id)
    assert "roi.json" in app.error[0].value
    assert text("en", "page_one.recommendation") in shown(app)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_check_of_the_circuit_is_in_the_report_and_its_file(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    open_ended = text(language, "unknown.together")
    assert open_ended in shown(open_app("report", language, run=run.run_id))
    write_circuit(run)
    app = open_app("report", language, run=run.run_id)
    assert open_ended not in shown(app)
    assert {"en": "6 → 0", "ja": "6 件 → 0 件"}[language] in shown(app)
    assert open_ended not in content(run, "report.html", language=language).decode()


def test_damaged_check_of_the_circuit_is_explained(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    (run.path / "circuit.json").write_text("{", encoding="utf-8")
    assert "circuit.json" in open_app("report", run=run.run_id).error[0].value


def test_names_of_heads_are_shown_as_text(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_label(run, results.load(run).selected.iloc[0]["name"], HeadLabel("<b>*trigger*"))
    page = shown(open_app("report", run=run.run_id))
    assert "&lt;b&gt;*trigger*" in page
    assert "<b>*trigger*" not in page


def test_damaged_review_is_explained_and_the_report_stays(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "review.json").write_text('{"comments": 3}', encoding="utf-8")
    app = open_app("report", run=run.run_id)
    assert "review.json" in app.error[0].value
    assert "heads" in shown(app)


@pytest.mark.parametrize("page", ["evidence", "report"])
@pytest.mark.parametrize("file", ["labels.json", "heads.csv"])
def test_damaged_run_is_explained(open_app: OpenApp, file: str, page: str) -> None:
    run = make_run(runs_folder())
    (run.path / file).write_text("{", encoding="utf-8")
    assert "cannot be read" in open_app(page, run=run.run_id).error[0].value
