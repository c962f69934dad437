"""The address and the session: what the browser's Back asks for is opened, what was only sent late is not."""

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.run_folder import list_runs, runs_folder
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run

pytestmark = pytest.mark.usefixtures("whole_app")


def arrive(app: AppTest, page: str, run: str) -> AppTest:
    """As the browser does on Back: another page, with the address that it had."""
    app.query_params.clear()
    if run:
        app.query_params["run"] = run
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def test_back_to_the_page_of_another_run_opens_that_run(open_app: OpenApp) -> None:
    first, second = (make_run(runs_folder()).run_id for _ in range(2))
    app = open_app("circuit", run=first)
    arrive(app, "evidence", second)
    assert app.session_state["run_id"] == second
    arrive(app, "circuit", first)
    assert app.session_state["run_id"] == first
    assert app.query_params["run"] == first


def test_back_to_a_page_without_a_run_closes_it(open_app: OpenApp) -> None:
    app = open_app("circuit", run=make_run(runs_folder()).run_id)
    arrive(app, "start", "")
    assert app.session_state["run_id"] == ""
    assert "run" not in app.query_params


def test_address_that_was_sent_before_a_run_was_opened_is_not_followed(open_app: OpenApp) -> None:
    first, second = (make_run(runs_folder()).run_id for _ in range(2))
    app = open_app("runs", run=first)
    app.session_state["run_id"] = second
    app.query_params["run"] = first
    app.run()
    assert app.query_params["run"] == second
    app.query_params["run"] = first
    app.run()
    assert app.session_state["run_id"] == second
    app.run()
    app.query_params["run"] = first
    app.run()
    assert app.session_state["run_id"] == first


def test_back_to_a_run_that_was_deleted_says_so(open_app: OpenApp) -> None:
    app = open_app("runs")
    arrive(app, "circuit", "20200101-000000-00000000")
    assert "There is no run in" in app.error[0].value
    assert "run" not in app.query_params
    assert not list_runs()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_missing_page_names_the_address_as_text_and_leads_on(open_app: OpenApp, language: str) -> None:
    app = open_app("start", language)
    app.query_params["asked"] = "<b>x</b>*y*"
    app.switch_page("pages/missing.py").run()
    assert app.title[0].value == entries(language)["missing.title"]
    assert r"\*y\*" in shown(app) or "&#42;y" in shown(app)
    app.button(key="to_start").click().run()
    assert app.title[0].value == entries(language)["start.title"]
