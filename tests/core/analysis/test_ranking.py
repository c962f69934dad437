"""Rankings on a tiny model: which signals take part, and that effects are measured once."""

import numpy as np
import pytest

from core.analysis.signals import weighted_mean
from core.causal.bounds import SMALLEST_GAP
from core.config import make_config
from core.text import LANGUAGES, text
from tests.core.analysis.test_gradient_screen import in_flat_order, run, texts
from tests.support.tiny_models import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("gpt2"), "gpt2")


def keys(result):
    return [note.key for note in result.manifest.notes if note.key.startswith("ranking_")]


def score_of(heads, *names):
    columns = {"codes": "code_score", "gradient": "screen", "exact": "exact"}
    return weighted_mean({name: heads[columns[name]].abs().to_numpy() for name in names})


def test_every_signal_stands_beside_the_score_and_effects_are_those_of_the_evidence(folder):
    _, result = run(folder)
    heads = in_flat_order(result.heads)
    np.testing.assert_allclose(heads["score"], score_of(heads, "codes", "gradient", "exact"), rtol=1e-5)
    np.testing.assert_allclose(heads["exact"].abs(), heads["effect"].abs(), rtol=1e-6)
    about = result.manifest.ranking
    assert (about.gradients, about.heads, about.rounds) == ("computed", 12, 1)
    assert result.manifest.selection.candidates == "combined"
    assert keys(result) == ["ranking_gradients_computed", "ranking_effects_every"]
    _, alone = run(folder, candidates="codes")
    assert keys(alone) == [] and in_flat_order(alone.heads)["exact"].isna().all()
    np.testing.assert_allclose(in_flat_order(alone.heads)["score"], heads["code_score"])


def test_without_evidence_no_head_is_changed(folder):
    _, result = run(folder, evidence=False)
    heads = in_flat_order(result.heads)
    assert heads["exact"].isna().all()
    np.testing.assert_allclose(heads["score"], score_of(heads, "codes", "gradient"), rtol=1e-5)
    assert keys(result) == ["ranking_gradients_computed", "ranking_effects_none"]


def test_a_model_without_gradients_is_ranked_by_codes_and_effects(folder, monkeypatch):
    def attributed(*_about):
        yield 1
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")

    monkeypatch.setattr("core.analysis.ranking.attributed", attributed)
    _, result = run(folder)
    heads = in_flat_order(result.heads)
    assert heads["screen"].isna().all() and heads["exact"].notna().all()
    np.testing.assert_allclose(heads["score"], score_of(heads, "codes", "exact"), rtol=1e-5)
    assert keys(result)[0] == "ranking_gradients_no_gradient"
    for language in LANGUAGES:
        assert text(language, "note.ranking_gradients_no_gradient")


def test_other_errors_are_not_taken_for_missing_gradients(folder, monkeypatch):
    def attributed(*_about):
        yield 1
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("core.analysis.ranking.attributed", attributed)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(folder)


def counted(records):
    """Whether the last step of the screen is the number of steps that was told at its beginning."""
    screen = [record for record in records if record.stage == "screen"]
    assert screen[0].step == 0 and len({record.total for record in screen}) == 1
    return screen[-1].step == screen[-1].total > 1


@pytest.mark.parametrize("evidence", [True, False])
def test_the_steps_of_a_small_model_are_those_that_were_told_before(folder, evidence):
    records, _ = run(folder, evidence=evidence)
    assert counted(records)


def test_in_a_large_model_the_strongest_heads_are_measured_and_edges_run_into_them(folder, monkeypatch):
    monkeypatch.setattr("core.causal.evidence._chosen.EVERY_HEAD_RUNS", 1)
    monkeypatch.setattr("core.analysis.ranking.STRONGEST", 3)
    monkeypatch.setattr("core.analysis.ranking.MOST_RECEIVERS", 4)
    records, result = run(folder)
    assert counted(records)
    heads = in_flat_order(result.heads)
    assert heads["exact"].notna().sum() == 3
    cheap = score_of(heads, "codes", "gradient")
    assert set(np.flatnonzero(heads["exact"].notna())) == set(np.argsort(-cheap)[:3])
    into = result.edges[result.edges["screen"] != 0]
    receivers = set(map(tuple, into[["target_layer", "target_head"]].to_numpy().tolist()))
    assert 0 < len(receivers) <= 4
    assert keys(result)[1] == "ranking_effects_strongest"


def test_texts_without_partners_take_gradients_towards_the_mean(folder, monkeypatch):
    monkeypatch.setitem(SMALLEST_GAP, "own_word", 0.0)
    records, result = run(folder, pairing="off", partners="off", permutations=99)
    assert counted(records)
    assert result.manifest.ranking.gradients == "mean"
    assert in_flat_order(result.heads)["screen"].notna().all()


def test_the_preset_of_the_paper_goes_by_codes_alone():
    config = make_config(model="m", examples=texts(), preset="paper")
    assert (config.candidates, config.ranked_by) == ("combined", "codes")
