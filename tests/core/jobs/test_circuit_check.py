"""The check of the circuit as a whole, on a model whose circuit is known."""

import numpy as np
import pandas as pd
import pytest

from core.config import make_config
from core.examples.reading import from_rows
from core.jobs.checks import check
from core.jobs.circuit_check import ablatable, ranked, suggestion
from core.runs.result_reader import read_circuit
from core.scenarios.loader import load_truth
from core.schema import HeadSet
from tests.support.analyses import analysed
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
    assert [str(head) for head in ablatable(heads)] == ["L0H0", "L1H0"]


@pytest.mark.slow
def test_circuit_of_the_planted_model_is_recovered_whole(sample, models):
    records = list(check("circuit", sample, models))
    assert {record.stage for record in records} >= {"load", "circuit", "smallest"}
    content = read_circuit(sample)
    truth = {str(head) for head in load_truth("planted-induction").heads}
    assert content.complete and content.state == "computed"
    by_kind = {ablation.kind: ablation for ablation in content.ablations}
    assert list(by_kind) == ["resample", "mean", "zero"]
    assert by_kind["resample"].faithfulness > 0.95
    outs = [(one.heads_out, one.mlps_out, one.both_out) for one in content.ablations]
    # the planted model's MLP blocks add nothing, so that its heads carry all of it
    np.testing.assert_allclose(outs[0], (1, 0, 1), atol=1e-3)
    np.testing.assert_allclose([one[1] for one in outs], 0, atol=1e-4)
    assert by_kind["resample"].rank == pytest.approx(1 / 101, abs=1e-6)
    assert len(by_kind["mean"].random_faithfulness) == 100
    assert set(content.minimal_circuit.heads) == truth
    assert content.minimal_circuit.faithfulness["resample"] == pytest.approx(
        content.minimal_circuit.reached, abs=1e-3
    )
    assert set(content.minimal_ablation_sets["mean"].heads) <= truth
    assert content.forward_passes > 0 and content.seconds > 0
    tried = content.before_after
    assert tried.heads == content.minimal_ablation_sets[tried.mode].heads
    assert len(tried.rows) == sum(side.texts for side in tried.counts.values())


def test_suggested_switch_reaches_the_goal_with_the_least_harm():
    def smallest(complete, harm):
        return HeadSet(complete=complete, harm=harm, heads=("L0H0",))

    assert suggestion({}) is None
    assert suggestion({"mean": None, "zero": smallest(True, 0.5)}) == "zero"
    assert suggestion({"mean": smallest(True, 0.2), "zero": smallest(True, 0.1)}) == "zero"
    assert suggestion({"mean": smallest(True, 0.2), "zero": smallest(False, 0.0)}) == "mean"
    nothing = HeadSet(heads=(), harm=0.0)
    assert suggestion({"mean": nothing, "zero": smallest(False, 0.4)}) == "zero"
    assert suggestion({"mean": nothing, "zero": None}) is None


@pytest.mark.slow
def test_what_was_measured_stays_when_the_check_is_left_early(sample, models):
    running = check("circuit", sample, models)
    for record in running:
        if record.stage == "smallest":
            break
    running.close()
    content = read_circuit(sample)
    assert len(content.ablations) == 3
    assert content.complete is False
    first = content.ablations[0].model_copy(update={"faithfulness": 0.123})
    changed = content.model_copy(update={"ablations": (first, *content.ablations[1:])})
    sample.write_model("circuit.json", changed)
    list(check("circuit", sample, models))
    again = read_circuit(sample)
    assert again.complete and len(again.ablations) == 3
    assert again.ablations[0].faithfulness == 0.123  # gone on from there, not begun anew
    assert again.minimal_circuit.heads
    list(check("circuit", sample, models))
    assert read_circuit(sample).ablations[0].faithfulness > 0.9


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
    monkeypatch.setattr(
        "core.causal.metric._metric.SMALLEST_GAP",
        {"logit_difference": 1e9, "next_word_shift": 1e9, "own_word": 1e9},
    )
    list(check("circuit", run, models))
    content = read_circuit(run)
    assert content.state == "no_difference" and content.ablations == () and content.minimal_circuit is None
