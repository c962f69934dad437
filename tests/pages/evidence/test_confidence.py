"""How far to trust a run, on the evidence page."""

import math

import pytest

from core.analysis.confidence import judge_confidence
from core.report.sentences.confidence import confidence_sentence
from core.runs.run_folder import runs_folder
from core.schema import JointRecord
from pages.parts.data.results import load
from pages.parts.evidence import confidence
from pages.parts.i18n import LANGUAGES, entries, text
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def judged(**changes: float) -> dict[str, object]:
    """What the manifest says of a run whose every number is fine but those that are changed."""
    numbers = {"jaccard": 0.9, "held_out": 0.9, "diversity": 0.9} | changes
    joint = JointRecord(heads=("L0H1",), texts=8, removed=0.8, gone=8, every=0.9, alone=0.8)
    about = {"state": "computed", "candidates": 4, "tested": 4, "confirmed": 3, "examples": 8, "joint": joint}
    verdict = judge_confidence(**about, **numbers)
    shown = {name: None if math.isnan(value) else value for name, value in numbers.items()}
    return {
        **shown,
        "members_overlap": 0.5,
        "mirror_overlap": 0.25,
        "confidence": verdict.model_dump(mode="json"),
    }


def judged_run(**changes: float):
    run = make_run(runs_folder(), verdicts=True)
    about = {"examples": 8, "smallest_p": 0.0078125}
    run.write_json(
        "manifest.json",
        {**run.read_json("manifest.json"), "stability": judged(**changes), "evidence_about": about},
    )
    return run


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "high"),
        ({"jaccard": 0.6}, "medium"),
        ({"jaccard": 0.6, "held_out": 0.2, "diversity": math.nan}, "low"),
    ],
)
def test_level_stands_on_the_page_and_in_the_report(
    open_app: OpenApp, language: str, changes: dict[str, float], level: str
) -> None:
    run = judged_run(**changes)
    page = open_app("evidence", language, run=run.run_id)
    assert entries(language)[f"confidence.{level}"] in shown(page)
    sentence = text(language, "confidence.title")
    assert sentence in shown(page)
    report = shown(open_app("report", language, run=run.run_id))
    words = confidence_sentence(run.manifest(), language)
    assert words.split(":")[0] in report.replace("\\", "")


def test_older_run_says_that_this_was_not_measured(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    assert entries("en")["confidence.not_measured"] in shown(open_app("evidence", run=run.run_id))


def test_lines_say_what_is_reached(open_app: OpenApp) -> None:
    manifest = load(judged_run(jaccard=0.6, held_out=math.nan)).manifest
    rows = {line.key: line for line in confidence.lines(manifest.stability, manifest.evidence_about)}
    assert (rows["examples"].value, rows["examples"].met) == ("8", True)
    assert rows["jaccard"].met is False and rows["jaccard"].value.startswith("60")
    assert (rows["held_out"].value, rows["held_out"].met) == ("–", None)
    assert rows["members_overlap"].met is None and rows["members_overlap"].wanted == ""
    assert rows["smallest_p"].value == "0.0078"
