"""The evidence page: before and after, the check of the circuit in each of its states, and what is shown of it."""

from html import escape

import pandas as pd
import pytest

from core.report.sentences.mlps import mlp_sentence
from core.runs.result_reader import read_circuit, saved_heads
from core.runs.run_folder import runs_folder
from core.schema import HEAD_COLUMNS, BlocksRecord, LayerShares, units_table
from core.text.csv_safe import csv_bytes
from pages.parts.i18n import LANGUAGES, entries
from tests.pages.conftest import OpenApp, paper_tables, run_until, shown
from tests.pages.evidence.conftest import OpenEvidence
from tests.support.made_runs import make_run, write_circuit


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


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_circuit_says_first_whether_it_is_needed_and_enough(
    open_evidence: OpenEvidence, language: str
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_evidence("circuit", run.run_id, language)
    first = {"en": "Needed: yes. Enough: yes.", "ja": "必要か：はい。十分か：はい。"}[language]
    assert app.subheader[0].value == first
    share, words = {"en": ("3 %", "240 words"), "ja": ("3 %", "240 語")}[language]
    assert any(words in line.value and share in line.value.replace("\u00a0", " ") for line in app.markdown)
    assert not any(button.key == "check_circuit" for button in app.button)


def test_only_the_open_tab_is_drawn(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig").assign(p_value=0.01)
    run.write_bytes("heads.csv", table.to_csv(index=False).encode("utf-8-sig"))
    effects = open_evidence("effects", run.run_id)
    assert len(effects.dataframe) == 1
    assert "p_value" not in effects.dataframe[0].value
    effects.toggle(key="evidence_tests").set_value(True).run()
    assert "p_value" in effects.dataframe[0].value
    assert not effects.multiselect
    assert not open_evidence("circuit", run.run_id).dataframe


def test_heads_are_not_swapped_when_a_check_ends(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("evidence", run=run.run_id)
    before = app.multiselect(key=f"off_{run.run_id}").value
    assert before and before != ["L0H1", "L2H3"]
    write_circuit(run)
    app.run()
    assert app.multiselect(key=f"off_{run.run_id}").value == before
    assert entries("en")["whatif.suggests"].format(heads="L0H1 and L2H3") in [
        one.value for one in app.caption
    ]
    app.button(key="take_suggested").click().run()
    assert app.multiselect(key=f"off_{run.run_id}").value == ["L0H1", "L2H3"]
    assert not any("L0H1 and L2H3." in one.value for one in app.caption)


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


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_characters_of_a_typed_text_that_the_model_cannot_read_are_named(
    open_app: OpenApp, language: str
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_app("evidence", language, run=run.run_id)
    app.text_area(key="what_if_typed").set_value("a ☃\nb").run()
    warning = escape(entries(language)["whatif.unread"].format(characters="“☃”"))
    run_until(app, lambda: '<tr class="typed">' in shown(app))
    assert shown(app).count(warning) == 1


def test_check_is_begun_followed_and_shown(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_evidence("circuit", run.run_id)
    assert entries("en")["circuit_check.nothing_yet"] in shown(app)
    app.button(key="check_circuit").click().run()
    run_until(app, lambda: read_circuit(run) is not None)
    run_until(app, lambda: not any(button.key == "cancel_check" for button in app.button))
    assert "candidates alone give" in shown(app)


def test_check_is_stopped(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True, name="slow")
    app = open_evidence("effects", run.run_id)
    app.button(key="check_heads").click().run()
    run_until(app, lambda: any(button.key == "cancel_check" for button in app.button))
    app.button(key="cancel_check").click().run()
    run_until(app, lambda: any(button.key == "check_heads" for button in app.button))
    assert run.state("heads").status == "cancelled"
    assert entries("en")["circuit_check.cancelled_heads"] in shown(app)


def test_failed_check_says_why_and_can_be_begun_again(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True, name="refuse")
    app = open_evidence("circuit", run.run_id)
    app.button(key="check_circuit").click().run()
    run_until(app, lambda: len(app.error) > 0)
    assert "safetensors" in app.error[0].value
    assert any(button.key == "check_circuit" for button in app.button)


@pytest.mark.parametrize("state", ["no_difference", "no_candidates"])
@pytest.mark.parametrize("language", list(LANGUAGES))
def test_state_without_numbers_is_said(open_evidence: OpenEvidence, language: str, state: str) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run, state=state)
    app = open_evidence("circuit", run.run_id, language)
    assert not app.exception
    assert len(app.info) >= 1


def test_unfinished_check_shows_its_parts_and_the_button(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run, complete=False)
    app = open_evidence("circuit", run.run_id)
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
    app.session_state["evidence_part"] = "circuit"
    assert "candidates alone give" in shown(app.run())


def test_numbers_of_the_circuit_stand_in_a_fold_that_is_drawn_when_it_opens(
    open_evidence: OpenEvidence,
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    app = open_evidence("circuit", run.run_id)
    tables = len(app.dataframe)
    app.session_state["circuit_details"] = True
    app.run()
    assert not app.exception
    assert len(app.dataframe) == tables + 1
    assert paper_tables(app) == [app.dataframe[0].value.shape]
    assert entries("en")["circuit_check.minimality"] in shown(app)


def test_confirmed_heads_that_the_codes_missed_are_named(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    place = table.index[~table["selected"]][0]
    columns = ["effect", "effect_low", "effect_high"]
    table.loc[place, columns] = [0.4, 0.3, 0.5]
    table["verdict"] = table["verdict"].astype("object")
    table.loc[place, "verdict"] = "confirmed"
    run.write_bytes("heads.csv", table.to_csv(index=False).encode("utf-8-sig"))
    run.write_json("manifest.json", {**run.read_json("manifest.json"), "every_head": True})
    app = open_evidence("effects", run.run_id)
    missed = f"L{table.loc[place, 'layer']}H{table.loc[place, 'head']}"
    assert any(missed in info.value for info in app.info)
    assert not any(button.key == "check_heads" for button in app.button)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_mlp_blocks_stand_with_their_effects_where_they_were_measured(
    open_evidence: OpenEvidence, language: str
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    before = open_evidence("effects", run.run_id, language)
    words = entries(language)
    assert not [one for one in before.dataframe if "block" in one.value]
    blocks = pd.DataFrame(
        {
            "layer": [0, 1],
            "effect": [0.29, -0.01],
            "effect_low": [0.1, -0.1],
            "effect_high": [0.4, 0.1],
            "p_value": [0.01, 0.5],
            "q_value": [0.02, None],
            "verdict": ["confirmed", "not confirmed"],
            "selected": False,
            "unit": "mlp",
        }
    ).reindex(columns=list(HEAD_COLUMNS))
    table = units_table(saved_heads(run), blocks)
    run.write_bytes("heads.csv", csv_bytes(table))
    shares = tuple(
        LayerShares(layer=layer, mlp=share, clear=layer == 0) for layer, share in ((0, 0.29), (1, 0.0))
    )
    manifest = run.manifest().model_copy(update={"blocks": BlocksRecord(layers=shares)})
    run.write_model("manifest.json", manifest)
    app = open_evidence("effects", run.run_id, language)
    assert mlp_sentence(manifest, language) in [one.value for one in app.markdown]
    (shown_table,) = [one.value for one in app.dataframe if "block" in one.value]
    assert shown_table["block"].tolist() == ["MLP0", "MLP1"]
    assert shown_table["verdict"].tolist() == [words["verdict.confirmed"], words["verdict.not_confirmed"]]
    app = open_evidence("try", run.run_id, language)
    heads = [name for name in app.multiselect(key=f"off_{run.run_id}").options if name.startswith("MLP")]
    assert heads == ["MLP0", "MLP1"]
