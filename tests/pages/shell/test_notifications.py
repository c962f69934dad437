"""The notice of an analysis that ended while the reader was on another page, and the terms of the pages."""

import pytest

from core.jobs.local_backend import LocalBackend
from core.runs.job_state import JobState
from core.runs.run_folder import runs_folder
from pages.parts import i18n
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, run_until, shown
from tests.pages.test_pages import with_examples
from tests.support.made_runs import make_run

pytestmark = pytest.mark.usefixtures("whole_app")


def started(open_app: OpenApp, seed: int, language: str = "en"):  # type: ignore[no-untyped-def]
    app = with_examples(open_app("model", language))
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(seed).run()
    app.button(key="start_run").click().run()
    return app, app.session_state["run_id"]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_end_of_an_analysis_is_told_on_another_page(
    open_app: OpenApp, local: LocalBackend, language: str
) -> None:
    app, run_id = started(open_app, 0, language)
    app.switch_page("pages/guide.py").run()
    run_until(app, lambda: any(button.key == f"open_ended_{run_id}" for button in app.button))
    assert app.session_state["watched_runs"] == []
    assert entries(language)["notifications.done"] in shown(app)
    app.run()
    assert len(app.toast) <= 1, "it is told once"
    app.button(key=f"open_ended_{run_id}").click().run()
    assert not app.exception
    assert any(button.key == "next_result" for button in app.button)
    assert not any(button.key == f"open_ended_{run_id}" for button in app.button)


def test_analysis_at_work_is_shown_beside_other_pages_and_not_twice(
    open_app: OpenApp, local: LocalBackend
) -> None:
    app, run_id = started(open_app, 2)
    run_until(app, lambda: local.status(run_id).state.stage == "train")
    assert len(app.get("progress")) == 1
    assert not app.sidebar.get("progress")
    app.switch_page("pages/guide.py").run()
    assert len(app.sidebar.get("progress")) == 1
    assert entries("en")["stage.train"] in app.sidebar.get("progress")[0].proto.text
    local.cancel(run_id)
    run_until(app, lambda: not app.session_state["watched_runs"])
    assert not any((button.key or "").startswith("open_ended_") for button in app.button)


def test_failure_is_told_with_the_way_to_its_reason(open_app: OpenApp, local: LocalBackend) -> None:
    app, run_id = started(open_app, 1)
    app.switch_page("pages/guide.py").run()
    run_until(app, lambda: any(button.key == f"open_ended_{run_id}" for button in app.button))
    app.button(key=f"open_ended_{run_id}").click().run()
    assert app.title[0].value == "Analysis"
    assert app.error


def test_watched_run_that_was_deleted_is_forgotten(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    run.write_state(JobState(status="queued"))
    lock = run.hold()  # as a server at work on it does
    app = open_app("guide", run=run.run_id)
    assert app.session_state["watched_runs"] == [run.run_id]
    run.delete()
    lock.release()
    app.run()
    assert not app.exception
    assert app.session_state["watched_runs"] == []


def test_finished_run_that_is_opened_is_no_news(open_app: OpenApp) -> None:
    app = open_app("guide", run=make_run(runs_folder()).run_id)
    assert app.session_state["watched_runs"] == []


def test_page_of_the_analysis_says_its_end_itself(open_app: OpenApp, local: LocalBackend) -> None:
    app, run_id = started(open_app, 0)
    run_until(app, lambda: app.session_state["watched_runs"] == [])
    assert local.status(run_id).state.status == "done"
    assert not app.toast


def test_run_that_was_damaged_after_its_end_breaks_no_page(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("guide")
    app.session_state["ended_runs"] = [run.run_id]
    (run.path / "config.json").write_text("{}", encoding="utf-8")
    app.run()
    assert not app.exception
    assert run.run_id in [element.value for element in app.sidebar.get("text")]
