"""The stepper: what is done, its result in two words, and why the next step is closed."""

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.example_set import LABELS
from core.examples.reading import from_rows
from core.jobs.backend import Answer
from core.runs.job_state import JobState
from core.runs.review import sign
from core.runs.run_folder import runs_folder
from pages.parts import i18n, shell
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp
from tests.pages.test_pages import with_examples
from tests.support.made_runs import make_run

pytestmark = pytest.mark.usefixtures("whole_app")


def steps(app: AppTest) -> dict[str, tuple[str, bool]]:
    """Label and whether it is closed, by the step's page."""
    links = [element.proto for element in app.sidebar.get("page_link")]
    return {link.page: (link.label.replace("**", ""), link.disabled) for link in links}


def rendered(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in app.sidebar.get("html"))


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_reason_of_the_next_closed_step_can_be_read(open_app: OpenApp, language: str) -> None:
    app = open_app("guide", language)
    words = entries(language)
    assert words["shell.needs_model"] in rendered(app)
    assert words["shell.needs_analysis"] not in rendered(app), "only that of the next step"
    with_examples(app)
    assert words["shell.needs_analysis"] in rendered(app)
    app.session_state["draft"].examples = from_rows([{"label": "normal", "text": "one"}])
    app.run()
    assert words["shell.needs_examples"] in rendered(app)


def test_too_many_texts_are_not_called_too_few(open_app: OpenApp) -> None:
    app = with_examples(open_app("guide"))
    many = from_rows({"label": label, "text": f"{label} {n}"} for label in LABELS for n in range(300))
    app.session_state["draft"].examples = many
    app.run()
    assert entries("en")["examples.next_closed"] in rendered(app)
    assert entries("en")["shell.needs_examples"] not in rendered(app)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_steps_show_their_results(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("guide", language, run=run.run_id)
    words = entries(language)
    states = steps(app)
    assert words["shell.heads.other"].format(count=7) in states["circuit"][0]
    assert words["shell.confirmed"].format(count=3, total=7) in states["evidence"][0]
    assert words["shell.signed"] not in states["report"][0]
    assert not any(closed for _, closed in states.values())
    sign(run, "Ada", "accepted", date(2026, 2, 3))
    app.run()
    assert words["shell.signed"] in steps(app)["report"][0]


def test_damaged_result_leaves_the_stepper_whole(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "heads.csv").write_text("layer\n", encoding="utf-8")
    (run.path / "review.json").write_text("{", encoding="utf-8")
    app = open_app("guide", run=run.run_id)
    assert not app.exception
    assert {*shell.STEPS} <= set(steps(app))


def test_steps_behind_an_analysis_at_work_say_that_it_is(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    run.write_state(JobState(status="queued"))
    lock = run.hold()  # as a server at work on it does
    app = open_app("circuit", run=run.run_id)
    assert entries("en")["shell.analysis_at_work"] in rendered(app)
    assert app.info[0].value == entries("en")["shell.analysis_at_work"]
    app.button(key="to_way").click().run()
    assert app.title[0].value == "Analysis"
    lock.release()


def test_address_forgets_a_run_that_was_deleted(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("runs", run=run.run_id)
    assert app.query_params["run"] == [run.run_id] or app.query_params["run"] == run.run_id
    run.delete()
    app.run()
    assert "run" not in app.query_params


def test_page_that_breaks_says_so_in_the_readers_language(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a number that cannot be")

    monkeypatch.setattr("pages.parts.runs.runs_table.listed", broken)
    app = open_app("start", "ja")
    assert "ValueError: a number that cannot be" in app.error[0].value
    assert "このページを表示できませんでした" in app.error[0].value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (":red[no] :home: *a*", r"\:red\[no\] \:home\: \*a\*"),
        ("1. one\n- two\n  + three", "1\\. one\n\\- two\n  \\+ three"),
        ("1.5 - 2", "1.5 - 2"),
        ("R&D &lt;b&gt;", r"R\&D \&lt;b\&gt;"),
        ("www.x.com WWW.x.com", "www\u2060.x.com WWW\u2060.x.com"),
        ("http://x.com HTTPS://x.com", "http\u2060\\://x.com HTTPS\u2060\\://x.com"),
        ("a@b.com, a_b+c@d-e.org", "a@\u2060b.com, a\\_b+c@\u2060d-e.org"),
        ("5 @ 3, @home, wwww", "5 @ 3, @home, wwww"),
    ],
)
def test_plain_text_holds_no_markdown(text: str, shown: str) -> None:
    assert shell.plain(text) == shown


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_run_that_was_deleted_elsewhere_is_said_to_be_gone(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", language, run.run_id)
    assert not app.error
    run.delete()
    app.run()
    gone = entries(language)["error.no_run"].format(path=run.run_id)
    assert [error.value.replace("\\", "") for error in app.error] == [gone]
    app.run()
    assert not app.error, "it is told once"


def test_a_refused_model_closes_the_steps_behind_it(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_examples(open_app("guide"))
    assert not steps(app)["examples"][1] and not steps(app)["analysis"][1]
    refused = Answer(pending=False, error_key="no_heads")
    monkeypatch.setattr(state, "inspection", lambda: refused)
    app.run()
    assert steps(app)["examples"][1] and steps(app)["analysis"][1]
    assert entries("en")["shell.refused_model"] in rendered(app)
