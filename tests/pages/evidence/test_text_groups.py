"""Groups of texts on the evidence page: the sentence, the order of the picture, and a group as a draft of its own."""

import pytest

from core.runs.run_folder import RunFolder, runs_folder
from core.schema import TextGroup, TextGroups
from pages.parts.evidence.text_groups import order
from pages.parts.i18n import LANGUAGES, entries
from tests.pages.conftest import shown
from tests.pages.evidence.conftest import OpenEvidence
from tests.support.made_runs import make_run

FOUND = TextGroups(
    state="several",
    groups=(TextGroup(texts=(0, 4, 2), heads=("L0H1",)), TextGroup(texts=(6,), heads=("L2H3",))),
    unplaced=(8,),
    heads=4,
    separation=0.9,
    wanted=0.7,
)


def run_with(found: TextGroups) -> RunFolder:
    run = make_run(runs_folder(), verdicts=True)
    run.write_model("manifest.json", run.manifest().model_copy(update={"groups": found}))
    return run


def test_picture_goes_group_by_group():
    assert order(FOUND) == [1, 5, 3, 7, 9]
    assert order(TextGroups(state="one")) == []
    assert order(None) == []


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_groups_are_told_with_a_button_each(open_evidence: OpenEvidence, language: str) -> None:
    app = open_evidence("effects", run_with(FOUND).run_id, language)
    assert not app.exception
    page = shown(app)
    assert "L0H1" in page
    assert ("1, 5, 3" if language == "en" else "1、5、3") in page
    assert not app.button(key="group_alone_1").disabled
    assert app.button(key="group_alone_2").disabled
    assert entries(language)["text_groups.alone"].format(texts="7") == app.button(key="group_alone_2").label


def test_one_mechanism_has_no_buttons(open_evidence: OpenEvidence) -> None:
    app = open_evidence("effects", run_with(TextGroups(state="one", heads=4)).run_id)
    assert "One mechanism" in shown(app)
    assert not any(str(button.key).startswith("group_alone") for button in app.button)


def test_a_group_opens_as_a_draft_with_the_normal_texts(open_evidence: OpenEvidence) -> None:
    run = run_with(FOUND)
    whole = run.config().examples
    app = open_evidence("effects", run.run_id)
    app.button(key="group_alone_1").click().run()
    assert not app.exception
    draft = app.session_state["draft"]
    assert draft.examples.texts("anomalous") == [whole.examples[place].text for place in (0, 2, 4)]
    assert draft.examples.texts("normal") == whole.texts("normal")
    assert app.session_state["run_id"] == ""
    assert run.config().examples == whole
    draft.examples.check()
