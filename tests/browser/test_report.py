"""The report on paper: the page without what is not read, and report.html without a network."""

import io
import zipfile
from pathlib import Path

import pytest

from core.text import LANGUAGES, text
from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE

A4_WIDTH = 794
"""Pixels of a page at 96 a inch."""
MARGIN = 61
"""Pixels of 16 mm, the margin of a printed page."""
PAGE_MARGIN = 53
"""Pixels of 14 mm, the margin that the dashboard prints with."""
NOT_PRINTED = ("stSidebar", "stDownloadButton", "stExpander", "stButtonGroup")


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_page_prints_what_is_read_and_nothing_else(sit: Sit, sample_run: str, language: str) -> None:
    reader = sit(language, dark=language == "ja")
    reader.opens("report", run=sample_run)
    reader.is_settled()

    def visible() -> list[str]:
        return [kind for kind in NOT_PRINTED if reader.page.locator(f"[data-testid={kind}]:visible").count()]

    for kind in NOT_PRINTED:
        reader.page.locator(f"[data-testid={kind}]:visible").first.wait_for(timeout=PATIENCE)
    reader.page.set_viewport_size({"width": A4_WIDTH, "height": 1123})
    reader.page.emulate_media(media="print")
    assert visible() == []
    for key in ("page_one.trust", "page_one.recommendation", "page_one.price_title"):
        assert reader.page.get_by_text(text(language, key), exact=True).first.is_visible()
    assert reader.page.locator(".st-key-report_text").bounding_box()["width"] > 0.9 * A4_WIDTH
    # page one ends with a line to sign by hand, on the first sheet, dark on white under either theme
    assert not reader.page.locator(".st-key-sign_form").is_visible()
    reader.page.set_viewport_size({"width": A4_WIDTH - 2 * PAGE_MARGIN, "height": 1123})
    line = reader.page.locator(".sign-here").bounding_box()
    assert line["y"] + line["height"] <= 1123 - 2 * PAGE_MARGIN
    colours = "style => [style.backgroundColor, style.color]"
    ground = reader.page.locator(".stApp").evaluate(f"part => ({colours})(getComputedStyle(part))")
    assert ground == ["rgb(255, 255, 255)", "rgb(31, 41, 55)"]
    assert reader.page.locator("img.told-way:visible").count() == 1
    # The page grows with its content: nothing scrolls inside, so that every sheet is printed.
    assert reader.page.evaluate("document.documentElement.scrollHeight") > 1123


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_file_reads_and_prints_without_a_network(
    sit: Sit, sample_run: str, language: str, tmp_path: Path
) -> None:
    reader = sit(language)
    reader.opens("report", run=sample_run)
    archive = zipfile.ZipFile(io.BytesIO(reader.downloads(reader.texts["report.all"])))
    name = next(name for name in archive.namelist() if name.endswith("report.html"))
    file = tmp_path / "report.html"
    file.write_bytes(archive.read(name))
    reader.page.context.set_offline(True)
    asked = []
    reader.page.on("request", lambda request: asked.append(request.url))
    reader.page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    main = reader.page.locator("main:visible")
    assert main.count() == 1
    assert main.get_attribute("lang") == language
    reader.page.set_viewport_size({"width": A4_WIDTH - 2 * MARGIN, "height": 1123})
    reader.page.emulate_media(media="print")
    # page one fits on one sheet
    height = reader.page.locator("section.first").evaluate("part => part.getBoundingClientRect().height")
    assert height <= 1123 - 2 * MARGIN
    tables = reader.page.locator("main:visible :is(table, svg)")
    boxes = [tables.nth(place).bounding_box() for place in range(tables.count())]
    assert len(boxes) > 4
    assert max(box["x"] + box["width"] for box in boxes) <= A4_WIDTH - 2 * MARGIN
    reader.page.context.set_offline(False)
