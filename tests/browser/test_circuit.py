"""The circuit page by mouse, keyboard and link: a head and an edge are opened, and the link shows the same again."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser

PICTURE = "[data-testid=stVegaLiteChart]"


def said(reader: Reader) -> dict[str, str]:
    """What the address tells beside run and language."""
    parts = parse_qs(urlsplit(reader.page.url).query)
    return {name: values[0] for name, values in parts.items() if name not in ("run", "lang")}


def click_edge(reader: Reader) -> None:
    """Click the middle of an edge of the picture."""
    line = reader.page.locator(f"{PICTURE} g.mark-line path").last
    middle = line.evaluate(MIDDLE)
    reader.page.mouse.click(middle["x"], middle["y"])


MIDDLE = """path => {
  const point = path.getPointAtLength(path.getTotalLength() / 2), place = path.getScreenCTM();
  return new DOMPoint(point.x, point.y).matrixTransform(place).toJSON();
}"""


def test_click_opens_a_head_and_an_edge_and_the_link_shows_them_again(sit: Sit, sample_run: str) -> None:
    reader = sit()
    reader.page.goto(f"{reader.address}/circuit?run={sample_run}&view=grid")
    reader.is_settled()
    drawn = reader.page.locator(f"{PICTURE} path[aria-label^=L]").last
    head = (drawn.get_attribute("aria-label") or "").split(",")[0]
    drawn.click()
    reader.page.wait_for_url(f"**head={head}&picked=1**", timeout=PATIENCE)
    reader.is_settled()
    box = reader.page.get_by_role("combobox", name=reader.texts["circuit.head"]).first
    assert box.input_value().startswith(head)
    click_edge(reader)
    reader.page.wait_for_url("**edge=L**", timeout=PATIENCE)
    reader.is_settled()
    view = said(reader)
    source, target = view["edge"].split("-")
    assert (view["panel"], view["picked"]) == ("edge", "1")
    link = reader.page.url
    other = sit()
    other.page.goto(link)
    other.title_is("circuit.title")
    other.is_settled()
    edge = other.page.get_by_role("combobox", name=other.texts["edge.edge"]).first
    assert edge.input_value() == f"{source} → {target}"
    assert said(other) == view


def test_search_by_keyboard_brings_out_a_head(sit: Sit, sample_run: str) -> None:
    reader = sit("ja")
    reader.opens("circuit", run=sample_run)
    reader.is_settled()
    box = reader.page.get_by_placeholder(reader.texts["circuit.search"])
    box.fill("Ｌ０Ｈ０")
    box.press("Enter")
    reader.page.wait_for_url("**head=L0H0**", timeout=PATIENCE)
    reader.is_settled()
    assert said(reader)["picked"] == "1"


def test_picture_lights_paths_opens_a_head_and_is_presented_step_by_step(sit: Sit, sample_run: str) -> None:
    reader = sit("en")
    reader.opens("circuit", run=sample_run)
    page = reader.page
    unit = page.locator(".story [data-kind=unit]").first
    unit.wait_for(timeout=PATIENCE)
    reader.is_settled()
    unit.hover()
    assert page.locator(".story .lit").count() > 1, "the unit and its lines"
    page.mouse.move(0, 0)
    assert page.locator(".story .lit").count() == 0
    unit.focus()
    unit.press("Enter")
    page.wait_for_url(f"**head={unit.get_attribute('data-name')}&picked=1**", timeout=PATIENCE)
    reader.is_settled()
    page.locator(".story button").click()
    stage = page.locator(".story dialog")
    assert stage.get_attribute("data-at") == "0"
    assert not stage.locator("[data-kind=unit]").first.is_visible()
    page.keyboard.press("ArrowRight")
    assert stage.locator("[data-kind=unit][data-step='1']").first.is_visible()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    off = [one.get_attribute("data-name") or "" for one in stage.locator(".off[data-kind=unit]").all()]
    told = stage.locator("p").inner_text()
    assert off and all(name in told for name in off), "what is switched off fades, and is named"
    assert len(off) < stage.locator("[data-kind=unit]").count(), "and nothing else does"
    stage.locator("button").click()
    assert serious(reader) == []
    stage.wait_for(state="detached", timeout=PATIENCE)


def test_paper_shows_every_column_and_nothing_to_press(sit: Sit, sample_run: str) -> None:
    reader = sit(width=690)  # A4 without its margins
    page = reader.page
    reader.opens("circuit", run=sample_run)
    reader.is_settled()
    table = page.locator(".print-only table")
    assert not table.is_visible()
    page.emulate_media(media="print")
    table.wait_for(timeout=PATIENCE)
    headings = table.locator("th").all_inner_texts()
    shown = ("name", "effect", "verdict", "score", "interval", "frequency", "p_value", "q_value")
    assert {reader.texts[f"column.{column}"] for column in shown} <= set(headings)
    assert headings[:3] == [reader.texts[f"column.{column}"] for column in shown[:3]]
    edge = table.bounding_box()
    assert edge["x"] >= 0 and edge["x"] + edge["width"] <= 690
    for pressed in ("stSidebar", "stDataFrame", "stButton", "stCheckbox", "stSelectbox", "stButtonGroup"):
        assert not [one for one in page.get_by_test_id(pressed).all() if one.is_visible()], pressed


def test_phone_has_the_language_beside_the_menu_and_a_picture_to_read(sit: Sit, sample_run: str) -> None:
    reader = sit("ja", width=390, height=844)
    page = reader.page
    reader.opens("circuit", run=sample_run)
    reader.is_settled()
    english = page.get_by_text("EN", exact=True).first
    assert english.bounding_box()["y"] < page.locator("h1").bounding_box()["y"]
    assert page.locator("h1").evaluate("title => title.scrollWidth <= title.clientWidth")
    picture = page.locator(".story > svg")
    assert picture.bounding_box()["width"] >= 600
    assert picture.evaluate("drawn => drawn.parentElement.scrollWidth > drawn.parentElement.clientWidth")
    english.click(timeout=PATIENCE)
    page.locator("h1", has_text=Reader(page, "en", reader.address).texts["circuit.title"]).wait_for(
        timeout=PATIENCE
    )
