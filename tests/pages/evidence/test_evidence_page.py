"""The evidence page: before and after, the check of the circuit in each of its states, and what is shown of it."""

import pandas as pd
import pytest

from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder, runs_folder
from pages.parts.charts.colours import LIGHT
from pages.parts.evidence import before_after, what_if
from pages.parts.evidence import circuit_check_charts as whole_charts
from pages.parts.i18n import LANGUAGES, entries, text
from tests.pages.conftest import OpenApp, run_until, shown
from tests.support.made_runs import make_run, write_circuit


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


@pytest.fixture
def content(tmp_path):

    write_circuit(RunFolder(tmp_path))
    return read_circuit(RunFolder(tmp_path))


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_page_leads_with_before_and_after(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_app("evidence", language, run=run.run_id)
    run_until(app, lambda: 'class="before-after"' in shown(app))
    page = shown(app)
    assert "L0H1" in page and "6" in page
    assert app.multiselect(key=f"off_{run.run_id}").value == ["L0H1", "L2H3"]
    assert "&lt;b&gt;now&lt;/b&gt;" in page and "<b>now</b>" not in page
    assert entries(language)["circuit_check.title"] in page
    assert not any(button.key == "check_circuit" for button in app.button)


def test_choice_of_heads_changes_what_is_asked(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_app("evidence", run=run.run_id)
    name = app.multiselect(key=f"off_{run.run_id}").options[0].split(" ")[0]
    app.multiselect(key=f"off_{run.run_id}").set_value([name]).run()
    run_until(app, lambda: f"Switching off {name}:" in shown(app))
    app.button(key="take_circuit").click().run()
    assert len(app.multiselect(key=f"off_{run.run_id}").value) == 7
    app.text_area(key="what_if_typed").set_value("A text of my own\n\n<i>two</i>").run()
    run_until(app, lambda: '<tr class="typed">' in shown(app))
    page = shown(app)
    assert page.count('<tr class="typed">') == 2 and "&lt;i&gt;two" in page
    app.multiselect(key=f"off_{run.run_id}").set_value([]).run()
    assert entries("en")["whatif.choose"] in [info.value for info in app.info]
    assert not app.exception


def test_check_is_begun_followed_and_shown(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("evidence", run=run.run_id)
    assert entries("en")["circuit_check.nothing_yet"] in shown(app)
    app.button(key="check_circuit").click().run()
    run_until(app, lambda: read_circuit(run) is not None)
    run_until(app, lambda: not any(button.key == "cancel_check" for button in app.button))
    assert "candidates alone give" in shown(app)


def test_check_is_stopped(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True, name="slow")
    app = open_app("evidence", run=run.run_id)
    app.button(key="check_heads").click().run()
    run_until(app, lambda: any(button.key == "cancel_check" for button in app.button))
    app.button(key="cancel_check").click().run()
    run_until(app, lambda: any(button.key == "check_heads" for button in app.button))
    assert run.state("heads").status == "cancelled"
    assert entries("en")["circuit_check.cancelled_heads"] in shown(app)


def test_failed_check_says_why_and_can_be_begun_again(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True, name="refuse")
    app = open_app("evidence", run=run.run_id)
    app.button(key="check_circuit").click().run()
    run_until(app, lambda: len(app.error) > 0)
    assert "safetensors" in app.error[0].value
    assert any(button.key == "check_circuit" for button in app.button)


@pytest.mark.parametrize("state", ["no_difference", "no_candidates"])
@pytest.mark.parametrize("language", list(LANGUAGES))
def test_state_without_numbers_is_said(open_app: OpenApp, language: str, state: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run, state=state)
    app = open_app("evidence", language, run=run.run_id)
    assert not app.exception
    assert len(app.info) >= 1


def test_unfinished_check_shows_its_parts_and_the_button(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run, complete=False)
    app = open_app("evidence", run=run.run_id)
    assert any(button.key == "check_circuit" for button in app.button)
    assert "candidates alone give" in shown(app)


def test_damaged_check_is_explained(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    (run.path / "circuit.json").write_text("{half", encoding="utf-8")
    app = open_app("evidence", run=run.run_id)
    assert "circuit.json" in app.error[0].value


def test_model_that_is_gone_is_explained_and_the_rest_stands(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    config = run.read_json("config.json")
    run.write_json("config.json", {**config, "model": "/models/gone"})
    write_circuit(run)
    app = open_app("evidence", run=run.run_id)
    run_until(app, lambda: any("gone" in error.value for error in app.error))
    assert "candidates alone give" in shown(app)


def test_texts_are_shown_as_they_stand_and_marks_have_words(content) -> None:
    rows = [{**content.before_after.rows[0], "text": "<script>x</script>"}]
    page = before_after.table(rows, word)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert 'aria-label="the word that is at fault"' in page and 'aria-label="the expected word"' in page
    assert before_after.table(rows * 90, word).count("<tr class=") == before_after.MOST_ROWS


def test_suggestion_comes_from_the_check(content) -> None:
    assert what_if.suggested(content) == (["L0H1", "L2H3"], "mean")
    assert what_if.suggested(None) == ([], "mean")


def test_pictures_hold_every_ablation_that_means_something(content) -> None:
    defined = content.defined
    chart = whole_charts.beside_random(defined, LIGHT, word).to_dict()
    rows = next(iter(chart["datasets"].values()))
    names = {row["kind"] for data in chart["datasets"].values() for row in data if "kind" in row}
    assert len(names) == 2 and rows
    curve = whole_charts.curve(defined[0], 3, 0.9, LIGHT, word).to_dict()
    points = [
        row for data in curve["datasets"].values() for row in data if set(row) == {"heads", "faithfulness"}
    ]
    assert points[0] == {"heads": 0, "faithfulness": 0.0} and len(points) == 8
    losses = whole_charts.minimality(defined[0], LIGHT, word).to_dict()
    assert [r["loss"] for d in losses["datasets"].values() for r in d if "loss" in r] == pytest.approx(
        [0.6, 0.4, 0.2]
    )


def test_numbers_of_the_table_by_hand(content) -> None:
    table = whole_charts.numbers(content.ablations, word)
    assert list(table["reached"].fillna(-1)) == [0, 0, -1]
    assert list(table["random"].fillna(0)) == [100, 100, 0]
    assert list(table["faithfulness"].fillna(-1)) == [0.9, 0.98, -1]


def test_circuit_without_random_ones_is_drawn(content) -> None:
    alone = content.ablations[0].model_copy(update={"random_faithfulness": (), "random_completeness": ()})
    spec = whole_charts.beside_random([alone, content.ablations[1]], LIGHT, word).to_dict()
    rows = [row for data in spec["datasets"].values() for row in data if "kind" in row]
    assert sum(row.get("low") is not None for row in rows) == 1
    curves = [
        whole_charts.curve(found, 3, 0.9, LIGHT, word).to_dict() for found in (alone, content.ablations[0])
    ]
    assert [len(curve["layer"]) for curve in curves] == [4, 5]


def test_numbers_of_the_circuit_stand_in_a_fold_that_is_drawn_when_it_opens(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_app("evidence", run=run.run_id)
    tables = len(app.dataframe)
    app.session_state["circuit_details"] = True
    app.run()
    assert not app.exception
    assert len(app.dataframe) == tables + 1
    assert entries("en")["circuit_check.minimality"] in shown(app)


def test_confirmed_heads_that_the_codes_missed_are_named(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    place = table.index[~table["selected"]][0]
    columns = ["effect", "effect_low", "effect_high"]
    table.loc[place, columns] = [0.4, 0.3, 0.5]
    table["verdict"] = table["verdict"].astype("object")
    table.loc[place, "verdict"] = "confirmed"
    run.write_bytes("heads.csv", table.to_csv(index=False).encode("utf-8-sig"))
    run.write_json("manifest.json", {**run.read_json("manifest.json"), "every_head": True})
    app = open_app("evidence", run=run.run_id)
    missed = f"L{table.loc[place, 'layer']}H{table.loc[place, 'head']}"
    assert any(missed in info.value for info in app.info)
    assert not any(button.key == "check_heads" for button in app.button)
