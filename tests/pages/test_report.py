"""The report page: comments, sign-off, costs, next steps."""

from datetime import date

import pytest

from core.review import read_review, sign
from core.runs import runs_folder
from pages.parts import texts
from pages.parts.texts import catalogue
from tests.pages.conftest import OpenApp
from tests.pages.made_runs import make_run
from tests.pages.test_pages import shown


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_comment_and_sign_off_are_kept_with_the_run(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("report", language, run=run.run_id)
    assert catalogue(language)["next.sign_off"] in shown(app)
    app.text_area(key="comment_text").set_value("<b>Talk</b> about *L3H5*")
    app.text_input(key="comment_author").set_value("Ada")
    app.button(key="add_comment").click().run()
    assert "<b>Talk</b> about *L3H5*" in [text.value for text in app.text]
    assert app.text_area(key="comment_text").value == ""
    app.radio(key="sign_decision").set_value("more_work")
    app.text_input(key="sign_name").set_value("Bo")
    app.date_input(key="sign_date").set_value(date(2026, 2, 3))
    app.button(key="sign").click().run()
    assert not app.exception
    signed = read_review(run).sign_off
    assert signed is not None
    assert (signed.name, signed.decision, signed.date) == ("Bo", "more_work", "2026-02-03")
    assert catalogue(language)["next.sign_off"] not in shown(app)
    assert catalogue(language)["review.more_work"] in shown(app)


def test_sign_off_without_a_name_is_explained(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("report", run=run.run_id)
    app.button(key="sign").click().run()
    assert "needs the name" in app.error[0].value
    app.button(key="add_comment").click().run()
    assert "empty field" in app.error[0].value
    assert read_review(run).sign_off is None


def test_two_tabs_lose_no_decision(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("report", run=run.run_id)
    sign(run, "Elsewhere", "rejected", date(2026, 2, 3))
    app.text_input(key="sign_name").set_value("Here")
    app.button(key="sign").click().run()
    assert [signed.name for signed in read_review(run).sign_offs] == ["Elsewhere", "Here"]
    assert "Before: rejected by Elsewhere" in shown(app)


def test_cost_is_held_against_an_exhaustive_search(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), n_layers=3, n_heads=2, n_selected=2)
    said = shown(open_app("report", run=run.run_id))
    # 6 heads; 3 pairs of layers with 4 pairs of heads each
    assert "6 heads and each of the 12 forward pairs" in said
    assert "at least 18 forward passes. This analysis made 12." in said


@pytest.mark.parametrize(("n_selected", "verdicts", "key"), [(0, False, "none"), (3, False, "check")])
def test_next_steps_follow_from_the_result(
    open_app: OpenApp, n_selected: int, verdicts: bool, key: str
) -> None:
    run = make_run(runs_folder(), n_selected=n_selected, verdicts=verdicts)
    said = shown(open_app("report", run=run.run_id))
    others = {"none", "check", "unconfirmed"} - {key}
    assert catalogue("en")[f"next.{key}"] in said
    assert [other for other in others if catalogue("en")[f"next.{other}"] in said] == []


def test_confirmed_heads_are_named_as_the_next_step(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), n_selected=3, verdicts=True)
    assert "Confirmed by intervention: L" in shown(open_app("report", run=run.run_id))


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
