"""The rule of how far to trust a run, and its sentence."""

import json

import pytest

from core.analysis.confidence import REACHED, judge_confidence
from core.discovery.thresholds import BAR
from core.report.sentences.confidence import confidence_sentence
from core.schema import ConfidenceRecord, JointRecord, Manifest, ModelRecord
from core.text import LANGUAGES, catalogue

NAN = float("nan")

TOGETHER = JointRecord(
    heads=("L0H1",), texts=8, removed=0.8, gone=7, every=0.95, alone=0.7, random=(0.1,) * 20, reached=0.0
)

GOOD = {
    "state": "computed",
    "candidates": 5,
    "tested": 5,
    "confirmed": 3,
    "examples": 8,
    "jaccard": 0.9,
    "held_out": 0.85,
    "diversity": 0.95,
    "joint": TOGETHER,
}


def together(**changes):
    return {"joint": TOGETHER.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("changes", "level", "keys"),
    [
        ({}, "high", ["confirmed", "steady", "held_out"]),
        ({"jaccard": BAR}, "high", ["confirmed", "steady", "held_out"]),
        ({"jaccard": 0.79}, "medium", ["confirmed", "held_out", "unsteady"]),
        ({"diversity": 0.4}, "medium", ["confirmed", "steady", "held_out", "varied"]),
        ({"examples": 6, "held_out": 0.5}, "medium", ["confirmed", "steady", "few", "held_out_low"]),
        ({"held_out": NAN}, "medium", ["confirmed", "steady", "held_out_unknown"]),
        (
            {"examples": 7, "jaccard": 0.5, "held_out": 0.5},
            "low",
            ["confirmed", "few", "unsteady", "held_out_low"],
        ),
        ({"untested": 2}, "low", ["confirmed", "steady", "held_out", "untested_strong"]),
        (together(removed=0.24), "low", ["confirmed", "steady", "held_out", "joint_little"]),
        (together(reached=0.15), "low", ["confirmed", "steady", "held_out", "joint_random"]),
        (together(reached=REACHED), "high", ["confirmed", "steady", "held_out"]),
        (together(reached=None), "high", ["confirmed", "steady", "held_out"]),
        (together(removed=0.4), "low", ["confirmed", "steady", "held_out", "joint_other_heads"]),
        (together(removed=0.4, every=0.45), "low", ["confirmed", "steady", "held_out", "joint_not_heads"]),
        (together(removed=0.5, every=0.5), "high", ["confirmed", "steady", "held_out"]),
        ({"made": True}, "medium", ["confirmed", "steady", "held_out", "made_partners"]),
        ({"joint": None}, "medium", ["confirmed", "steady", "held_out", "joint_unknown"]),
        ({"confirmed": 0}, "low", ["none_confirmed"]),
        ({"confirmed": 0, "examples": 3}, "low", ["too_few"]),
        ({"state": "not_computed"}, "low", ["untested"]),
        ({"state": "no_difference"}, "none", ["no_difference"]),
        ({"state": "not_computed", "candidates": 0}, "none", ["no_candidates"]),
    ],
)
def test_the_rule_of_trust_and_its_sentence(changes, level, keys):
    confidence = judge_confidence(**GOOD | changes)
    assert confidence.level == level
    assert [reason.key for reason in confidence.reasons] == keys
    manifest = with_confidence(confidence)
    for language in LANGUAGES:
        sentence = confidence_sentence(manifest, language)
        assert sentence.startswith(catalogue(language)["confidence"][level].split("{")[0])
        assert "{" not in sentence
        assert "nan" not in sentence


def with_confidence(confidence: ConfidenceRecord) -> Manifest:
    content = {"model": {"name": "m"}, "stability": {"confidence": confidence.model_dump(mode="json")}}
    return Manifest.model_validate_json(json.dumps(content, allow_nan=False))


def test_the_sentence_gives_the_numbers_and_an_old_run_has_none():
    confidence = judge_confidence(**GOOD | {"jaccard": 0.655})
    sentence = confidence_sentence(with_confidence(confidence), "en")
    assert sentence == (
        "Confidence in this result is medium: 3 of 5 tested heads confirmed on 8 tested texts; on texts left out, "
        "85\u00a0% of the effects hold; drawing the texts anew changes which heads are chosen (mean overlap 66\u00a0%, "
        "at least 80\u00a0% wanted)."
    )
    assert confidence_sentence(Manifest(model=ModelRecord(name="m")), "en") == ""
