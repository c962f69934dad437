"""Addresses, links and the browser's history: they lead where they say, and Back shows what was there before."""

import pytest

from core.scenarios.build.tickets import pairs
from pages.parts import shell
from pages.parts.i18n import entries
from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader
from tests.browser.test_own_texts import SEED, paste, to_the_examples

pytestmark = pytest.mark.browser
BOXES = "[class*='st-key-paste_'] textarea"


@pytest.mark.parametrize(("former", "page"), shell.FORMER_ADDRESSES.items())
def test_former_address_opens_the_page(sit: Sit, sample_run: str, former: str, page: str) -> None:
    reader = sit("ja")
    reader.page.goto(f"{reader.address}/{former}?run={sample_run}")
    reader.title_is(f"{page}.title")
    reader.is_settled()
    assert reader.run_id() == sample_run
    assert f"/{former}" not in reader.page.url


def test_wrong_address_is_told_in_the_readers_language(sit: Sit) -> None:
    reader = sit("ja")
    reader.page.goto(f"{reader.address}/modle")
    reader.title_is("missing.title")
    reader.sees("/modle")
    reader.page.get_by_role("button", name=reader.texts["start.name"]).click(timeout=PATIENCE)
    reader.title_is("start.title")
    reader.goes_back()
    reader.title_is("missing.title")
    assert reader.page.locator("h1").all_inner_texts() == [reader.texts["missing.title"]]


def test_link_opens_in_the_language_of_whoever_follows_it(sit: Sit, sample_run: str) -> None:
    sender, receiver = sit("ja"), sit("en")
    sender.opens("circuit", run=sample_run)
    sender.is_settled()
    assert "lang" not in sender.page.url
    receiver.page.goto(sender.page.url)
    receiver.title_is("circuit.title")
    receiver.page.goto(f"{receiver.address}/circuit?lang=ja&run={sample_run}")
    receiver.title_is("circuit.title")
    assert receiver.run_id() == sample_run


def test_chosen_language_is_remembered_by_the_browser(sit: Sit, sample_run: str) -> None:
    reader = sit("en")
    reader.opens()
    reader.page.get_by_text("日本語", exact=True).first.click(timeout=PATIENCE)
    japanese = Reader(reader.page, "ja", reader.address)
    japanese.title_is("start.title")
    japanese.is_settled()
    reader.page.goto(f"{reader.address}/circuit?lang=en&run={sample_run}")
    japanese.title_is("circuit.title")
    other_tab = Reader(reader.page.context.new_page(), "ja", reader.address)
    other_tab.opens("guide")
    assert other_tab.texts["guide.title"] != entries("en")["guide.title"]


def test_back_and_forward_show_the_pages_with_what_stood_there(sit: Sit) -> None:
    drawn = list(pairs(4, SEED + 7, "en"))
    reader = sit()
    page = reader.page
    to_the_examples(reader)
    paste(reader, [pair.anomalous for pair in drawn], [pair.normal for pair in drawn])
    typed = [page.locator(BOXES).nth(place).input_value() for place in (0, 1)]
    reader.presses("examples.next")
    reader.title_is("analysis.title")
    reader.presses("analysis.start")
    page.wait_for_url("**run=*", timeout=PATIENCE)
    run = reader.run_id()
    reader.goes_on_to_the_circuit()
    for title in ("result", "analysis", "examples"):
        reader.goes_back()
        reader.title_is(f"{title}.title")
    reader.is_settled()
    assert [page.locator(BOXES).nth(place).input_value() for place in (0, 1)] == typed
    for title in ("model", "start"):
        reader.goes_back()
        reader.title_is(f"{title}.title")
    for title in ("model", "examples", "analysis", "result"):
        reader.goes_on()
        reader.title_is(f"{title}.title")
    reader.goes_on()
    reader.title_is("circuit.title")
    reader.is_settled()
    assert reader.run_id() == run


def test_choices_on_the_circuit_page_are_no_steps_of_the_history(sit: Sit, sample_run: str) -> None:
    reader = sit()
    page = reader.page
    reader.opens("runs")
    reader.opens("circuit", run=sample_run)
    reader.is_settled()
    steps = page.evaluate("history.length")
    for view in ("grid", "flow", "grid"):
        page.get_by_text(reader.texts[f"circuit.{view}"], exact=True).first.click(timeout=PATIENCE)
        reader.is_settled()
    assert "view=grid" in page.url
    assert page.evaluate("history.length") == steps
    reader.turns_to("evidence")
    reader.is_settled()
    assert page.evaluate("history.length") == steps + 1
    reader.goes_back()
    reader.title_is("circuit.title")
    assert "view=grid" in page.url
    reader.goes_back()
    reader.title_is("runs.title")


def test_one_back_leaves_the_circuit_after_heads_were_opened(sit: Sit, sample_run: str) -> None:
    reader = sit()
    page = reader.page
    reader.opens("runs")
    reader.opens("circuit", run=sample_run)
    reader.is_settled()
    heads = page.locator(".story svg [data-kind=unit]")
    opened = set()
    for place in (0, 1):
        heads.nth(place).click(timeout=PATIENCE)
        page.wait_for_url(f"**head={heads.nth(place).get_attribute('data-name')}*", timeout=PATIENCE)
        reader.is_settled()
        opened.add(page.url)
    assert len(opened) == 2
    reader.goes_back()
    reader.title_is("runs.title")


def test_one_back_leaves_an_address_that_was_put_right(sit: Sit) -> None:
    """What the first drawing writes into the address comes before the page's script: Back must not stop there."""
    reader = sit()
    reader.opens("runs")
    reader.opens("evidence", run="20200101-000000-nothing")
    reader.is_settled()
    assert "run=" not in reader.page.url
    reader.goes_back()
    reader.title_is("runs.title")


@pytest.mark.parametrize("clipboard", [True, False])
def test_one_click_copies_the_link_without_a_language(sit: Sit, sample_run: str, clipboard: bool) -> None:
    """Over plain http a browser gives no `navigator.clipboard`; the link is copied the older way."""
    reader = sit("ja")
    page = reader.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not clipboard:
        page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('none'))")
    reader.opens("circuit", run=sample_run, lang="en")
    reader.is_settled()
    page.locator("button.copy-link").click(timeout=PATIENCE)
    page.locator("button.copy-link", has_text=reader.texts["shell.copied"]).wait_for(timeout=PATIENCE)
    assert page.evaluate("navigator.clipboard.readText()") == f"{reader.address}/circuit?run={sample_run}"
    page.locator("button.copy-link", has_text=reader.texts["shell.copy"]).wait_for(timeout=PATIENCE)


def test_back_from_the_sample_has_own_texts_again(sit: Sit, sample_run: str) -> None:
    reader = sit()
    page = reader.page
    to_the_examples(reader)
    paste(reader, ["one two three", "four"], ["five"])
    reader.turns_to("start")
    reader.presses("start.sample_button")
    reader.title_is("result.title")
    reader.is_settled()
    assert reader.run_id() == sample_run
    reader.turns_to("examples")
    reader.sees(reader.texts["kept.back"])
    for title in ("result", "start", "examples"):
        reader.goes_back()
        reader.title_is(f"{title}.title")
    reader.is_settled()
    assert page.locator(BOXES).nth(0).input_value() == "one two three\nfour"
    assert "run=" not in page.url
    for title in ("start", "result"):
        reader.goes_on()
        reader.title_is(f"{title}.title")
    reader.is_settled()
    assert reader.run_id() == sample_run
