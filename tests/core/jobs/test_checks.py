"""Deeper checks of a finished run, on models whose circuit is known."""

import json

import pandas as pd
import pytest

from core.analysis.pipeline import analyse
from core.config import make_config
from core.examples.reading import from_rows, read_examples
from core.jobs.checks import check, ranked, suggestion, switchable
from core.model.loading import ModelPool
from core.report.save import save
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.scenarios import load_scenario, load_truth
from core.schema import RunResult
from tests.support.tiny_models import save_tiny


def test_ranking_by_hand():
    heads = pd.DataFrame(
        {
            "layer": [0, 0, 1, 1],
            "head": [0, 1, 0, 1],
            "score": [4.0, 3.0, 2.0, 1.0],
            "effect": [0.1, -0.5, None, None],
            "selected": [True, True, True, False],
        }
    )
    assert [str(head) for head in ranked(heads)] == ["L0H1", "L0H0", "L1H0", "L1H1"]
    assert [str(head) for head in switchable(heads)] == ["L0H0", "L1H0"]


@pytest.fixture(scope="module")
def models():
    return ModelPool()


def analysed(folder, settings, models) -> RunFolder:
    run = RunFolder.create(folder, settings)
    result = None
    for item in analyse(settings, models):
        result = item
    assert isinstance(result, RunResult)
    save(result, run)
    run.finish()
    return run


@pytest.fixture(scope="module")
def sample(tmp_path_factory, models):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        scenario = load_scenario("planted-induction")
        settings = make_config(
            model=str(scenario.model_folder),
            examples=read_examples(scenario.examples_in("en")),
            preset="fast",
        )
        yield analysed(tmp_path_factory.mktemp("runs") / "run", settings, models)


def test_circuit_of_the_planted_model_is_found_whole(sample, models):
    records = list(check("circuit", sample, models))
    assert {record.stage for record in records} >= {"load", "circuit", "smallest"}
    found = read_circuit(sample)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    assert found["complete"] and found["state"] == "computed"
    by_kind = {ablation["kind"]: ablation for ablation in found["ablations"]}
    assert list(by_kind) == ["resample", "mean", "zero"]
    assert by_kind["resample"]["faithfulness"] > 0.95
    assert by_kind["resample"]["rank"] == pytest.approx(1 / 101, abs=1e-6)
    assert len(by_kind["mean"]["random_faithfulness"]) == 100
    assert set(found["smallest"]["heads"]) == truth
    assert found["smallest"]["faithfulness"]["resample"] == pytest.approx(
        found["smallest"]["reached"], abs=1e-3
    )
    assert set(found["switch"]["mean"]["heads"]) <= truth
    assert found["forward_passes"] > 0 and found["seconds"] > 0
    tried = found["before_after"]
    assert tried["heads"] == found["switch"][tried["mode"]]["heads"]
    assert len(tried["rows"]) == sum(side["texts"] for side in tried["counts"].values())


def test_suggested_switch_reaches_the_goal_with_the_least_harm():
    def found(complete, harm):
        return {"complete": complete, "harm": harm, "heads": ["L0H0"]}

    assert suggestion({}) is None
    assert suggestion({"mean": None, "zero": found(True, 0.5)}) == "zero"
    assert suggestion({"mean": found(True, 0.2), "zero": found(True, 0.1)}) == "zero"
    assert suggestion({"mean": found(True, 0.2), "zero": found(False, 0.0)}) == "mean"
    nothing = {"complete": False, "harm": 0.0, "heads": []}
    assert suggestion({"mean": nothing, "zero": found(False, 0.4)}) == "zero"
    assert suggestion({"mean": nothing, "zero": None}) is None


def test_what_was_found_stays_when_the_check_is_left_early(sample, models):
    running = check("circuit", sample, models)
    for record in running:
        if record.stage == "smallest":
            break
    running.close()
    found = read_circuit(sample)
    assert len(found["ablations"]) == 3
    assert found["complete"] is False
    found["ablations"][0]["faithfulness"] = 0.123
    sample.write_json("circuit.json", found)
    list(check("circuit", sample, models))
    again = read_circuit(sample)
    assert again["complete"] and len(again["ablations"]) == 3
    assert again["ablations"][0]["faithfulness"] == 0.123  # gone on from there, not begun anew
    assert again["smallest"]["heads"]
    list(check("circuit", sample, models))
    assert read_circuit(sample)["ablations"][0]["faithfulness"] > 0.9


def test_effect_of_every_head_fills_the_table(sample, models):
    before = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    assert before["effect"].notna().sum() == before["selected"].sum()
    records = list(check("heads", sample, models))
    assert records[-1].step == records[-1].total
    after = pd.read_csv(sample.path / "heads.csv", encoding="utf-8-sig")
    assert after["effect"].notna().all() and after["verdict"].notna().all()
    assert list(after.columns) == list(before.columns)
    effects = pd.read_csv(sample.path / "effects.csv", encoding="utf-8-sig")
    assert effects[effects["kind"] == "head"].groupby(["source_layer", "source_head"]).ngroups == len(after)
    assert (effects["kind"] == "edge").any()
    assert len(json.loads((sample.path / "evidence.json").read_text(encoding="utf-8"))["heads"]) == len(after)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    confirmed = after[after["verdict"] == "confirmed"]
    assert {f"L{row.layer}H{row.head}" for row in confirmed.itertuples()} == truth
    manifest = json.loads((sample.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["every_head"] and manifest["evidence_about"]["tested_heads"] == len(after)


def test_nothing_to_explain_gives_no_number(tmp_path, monkeypatch, models):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path))
    rows = [
        {"label": label, "text": f"w1 w{10 + i} {word} w9", "expected": "w40", "actual": "w50"}
        for i in range(4)
        for label, word in (("anomalous", "w5"), ("normal", "w6"))
    ]
    folder = save_tiny(tmp_path / "model", "gpt2", seed=2)
    settings = make_config(model=str(folder), examples=from_rows(rows), preset="fast", evidence=False)
    run = analysed(tmp_path / "run", settings, models)
    monkeypatch.setattr("core.causal.metric.SMALLEST_GAP", {"logit_difference": 1e9, "next_word_shift": 1e9})
    list(check("circuit", run, models))
    found = read_circuit(run)
    assert found["state"] == "no_difference" and found["ablations"] == [] and "smallest" not in found
