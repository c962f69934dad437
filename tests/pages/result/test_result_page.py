"""The page of the result in every state of a run: what stands there, and when it opens by itself."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs.local_backend import LocalBackend
from core.report.sentences.verdict import Remedy
from core.runs.job_state import JobState
from core.runs.result_reader import saved_heads
from core.runs.run_folder import RunFolder, runs_folder
from pages.parts import i18n
from pages.parts.data import results
from pages.parts.i18n import entries
from pages.parts.picture.telling import facts_of
from pages.parts.result import pair, picture, tiles
from pages.parts.result.telling import Telling
from tests.pages.conftest import OpenApp, picture_of, run_until, shown
from tests.pages.shell.test_notifications import started
from tests.support.made_runs import make_run, write_circuit


def a_tested_run(**stability: Any) -> RunFolder:
    """A run whose heads were tested, and whose texts name a right and a wrong answer."""
    run = make_run(runs_folder(), verdicts=True)
    manifest = json.loads((run.path / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"evidence": "computed"}
    if stability:
        manifest["stability"] = {"confidence": stability}
    run.write_json("manifest.json", manifest)
    return run


def text_of(app: AppTest) -> str:
    return shown(app).replace("\u00a0", " ")


def test_finding_is_the_title_and_tiles_hold_the_numbers(open_app: OpenApp) -> None:
    run = a_tested_run(level="low", reasons=[{"key": "joint_little", "values": {"share": 0.2}}])
    write_circuit(run)
    app = open_app("result", run=run.run_id)
    assert app.title[0].value == "Three heads add to what sets these texts apart"
    page = text_of(app)
    for tile in ("6 → 0 of 6", "6 of 6", "3 of 48", "Low trust"):
        assert f">{tile}</strong>" in page or f"</i> {tile}</strong>" in page
    assert "up to 3 % of other next words change" in page, (
        "the price on other text stands beside that on normal texts"
    )
    assert "without L0H1 and L2H3" in page
    assert entries("en")["present.number"] in page
    assert "together the heads carry only 20 %" in page
    assert "Do not act on these" in page, "what to do where the trust is low"
    assert '<b class="fault">Legal</b>' in page
    assert '<b class="right">Billing</b>' in page
    assert "<mark>invoice</mark>" in page


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_before_the_check_has_run_what_helps_is_not_claimed(open_app: OpenApp, language: str) -> None:
    app = open_app("result", language, a_tested_run().run_id)
    assert entries(language)["result.tile_fault_not_tried"] in shown(app)
    assert any(button.key == "check_circuit" for button in app.button)
    assert "→" not in text_of(app)


def test_check_at_work_is_said_and_the_page_is_renewed_when_it_ends(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_tested_run()
    state = JobState(kind="circuit", status="running", stage="circuit", step=1, total=2, started=1.0)
    monkeypatch.setattr(LocalBackend, "check_status", lambda self, run_id: state)
    app = open_app("result", run=run.run_id)
    title = app.title[0].value
    assert entries("en")["result.tile_fault_waits"] in shown(app)
    assert entries("en")["result.measured_now"] in shown(app)
    assert len(app.get("progress")) == 1
    write_circuit(run)
    monkeypatch.setattr(LocalBackend, "check_status", lambda self, run_id: None)
    app.run()
    assert not app.get("progress")
    assert "6 → 0 of 6" in text_of(app)
    assert app.title[0].value == title


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (lambda: make_run(runs_folder(), n_selected=0), "No head stands out"),
        (
            lambda: make_run(runs_folder(), n_selected=1),
            "One head goes along with the fault; whether it causes it was not tested",
        ),
    ],
)
def test_runs_that_show_less_say_less(open_app: OpenApp, make: Any, title: str) -> None:
    app = open_app("result", run=make().run_id)
    assert app.title[0].value == title
    assert 'class="told-pair"' not in shown(app)
    assert entries("en")["result.tile_right"] not in shown(app)


def test_harm_and_weak_trust_are_never_shown_as_good(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_tested_run(level="none", reasons=[{"key": "same_answer", "values": {}}])
    write_circuit(run)
    harmed = Remedy(("L0H1",), "reduces", 6, 3, 6, 6, 4, 6)
    monkeypatch.setattr(tiles, "remedy", lambda facts: harmed)
    page = text_of(open_app("result", run=run.run_id))
    assert 'class="tile bad"' in page
    assert "4 of 6" in page
    assert "6 before" in page
    assert 'class="tile trust none"' in page
    assert "✓" not in page


@pytest.mark.usefixtures("whole_app")
def test_analysis_that_ends_under_the_readers_eyes_opens_its_result(
    open_app: OpenApp, local: LocalBackend
) -> None:
    app, _ = started(open_app, 0)
    run_until(app, lambda: any(button.key == "next_result" for button in app.button))
    app.switch_page("pages/analysis.py").run()
    assert any(button.key == "next_analysis" for button in app.button), "coming back, it stays"


@pytest.mark.usefixtures("whole_app")
def test_analysis_that_ended_meanwhile_does_not_open_its_result(
    open_app: OpenApp, local: LocalBackend
) -> None:
    app, run_id = started(open_app, 0)
    app.switch_page("pages/guide.py").run()
    run_until(app, lambda: local.status(run_id).state.status == "done")
    app.switch_page("pages/analysis.py").run()
    assert any(button.key == "next_analysis" for button in app.button)


def test_words_are_marked_where_they_stand() -> None:
    cut = pair.named_parts("An invoice, Invoices, and the invoice", ("invoice",))
    assert [(part.kind, part.text) for part in cut] == [
        ("same", "An "),
        ("old", "invoice"),
        ("same", ", Invoices, and the "),
        ("old", "invoice"),
    ]


def test_words_of_the_verdict_are_stressed(open_app: OpenApp) -> None:
    run = a_tested_run()
    head = {"layer": 0, "head": 0}
    names = [
        f"L{row.layer}H{row.head}" for row in saved_heads(run).itertuples() if row.verdict == "confirmed"
    ]
    texts = [
        {"example": number + 1, "label": "anomalous", "pieces": ["a", " <invoice>"], "differing": [1]}
        for number in range(6)
    ]
    run.write_json("mechanisms.json", {"units": dict.fromkeys(names, head), "texts": texts})
    assert "<strong>“&lt;invoice&gt;”</strong>" in shown(open_app("result", run=run.run_id))


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_the_picture_is_that_of_the_circuit_page(open_app: OpenApp, language: str) -> None:
    run = a_tested_run()
    drawings = [picture_of(open_app(page, language, run.run_id)) for page in ("result", "circuit")]
    assert drawings[0] == drawings[1]
    heads = results.load(run).selected
    proven = heads.loc[heads["verdict"].isin(["confirmed", "partly"]), "name"]
    assert len(proven) and all(f'data-name="{name}"' in drawings[0] for name in proven)


@pytest.mark.usefixtures("local")
def test_a_click_in_the_picture_opens_the_circuit_page(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    result = results.load(a_tested_run())
    monkeypatch.setattr("pages.parts.picture.shown.show", lambda *about, **more: True)
    monkeypatch.setattr("pages.parts.shell.go", opened.append)
    picture.show(Telling(result, facts_of(result), None))
    assert opened == ["circuit"]


def test_text_that_differs_as_a_whole_from_its_partner_is_not_marked() -> None:
    assert [part.kind for part in pair.parts("red paint came", "blue cars went")] == ["same"]
    assert [part.text for part in pair.parts("the red paint came late", "the blue paint came late")] == [
        "the ",
        "red",
        " paint came late",
    ]


def test_tiles_escape_what_others_wrote() -> None:
    assert "<b>" not in tiles.html([tiles.Tile("1", "<b>heads</b>")])
