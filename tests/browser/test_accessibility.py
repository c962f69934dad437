"""What axe-core finds on a page, and the way without a mouse."""

from typing import Any

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.browser

SERIOUS = ("serious", "critical")
FOCUSED_BUTTON = "document.activeElement.tagName === 'BUTTON' ? document.activeElement.innerText : ''"


def serious(reader: Reader) -> list[str]:
    """Rule, place and help of every serious finding."""
    found: dict[str, Any] = axe.Axe().run(reader.page).response
    return [
        f"{violation['id']}: {node['html'][:300]} — {node.get('failureSummary', '')[:300]}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def test_keyboard_alone_leads_to_the_circuit(sit: Sit, sample_run: str) -> None:
    reader = sit()
    reader.opens()
    press_by_keyboard(reader, reader.texts["start.sample_button"])
    reader.page.locator("[class*='st-key-next_result'] button").wait_for(timeout=PATIENCE)
    press_by_keyboard(reader, reader.texts["result.next"])
    reader.title_is("circuit.title")
    press_by_keyboard(reader, reader.texts["circuit.next"])
    reader.title_is("evidence.title")
    press_by_keyboard(reader, reader.texts["evidence.next"])
    reader.title_is("report.title")
    assert "/report" in reader.page.url and f"run={sample_run}" in reader.page.url


def press_by_keyboard(reader: Reader, name: str, most: int = 120) -> None:
    """Go on with Tab until the button of this name has the focus, and press Enter."""
    reader.is_settled()
    for _ in range(most):
        reader.page.keyboard.press("Tab")
        focused = reader.page.evaluate(FOCUSED_BUTTON)
        if name in focused:
            reader.page.keyboard.press("Enter")
            return
    raise AssertionError(f"no focus on “{name}” within {most} steps")
