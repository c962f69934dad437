"""Typing in the boxes of the examples: checked while one types, and nothing of it is lost."""

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE
from tests.browser.test_own_texts import to_the_examples

pytestmark = pytest.mark.browser


def test_boxes_are_checked_while_one_types_and_keep_every_letter(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    box = page.locator("[class*='st-key-paste_'] textarea").nth(0)
    box.click()
    page.keyboard.type("The red shop\nThe red", delay=20)
    page.locator(".pill", has_text="anomalous2").wait_for(timeout=PATIENCE)
    page.keyboard.type(" depot\nThe red office", delay=60)
    page.locator(".pill", has_text="anomalous3").wait_for(timeout=PATIENCE)
    assert box.input_value() == "The red shop\nThe red depot\nThe red office"
    assert box.evaluate("box => box === document.activeElement")


def test_word_that_an_input_method_composes_is_left_alone(sit: Sit) -> None:
    reader = sit("ja")
    to_the_examples(reader)
    page = reader.page
    box = page.locator("[class*='st-key-paste_'] textarea").nth(0)
    box.click()
    page.keyboard.type("a\nb", delay=20)
    page.locator(".pill", has_text="異常例2").wait_for(timeout=PATIENCE)
    composer = page.context.new_cdp_session(page)
    page.keyboard.type("\n")
    page.locator(".pill", has_text="異常例2").wait_for(timeout=PATIENCE)
    composer.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    page.wait_for_timeout(2000)
    assert page.locator(".pill", has_text="異常例2").count() == 1
    composer.send("Input.insertText", {"text": "日本"})
    page.locator(".pill", has_text="異常例3").wait_for(timeout=PATIENCE)
    assert box.input_value() == "a\nb\n日本"


TYPE_AND_RELOAD = """(box, typed) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, typed);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  location.reload();
}"""
"""So that nothing can be handed on between the last letter and the reload."""


def test_reload_in_the_middle_of_a_word_loses_no_letter(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    box = page.locator("[class*='st-key-paste_'] textarea").nth(0)
    with page.expect_navigation():
        box.evaluate(TYPE_AND_RELOAD, "The red shop\nThe red de")
    page.locator(".pill", has_text="anomalous2").wait_for(timeout=PATIENCE)
    reader.is_settled()
    assert box.input_value() == "The red shop\nThe red de"
    box.press("Control+End")
    page.keyboard.type("pot", delay=20)
    page.locator(".pill", has_text="anomalous2").wait_for(timeout=PATIENCE)
    box.press("Control+Enter")
    reader.is_settled()
    page.reload()
    reader.is_settled()
    assert box.input_value() == "The red shop\nThe red depot"


def test_what_was_handed_on_is_not_put_back_over_what_came_after(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    box = page.locator("[class*='st-key-paste_'] textarea").nth(0)
    box.fill("first")
    box.press("Control+Enter")
    page.locator(".pill", has_text="anomalous1").wait_for(timeout=PATIENCE)
    page.wait_for_function("Object.keys(sessionStorage).every(key => !key.startsWith('headlight-typed-'))")
    page.reload()
    reader.is_settled()
    assert box.input_value() == "first"
