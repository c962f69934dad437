"""Somebody with fourteen tickets of three lines: a reload, another tab, the sample, a new server, one wrong label.

Nothing that was typed is lost, and the ticket on the wrong side is named.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from core.scenarios.build.tickets import pairs
from tests.browser.conftest import LOCALES
from tests.browser.reader import PATIENCE, Reader
from tests.browser.test_own_texts import to_the_examples
from tests.support.server import dashboard

pytestmark = pytest.mark.browser
SEED = 77
"""Of tickets on which the bundled model does as the labels say, in three lines as well as in one."""
BOXES = "[class*='st-key-paste_'] textarea"
MISLABELLED = 3  # Place among the normal tickets


def in_three_lines(ticket: str) -> str:
    """Greeting, matter, and the department that is due, each on a line of its own."""
    first, *matter, last = re.split(r"(?<=[.!?]) ", ticket)
    return "\n".join((first, " ".join(matter), last))


def tickets() -> tuple[list[str], list[str]]:
    """Seven anomalous and seven normal tickets; one of the normal ones belongs to the other side."""
    drawn = list(pairs(8, SEED, "en"))
    anomalous = [in_three_lines(pair.anomalous) for pair in drawn[:7]]
    normal = [in_three_lines(pair.normal) for pair in drawn[:7]]
    normal[MISLABELLED] = in_three_lines(drawn[7].anomalous)
    assert all(ticket.count("\n") == 2 for ticket in anomalous + normal)
    return anomalous, normal


def fill(reader: Reader, side: int, texts: list[str]) -> None:
    """Paste into a box, an empty line between two texts."""
    reader.page.locator(BOXES).nth(side).fill("\n\n".join(texts))
    reader.page.locator(BOXES).nth(side).press("Control+Enter")
    reader.is_settled()


def held(reader: Reader) -> list[str]:
    """What stands in the two boxes, once they are drawn."""
    reader.title_is("examples.title")
    reader.is_settled()
    return [reader.page.locator(BOXES).nth(side).input_value() for side in (0, 1)]


def new_tab(context: Any, port: int) -> Reader:
    return Reader(context.new_page(), "en", f"http://127.0.0.1:{port}")


def test_fourteen_tickets_of_three_lines_are_never_lost(browser: Any, tmp_path: Path) -> None:
    anomalous, normal = tickets()
    typed = ["\n\n".join(anomalous), "\n\n".join(normal)]
    context = browser.new_context(locale=LOCALES["en"], viewport={"width": 1280, "height": 900})
    with dashboard(tmp_path) as port:
        reader = new_tab(context, port)
        to_the_examples(reader)
        fill(reader, 0, anomalous[:4])
        reader.page.reload()
        assert held(reader) == ["\n\n".join(anomalous[:4]), ""]
        fill(reader, 0, anomalous)
        fill(reader, 1, normal)
        reader.page.locator(".tokens tbody tr").nth(13).wait_for(timeout=PATIENCE)
        assert reader.page.locator(".tokens tr.anomalous").count() == 7

        other = new_tab(context, port)
        other.opens("examples")
        assert held(other) == typed

        reader.turns_to("start")
        reader.presses("start.sample_button")
        reader.title_is("analysis.title")
        reader.turns_to("examples")
        reader.presses("kept.back")
        assert held(reader) == typed
        assert "run=" not in reader.page.url
        assert [*reader.complaints, *other.complaints] == []
        for tab in (reader, other):
            tab.page.close()

    with dashboard(tmp_path) as port:
        reader = new_tab(context, port)
        reader.opens("examples")
        assert held(reader) == typed
        names_the_wrong_one_and_moves_it(reader)
        moved = ["\n\n".join(anomalous), "\n\n".join(normal[:MISLABELLED] + normal[MISLABELLED + 1 :])]
        boxes = held(reader)
        assert boxes[1] == moved[1]
        assert sorted(boxes[0].split("\n\n")) == sorted([*anomalous, normal[MISLABELLED]])
        reader.page.reload()
        assert held(reader) == boxes
        assert reader.complaints == []
    context.close()


def names_the_wrong_one_and_moves_it(reader: Reader) -> None:
    """The checks tell the one ticket that the model reads as those of the other side; one click moves it."""
    checks = reader.page.locator(".st-key-text_checks")
    named = checks.get_by_text(re.compile("is labelled normal, but the model says “.*Legal"))
    named.first.wait_for(timeout=PATIENCE)
    assert named.count() == 1
    reader.presses("text_check.move_anomalous")
    named.first.wait_for(state="detached", timeout=PATIENCE)
    reader.page.locator(".tokens tr.anomalous").nth(7).wait_for(timeout=PATIENCE)
    assert reader.page.locator(".tokens tr.anomalous").count() == 8
