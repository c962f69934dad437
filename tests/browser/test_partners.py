"""Made partners in a real Chromium: made at a click, marked in the texts, refused, edited, and in the run."""

from typing import Any

import pytest

from core.examples.reading import read_examples, to_csv
from core.scenarios.loader import load_scenario
from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.browser


def tickets_without_pairs() -> bytes:
    """A file of the sample's texts in which no text has its partner."""
    examples = read_examples(load_scenario("misrouted-tickets").examples_in("en"))
    anomalous, normal = examples.of("anomalous"), examples.of("normal")
    half = len(anomalous) // 2
    texts = [*anomalous[: half + 1], *normal[half - 1 :]]
    return to_csv(examples.with_examples(text.model_copy(update={"pair": ""}) for text in texts))


def opens_the_texts(reader: Reader) -> Any:
    """The examples page with these texts; the panel of partners."""
    page = reader.page
    reader.opens()
    reader.presses("start.own_button")
    reader.title_is("model.title")
    reader.sees(reader.texts["model.parameters"])
    reader.presses("model.next")
    reader.title_is("examples.title")
    page.get_by_role("tab", name=reader.texts["examples.file"]).click()
    content = {"name": "t.csv", "mimeType": "text/csv", "buffer": tickets_without_pairs()}
    page.locator("input[type=file]").set_input_files(content)
    panel = page.locator(".st-key-partners")
    panel.wait_for(timeout=PATIENCE)
    reader.is_settled()
    return panel


def test_partners_are_made_refused_edited_and_used(sit: Sit) -> None:
    reader = sit()
    page, panel = reader.page, opens_the_texts(reader)
    panel.get_by_role("button", name=reader.texts["partners.make"]).click()
    panel.locator("ins").first.wait_for(timeout=PATIENCE)
    reader.is_settled()
    reader.keeps("partners-made")
    refused = panel.locator(".exchange").first.get_attribute("title")
    panel.get_by_role("button", name=reader.texts["partners.refuse"]).first.click()
    panel.locator(".st-key-refused_partners").wait_for(timeout=PATIENCE)
    reader.is_settled()
    assert refused not in {shown.get_attribute("title") for shown in panel.locator(".exchange").all()}
    before = panel.locator(".exchange").first.get_attribute("title")
    assert before
    panel.get_by_role("button", name=reader.texts["partners.edit"]).first.click()
    box = page.locator("[class*=st-key-partner_text_] textarea").first
    box.fill(f"{before} {before}")
    page.get_by_role("button", name=reader.texts["partners.check"]).first.click()
    page.get_by_role("alert").wait_for(timeout=PATIENCE)
    reader.is_settled()
    reader.keeps("partners-not-taken")
    page.keyboard.press("Escape")
    assert before in {shown.get_attribute("title") for shown in panel.locator(".exchange").all()}
    reader.keeps("partners-edited")
    reader.presses("examples.next")
    reader.title_is("analysis.title")
    reader.is_settled()
    reader.presses("analysis.start")
    page.wait_for_url("**run=*", timeout=PATIENCE)
    reader.goes_on_to_the_circuit()
    reader.turns_to("evidence")
    reader.is_settled()
    page.get_by_role("tab", name=reader.texts["evidence.tab_effects"]).click(timeout=PATIENCE)
    reader.sees(reader.texts["trigger_words.title"])
    page.locator(".st-key-trigger_words summary").click()
    page.locator(".st-key-trigger_words ins").first.wait_for(timeout=PATIENCE)
    reader.keeps("partners-evidence")
