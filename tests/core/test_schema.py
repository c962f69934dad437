"""The JSON files of a run folder as models: former names are read, unknown ones stay, damage is refused."""

import json

import pytest
from pydantic import ValidationError

from core.report.sentences.confidence import confidence_sentence
from core.report.sentences.notes import notes
from core.schema import CircuitRecord, EvidenceDetails, Manifest
from core.text import LANGUAGES
from tests.support.old_runs import SOURCE, old_run


def test_former_names_of_a_manifest_are_read_by_the_new_ones(tmp_path):
    written = json.loads((SOURCE / "manifest.json").read_text(encoding="utf-8"))
    manifest = old_run(tmp_path).manifest()
    assert manifest.selection.statistic == written["selection"]["measure"]
    assert manifest.selection.attention_flow == written["selection"]["reach"]
    assert manifest.stability.jaccard == written["certainty"]["jaccard"]
    assert manifest.stability.confidence.level == written["certainty"]["trust"]["level"]
    assert manifest.evidence_about.metric == written["evidence_about"]["measure"]
    assert manifest.evidence_about.directions == ("noising", "denoising")
    assert "attention_flow_computed" in {note.key for note in manifest.notes}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_note_of_an_old_run_has_its_sentence(tmp_path, language):
    manifest = old_run(tmp_path).manifest()
    assert len(notes(manifest, language)) == len(manifest.notes)
    assert confidence_sentence(manifest, language)


def test_the_former_gradient_screen_is_read():
    content = {"model": {"name": "m"}, "screen": {"state": "norm"}, "notes": [{"key": "screen_norm"}]}
    manifest = Manifest.model_validate(content)
    assert manifest.gradient_screen.state == "norm"
    assert [note.key for note in manifest.notes] == ["gradient_screen_norm"]


def test_former_directions_of_single_effects_are_read(tmp_path):
    details = old_run(tmp_path).read_model("evidence.json", EvidenceDetails)
    assert {head.direction for head in details.heads.values()} <= {"noising", "denoising"}
    assert details.stability.confidence.level == "high"


def test_what_is_not_known_survives_being_written_again():
    content = {"model": {"name": "m", "colour": "red"}, "tomorrow": [1]}
    written = Manifest.model_validate(content).model_dump(mode="json")
    assert (written["tomorrow"], written["model"]["colour"]) == ([1], "red")


def test_what_is_written_is_read_as_the_same(tmp_path):
    run = old_run(tmp_path)
    before = run.manifest()
    run.write_model("manifest.json", before)
    assert run.manifest() == before


@pytest.mark.parametrize("content", [{}, {"model": "m"}, {"model": {"name": "m"}, "counts": [1]}])
def test_a_manifest_of_wrong_types_is_refused(content):
    with pytest.raises(ValidationError):
        Manifest.model_validate(content)


def test_former_names_of_the_circuit_s_check_are_read(tmp_path):
    written = json.loads((SOURCE / "circuit.json").read_text(encoding="utf-8"))
    record = old_run(tmp_path).read_model("circuit.json", CircuitRecord)
    assert record.metric == written["measure"]
    assert list(record.minimal_circuit.heads) == written["smallest"]["heads"]
    assert list(record.minimal_ablation_sets["mean"].heads) == written["switch"]["mean"]["heads"]
    assert record.before_after.counts["anomalous"].judged == 8
    assert len(record.defined) == 3


def test_heads_by_layer_of_new_and_earlier_runs():
    from core.schema import ModelRecord

    assert ModelRecord(name="old", n_layers=3, n_heads=4).heads_of_layers() == (4, 4, 4)
    hybrid = ModelRecord(name="new", n_layers=3, n_heads=4, heads_by_layer=(0, 4, 2))
    assert hybrid.heads_of_layers() == (0, 4, 2)
