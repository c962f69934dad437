"""The list of runs: owners, duplicates; and what Streamlit would show of the scripts themselves."""

import ast
from pathlib import Path

import pytest

from core.jobs.backend import start
from core.jobs.local_backend import LocalBackend
from core.runs.job_state import JobState, Status
from core.runs.run_folder import RunFolder, list_runs, open_run, runs_folder
from pages.parts import i18n, shell
from pages.parts.i18n import entries
from pages.parts.runs import runs_table
from pages.parts.runs.runs_table import Line
from tests.pages.conftest import OpenApp, run_until
from tests.pages.test_pages import shown, with_examples
from tests.support.made_runs import make_run
from tests.support.paths import ROOT


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_run_has_an_owner_who_also_owns_the_next_one(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), name="Old name")
    app = open_app("runs", language)
    app.text_input(key=f"owner_{run.run_id}").set_value("Ada *L*").run()
    app.button(key=f"rename_{run.run_id}").click().run()
    assert (run.meta().name, run.meta().owner) == ("Old name", "Ada *L*")
    assert "Ada \\*L\\*" in shown(app)
    with_examples(app)
    app.switch_page("pages/analysis.py").run()
    app.button(key="start_run").click().run()
    assert open_run(app.session_state["run_id"]).meta().owner == "Ada *L*"


def test_name_by_scenario_is_not_frozen_by_giving_an_owner(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), name="")
    app = open_app("runs")
    app.text_input(key=f"owner_{run.run_id}").set_value("Ada").run()
    app.button(key=f"rename_{run.run_id}").click().run()
    assert (run.meta().name, run.meta().owner) == ("", "Ada")


def test_run_is_duplicated_with_other_settings(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("runs")
    app.button(key=f"duplicate_{run.run_id}").click().run()
    assert app.title[0].value == "Analysis"
    assert app.session_state["run_id"] == ""
    draft = app.session_state["draft"]
    assert (draft.preset, draft.source, len(draft.examples.examples)) == ("fast", "/models/made", 12)
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(9).run()
    app.button(key="start_run").click().run()
    repeated = open_run(app.session_state["run_id"])
    assert repeated.run_id != run.run_id
    assert (repeated.config().seed, run.config().seed) == (9, 0)


@pytest.mark.parametrize("script", ["app.py", *(f"pages/{page}.py" for page in shell.PAGES)])
def test_scripts_hold_no_bare_string_that_streamlit_would_show(script: str) -> None:
    body = ast.parse((ROOT / script).read_text(encoding="utf-8")).body
    assert not any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body[1:])


def line(name: str, status: str = "done", owner: str = "") -> Line:
    return Line(RunFolder(Path("/none")), name, "gpt2", "8 + 8", status, "2026-11-24 10:00", owner)


def test_search_finds_every_word_in_any_column_whatever_its_width_and_case() -> None:
    lines = [line("Tickets ABC", "failed", "Ada"), line("Tickets", "done", "Bo"), line("請求書", "done")]
    assert runs_table.matching(lines, "") == lines
    assert runs_table.matching(lines, "ａｂｃ ADA") == lines[:1]
    assert runs_table.matching(lines, "tickets gpt2 11-24") == lines[:2]
    assert runs_table.matching(lines, "請求") == lines[2:]
    assert runs_table.matching(lines, i18n.text("en", "status.failed")) == lines[:1]
    assert runs_table.matching(lines, "tickets nobody") == []


def test_many_runs_are_shown_page_by_page_and_searched(open_app: OpenApp) -> None:
    runs = [make_run(runs_folder(), name=f"Number {number}x") for number in range(25)]
    app = open_app("runs")

    def shown_runs() -> int:
        return sum((button.key or "").startswith("open_") for button in app.button)

    assert shown_runs() == 20
    app.session_state["runs_page_2"] = 2
    app.run()
    assert shown_runs() == 5
    app.text_input(key="runs_search").set_value("number 24x").run()
    assert [b.key for b in app.button if (b.key or "").startswith("open_")] == [f"open_{runs[24].run_id}"]
    app.text_input(key="runs_search").set_value("nothing such").run()
    assert entries("en")["runs.no_match"] in [info.value for info in app.info]
    app.text_input(key="runs_search").set_value("").run()
    assert shown_runs() == 5


