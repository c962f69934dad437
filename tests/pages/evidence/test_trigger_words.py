"""The words that make the fault go, on the pages of a run with made partners."""

import pytest

from core.runs.result_reader import saved_examples
from core.runs.run_folder import RunFolder, runs_folder
from core.schema import PartnersRecord
from pages.parts.i18n import LANGUAGES, entries
from tests.pages.conftest import OpenApp, shown
from tests.pages.evidence.conftest import OpenEvidence
from tests.support.made_runs import make_run


def run_with_partners() -> RunFolder:
    """A made run in which the first normal text is said to be made of the first anomalous one."""
    run = make_run(runs_folder(), verdicts=True)
    examples = saved_examples(run)
    of, made = (
        int(examples[examples["label"] == side]["example"].iloc[0]) for side in ("anomalous", "normal")
    )
    exchange = {"position": 1, "old": "invoice", "new": "parcel"}
    partner = {"text": of, "example": made, "exchanges": [exchange], "closes": 0.9}
    run.write_model("partners.json", PartnersRecord.model_validate({"state": "computed", "made": [partner]}))
    return run


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_evidence_names_the_words_and_marks_them_in_the_texts(
    open_evidence: OpenEvidence, language: str
) -> None:
    app = open_evidence("effects", run_with_partners().run_id, language)
    assert not app.exception
    page = shown(app)
    assert entries(language)["trigger_words.title"] in page
    assert "invoice</del>" in page
    assert "parcel</ins>" in page


def test_the_circuit_names_the_word_in_a_line(open_app: OpenApp) -> None:
    app = open_app("circuit", run=run_with_partners().run_id)
    assert not app.exception
    lines = [caption.value for caption in app.caption]
    assert any("The fault goes when “invoice” becomes “parcel” (1 of 1 texts)." in line for line in lines)


def test_runs_without_made_partners_say_nothing_of_words(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_evidence("effects", run.run_id)
    assert entries("en")["trigger_words.title"] not in shown(app)
