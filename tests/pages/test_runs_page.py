"""The list of runs: owners, duplicates; and what Streamlit would show of the scripts themselves."""

import ast
from pathlib import Path

import pytest

from core.runs import open_run, runs_folder
from pages.parts import frame, texts
from pages.parts.texts import catalogue
from tests.pages.conftest import OpenApp
from tests.pages.made_runs import make_run
from tests.pages.test_pages import shown, with_examples

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_run_has_an_owner_who_also_owns_the_next_one(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), name="Old name")
    app = open_app("runs", language)
    app.text_input(key=f"owner_{run.run_id}").set_value("Ada *L*").run()
    app.button(key=f"rename_{run.run_id}").click().run()
    assert (run.meta().name, run.meta().owner) == ("Old name", "Ada *L*")
    assert catalogue(language)["runs.of"].format(owner="Ada \\*L\\*") in shown(app)
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
    assert (draft.preset, draft.source, len(draft.rows)) == ("fast", "/models/made", 12)
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(9).run()
    app.button(key="start_run").click().run()
    made = open_run(app.session_state["run_id"])
    assert made.run_id != run.run_id
    assert (made.config().seed, run.config().seed) == (9, 0)


@pytest.mark.parametrize("script", ["app.py", *(f"pages/{page}.py" for page in frame.PAGES)])
def test_scripts_hold_no_bare_string_that_streamlit_would_show(script: str) -> None:
    body = ast.parse((ROOT / script).read_text(encoding="utf-8")).body
    assert not any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body[1:])
