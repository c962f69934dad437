"""The check list on the guide page, for a run, for a draft, and over to a new run."""

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.example_set import ExampleSet
from core.examples.reading import from_rows
from core.jobs.local_backend import LocalBackend
from core.report.export import package
from core.runs.checklist import WEEKS, read_ticks, tick, write_ticks
from core.runs.head_notes import HeadLabel, write_label
from core.runs.review import add_comment, sign
from core.runs.run_folder import open_run, runs_folder
from pages.parts import i18n
from pages.parts.guide import checklist
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, shown
from tests.pages.test_pages import with_examples
from tests.support.made_runs import make_run


def progress(app: AppTest) -> str:
    return str(app.get("progress")[0].proto.text)


def weeks(app: AppTest) -> Any:
    return next(row for row in app.segmented_control if row.key.startswith("guide_week_"))


def ended(app: AppTest) -> list[bool]:
    """Which options of the row of weeks have the sign of a week without an open line."""
    return [bool(option.content_icon) for option in weeks(app).proto.options]


def turn_to(app: AppTest, week: int) -> AppTest:
    weeks(app).set_value(week).run()
    assert not app.exception
    return app


def lines_to(app: AppTest) -> set[str]:
    """Lines that are open and lead somewhere, of all weeks; the page is left at the week at which it was."""
    shown_week, keys = weeks(app).value, set[str]()
    for week in WEEKS:
        buttons = [button.key for button in turn_to(app, week).button]
        keys |= {key.removeprefix("poc_to_") for key in buttons if key.startswith("poc_to_")}
    turn_to(app, shown_week)
    return keys


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_every_line_stands_in_one_week_in_both_languages(open_app: OpenApp, language: str) -> None:
    app = open_app("guide", language)
    texts = entries(language)
    counts = []
    for week in WEEKS:
        turn_to(app, week)
        page = shown(app) + " ".join(box.label for box in app.checkbox)
        counts.append({key for key in texts if key.startswith("poc.item_") and texts[key] in page})
        assert texts["poc.of_draft"] in shown(app)
        assert texts[f"poc.days_{week}"].strip() in shown(app)
        assert progress(app) == texts["poc.progress"].format(
            done=0, total=len(counts[-1]), all_done=0, all=15
        )
    assert list(map(len, counts)) == [8, 5, 2]
    assert set.union(*counts) == {key for key in texts if key.startswith("poc.item_")}
    turn_to(app, 0)
    assert texts["poc.prepare_title"] in shown(app)
    assert texts["term.head.text"] in shown(app)


def test_first_week_with_an_open_line_is_shown_and_stays_when_its_last_line_is_ticked(
    open_app: OpenApp,
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_ticks(run, ["question", "roles", "unseen"])
    app = open_app("guide", run=run.run_id)
    assert weeks(app).value == 1
    app.checkbox(key=f"poc_{run.run_id}_stop").check().run()
    assert weeks(app).value == 1
    assert ended(app) == [False, True, False, False]
    again = open_app("guide", run=run.run_id)
    assert weeks(again).value == 2
    assert ended(again) == [False, True, False, False]


def test_finished_run_ticks_what_it_shows(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("guide", run=run.run_id)
    assert lines_to(app) == {"differs", "named", "tested", "repeated", "compared", "commented", "signed"}
    write_label(run, "L0H1", HeadLabel("trigger"))
    add_comment(run, "Ada", "look")
    app.run()
    assert lines_to(app) == {"differs", "tested", "repeated", "compared", "signed"}
    sign(run, "Ada", "accepted", date(2026, 2, 3))
    app.run()
    assert lines_to(app) == {"differs", "tested", "repeated", "compared"}


def test_tested_run_shows_that_the_behaviour_differs(open_app: OpenApp) -> None:
    app = open_app("guide", run=make_run(runs_folder(), verdicts=True).run_id)
    assert not {"differs", "tested"} & lines_to(app)


def test_ticks_by_hand_are_kept_two_in_a_row(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("guide", run=run.run_id)
    app.checkbox(key=f"poc_{run.run_id}_stop").check().run()
    app.checkbox(key=f"poc_{run.run_id}_unseen").check().run()
    assert read_ticks(run) == {"stop", "unseen"}
    app.checkbox(key=f"poc_{run.run_id}_stop").uncheck().run()
    assert read_ticks(run) == {"unseen"}
    again = open_app("guide", run=run.run_id)
    assert [box.value for box in again.checkbox if box.key.endswith("_unseen")] == [True]


def test_ticks_before_the_run_go_with_it(open_app: OpenApp) -> None:
    app = with_examples(open_app("guide"))
    app.checkbox(key="poc__stop").check().run()
    app.checkbox(key="poc__roles").check().run()
    assert app.checkbox(key="poc__stop").value
    app.switch_page("pages/analysis.py").run()
    app.button(key="start_run").click().run()
    assert read_ticks(open_run(app.session_state["run_id"])) == {"stop", "roles"}


def test_draft_ticks_its_texts_pairs_and_behaviour(open_app: OpenApp) -> None:
    app = with_examples(open_app("guide"))
    assert "texts" not in lines_to(app)
    assert {"pairs", "differs", "analysed"} <= lines_to(app)
    given = app.session_state["draft"].examples.examples
    paired = from_rows({**e.model_dump(), "pair": str(place % 5)} for place, e in enumerate(given))
    app.session_state["draft"] = state.Draft(source="/models/mine", source_kind="folder", examples=paired)
    app.session_state["behaviour"] = ("/models/mine", paired, True)
    app.run()
    assert not {"texts", "pairs", "differs"} & lines_to(app)
    app.session_state["draft"].examples = ExampleSet(examples=paired.examples[:-1])
    app.run()
    assert "differs" in lines_to(app), "what the model said of other texts counts no more"


def test_open_line_leads_to_where_it_is_done(open_app: OpenApp) -> None:
    app = turn_to(open_app("guide", run=make_run(runs_folder()).run_id), 2)
    app.button(key="poc_to_named").click().run()
    assert app.title[0].value == entries("en")["circuit.title"]


def test_comparison_of_two_runs_is_ticked_for_both(open_app: OpenApp) -> None:
    runs = [make_run(runs_folder()) for _ in range(2)]
    app = open_app("runs")
    assert [read_ticks(run) for run in runs] == [frozenset()] * 2
    app.toggle(key="compare").set_value(True).run()
    assert not app.exception
    assert [read_ticks(run) for run in runs] == [{"compared"}] * 2


def test_damaged_ticks_are_explained_and_the_guide_stays(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "poc.json").write_text("{", encoding="utf-8")
    app = open_app("guide", run=run.run_id)
    assert "poc.json" in app.error[0].value
    assert entries("en")["poc.stop_title"] in shown(app)


def test_comparison_with_a_deleted_run_is_no_error(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    checklist.note_comparison("20200101-000000-nothing1", run.run_id)
    assert read_ticks(run) == {"compared"}


def test_ticks_travel_in_the_zip(local: LocalBackend) -> None:
    run = make_run(runs_folder())
    tick(run, "stop")
    with zipfile.ZipFile(io.BytesIO(package(run))) as archive:
        assert b'"stop"' in archive.read(f"headlight-{run.run_id}/poc.json")
