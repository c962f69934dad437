"""A run's name at the start, and what the list says of finished runs."""

import pytest

from core.runs.run_folder import list_runs
from core.text import text
from pages.parts.runs import runs_table
from pages.parts.session import samples
from tests.pages.conftest import OpenApp

pytestmark = pytest.mark.usefixtures("whole_app")


def test_a_run_is_named_at_its_start_and_else_by_its_texts(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.button(key="take_sample").click().run()
    app.switch_page("pages/analysis.py").run()
    assert app.text_input(key="run_name").placeholder == samples.stories("en")[samples.SAMPLE][0]
    app.text_input(key="run_name").set_value("  After the\nrepair ").run()
    app.button(key="start_run").click().run()
    assert list_runs()[0].meta().name == "After the repair"


def test_the_list_tells_trust_and_faults_of_a_finished_run(open_app: OpenApp) -> None:
    app = open_app("start")
    app.button(key="open_finished").click().run()
    app.switch_page("pages/runs.py").run()
    told = [caption.value for caption in app.caption]
    assert {"10 → 0", text("en", "verdict.trust_high")} <= set(told), told
    (line,) = runs_table.listed()
    assert line.name == "Misrouted helpdesk tickets (finished sample, English)"