def test_few_runs_need_no_search(open_app: OpenApp) -> None:
    for _ in range(3):
        make_run(runs_folder())
    app = open_app("runs")
    assert not [field for field in app.text_input if field.key == "runs_search"]
    headings = [
        entries("en")[f"runs.column_{name}"] for name in ("name", "model", "examples", "state", "owner")
    ]
    assert set(headings) <= {caption.value for caption in app.caption}


@pytest.mark.parametrize("status", ["failed", "cancelled", "interrupted"])
def test_unfinished_run_is_resumed_as_the_same_run(
    open_app: OpenApp, local: LocalBackend, status: Status
) -> None:
    run = make_run(runs_folder(), name="Old name")
    run.write_state(
        JobState(status=status, started=1.0, finished=2.0, error_key="disk_full", error_values={"path": "x"})
    )
    app = open_app("runs")
    app.button(key=f"again_{run.run_id}").click().run()
    assert app.session_state["run_id"] == run.run_id
    run_until(app, lambda: run.state().status == "done")
    assert [r.run_id for r in list_runs()] == [run.run_id]
    assert run.meta().name == "Old name"


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_every_run_has_a_link(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("runs", language)
    assert any(code.value.endswith(f"result?run={run.run_id}") for code in app.code)
    opened = open_app("circuit", language, run=run.run_id)
    assert opened.session_state["run_id"] == run.run_id


def test_deleting_the_open_run_leaves_no_broken_page(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("runs", run=run.run_id)
    app.button(key=f"delete_{run.run_id}").click().run()
    app.button(key="really_delete").click().run()
    assert not app.exception
    assert app.session_state["run_id"] == ""
    for page in ("circuit", "evidence", "report", "analysis", "guide"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception


def test_deleting_a_run_stops_its_check(open_app: OpenApp, local: LocalBackend) -> None:
    run = make_run(runs_folder())
    busy = start(local, run.config().model_copy(update={"seed": 2}))
    local.submit(run, "circuit")
    app = open_app("runs")
    app.button(key=f"delete_{run.run_id}").click().run()
    app.button(key="really_delete").click().run()
    assert not run.path.exists()
    assert [job.run.run_id for job in local._queue] == []
    local.cancel(busy.run_id)


def test_name_that_is_too_long_is_cut_and_kept(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("runs")
    app.text_input(key=f"name_{run.run_id}").set_value("n" * 300)
    app.button(key=f"rename_{run.run_id}").click().run()
    assert run.meta().name == "n" * 80


DAMAGE = {
    "config.json": ["{", "{}", "[]", '{"format": "2"}', '{"format": 99}'],
    "state.json": ["{", "[]", '{"status": "odd"}', '{"status": "done", "started": "x"}'],
    "meta.json": ["[]", '{"name": 5}'],
}


@pytest.mark.parametrize("page", ["start", "runs"])
def test_damaged_runs_are_listed_with_their_reason_and_can_be_deleted(open_app: OpenApp, page: str) -> None:
    whole = make_run(runs_folder(), name="Whole")
    for file, contents in DAMAGE.items():
        for content in contents:
            run = make_run(runs_folder())
            (run.path / file).write_text(content, encoding="utf-8")
            app = open_app(page)
            assert "Whole" in shown(app), (file, content)
            reasons = (file, "newer Headlight", "setting")
            assert any(reason in shown(app) for reason in reasons), (file, content)
            key = f"delete_{run.run_id}" if page == "runs" else f"recent_delete_{run.run_id}"
            app.button(key=key).click().run()
            app.button(key="really_delete").click().run()
            assert not app.exception
            assert not run.path.exists()
    assert [run.run_id for run in list_runs()] == [whole.run_id]


def test_page_looks_up_the_open_run_once(
    open_app: OpenApp, local: LocalBackend, whole_app: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("circuit", run=run.run_id)
    looked_up = []
    status = local.status
    monkeypatch.setattr(local, "status", lambda run_id: looked_up.append(run_id) or status(run_id))
    app.run()
    assert looked_up == [run.run_id]
    run.write_state(JobState(status="interrupted", stage="train", started=1.0, finished=2.0))
    app.run()
    assert app.button(key="to_way")
