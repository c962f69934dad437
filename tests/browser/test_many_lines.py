"""Texts of several lines, pasted by hand in a real Chromium: cut as they were meant, edited, and kept as they stand."""

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE
from tests.browser.test_own_texts import to_the_examples

pytestmark = pytest.mark.browser

SUBJECTS = ("invoice", "parcel", "contract", "order", "account", "refund", "price")


def box(word: str) -> str:
    return "\n\n".join(f"Hello,\nthe {subject} came {word}.\nDepartment:" for subject in SUBJECTS)


def test_seven_tickets_of_three_lines_are_read_as_seven_texts(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    boxes = page.locator("[class*='st-key-paste_'] textarea")
    for place, word in enumerate(("late", "soon")):
        boxes.nth(place).fill(box(word))
        boxes.nth(place).press("Control+Enter")
        reader.is_settled()
    page.locator(".tokens tbody tr").nth(13).wait_for(timeout=PATIENCE)
    assert page.locator(".tokens tr.anomalous").count() == 7
    how = reader.texts["cutting.blank_lines"]
    reader.sees(reader.texts["cutting.texts.other"].format(count=14, how=how))
    reader.keeps("many-lines")
    page.get_by_role("button", name=reader.texts["cutting.to_lines.other"].format(count=42)).click()
    reader.sees(reader.texts["cutting.texts.other"].format(count=42, how=reader.texts["cutting.lines"]))
    page.get_by_role("button", name=reader.texts["cutting.to_blank_lines.other"].format(count=14)).click()
    page.locator(".tokens tbody tr").nth(13).wait_for(timeout=PATIENCE)
    assert page.locator(".tokens tbody tr").count() == 14
    assert boxes.nth(0).input_value() == box("late")
    boxes.nth(0).press("Control+End")
    page.keyboard.type(" please", delay=20)
    page.locator(".pill", has_text="7").first.wait_for(timeout=PATIENCE)
    page.locator(".tokens tr.anomalous", has_text="please").wait_for(timeout=PATIENCE)
    assert page.locator(".tokens tbody tr").count() == 14


def test_ends_that_belong_to_a_prompt_are_kept_and_seen(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    boxes = page.locator("[class*='st-key-paste_'] textarea")
    for place, word in enumerate(("late", "soon")):
        boxes.nth(place).fill("\n".join(f"the {subject} came {word}: " for subject in SUBJECTS[:3]))
        boxes.nth(place).press("Control+Enter")
        reader.is_settled()
    page.locator(".tokens tbody tr").nth(5).wait_for(timeout=PATIENCE)
    assert "␣" not in page.locator(".tokens tbody").inner_text()
    page.get_by_role("button", name=reader.texts["cutting.more"]).click()
    page.get_by_text(reader.texts["cutting.keep_ends"]).click()
    page.locator(".tokens tbody tr", has_text="␣").nth(5).wait_for(timeout=PATIENCE)
