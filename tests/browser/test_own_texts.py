"""One's own texts in a real Chromium: pasted, from a file, and all that a hand can do to a run at work."""

from pathlib import Path
from typing import get_args

import pytest

from core.scenarios.build.tickets import Language, pairs
from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.browser
SEED = 4242
"""Of tickets that no bundled file holds."""


def to_the_examples(reader: Reader) -> None:
    """From the start page past the bundled model that is offered first."""
    reader.opens()
    reader.presses("start.own_button")
    reader.title_is("model.title")
    reader.sees(reader.texts["model.parameters"])
    reader.presses("model.next")
    reader.title_is("examples.title")


def paste(reader: Reader, anomalous: list[str], normal: list[str]) -> None:
    """Fill the two boxes as one does by hand: paste, and go on."""
    boxes = reader.page.locator("[class*='st-key-paste_'] textarea")
    for box, lines in ((boxes.nth(0), anomalous), (boxes.nth(1), normal)):
        box.fill("\n".join(lines))
        box.press("Control+Enter")
        reader.is_settled()


@pytest.mark.parametrize("language", get_args(Language))
def test_six_and_six_pasted_texts_become_a_circuit(sit: Sit, language: str) -> None:
    drawn = list(pairs(6, SEED, language))
    reader = sit(language)
    page = reader.page
    to_the_examples(reader)
    paste(reader, [pair.anomalous for pair in drawn], [pair.normal for pair in drawn])
    page.locator(".tokens tbody tr").nth(11).wait_for(timeout=PATIENCE)
    reader.keeps("own-texts")
    assert page.locator(".tokens tr.anomalous").count() == 6
    reader.presses("examples.next")
    reader.title_is("analysis.title")
    reader.presses("analysis.start")
    page.wait_for_url("**run=*", timeout=PATIENCE)
    page.reload()
    reader.goes_on_to_the_circuit()
    page.locator(".story svg").first.wait_for(timeout=PATIENCE)
    reader.keeps("own-circuit")
    reader.presses("circuit.next")
    reader.title_is("evidence.title")
    reader.presses("evidence.next")
    reader.title_is("report.title")
    assert reader.downloads(reader.texts["report.all"]).startswith(b"PK")


def test_shift_jis_file_becomes_a_preview(sit: Sit, tmp_path: Path) -> None:
    lines = ["label,text"]
    lines += [f"異常,請求書{number}が届きません" for number in "一二三"]
    lines += [f"正常,明細書{number}が届きません" for number in "一二三"]
    file = tmp_path / "examples.csv"
    file.write_bytes("\n".join(lines).encode("cp932"))
    reader = sit("ja")
    to_the_examples(reader)
    reader.page.get_by_role("tab", name=reader.texts["examples.file"]).click(timeout=PATIENCE)
    reader.page.locator("input[type=file]").set_input_files(file)
    reader.page.locator(".tokens").first.wait_for(timeout=PATIENCE)
    assert reader.page.locator(".tokens tbody tr").count() == 6
    assert reader.page.locator(".tokens tr.anomalous").count() == 3


def test_typing_after_a_file_keeps_its_pairs(sit: Sit, tmp_path: Path) -> None:
    lines = ["label,text,pair,expected,actual"]
    for number in (1, 2, 3):
        lines += [
            f"anomalous,red {number} ,{number},Billing,Legal",
            f"normal,blue {number},{number},Billing,",
        ]
    file = tmp_path / "examples.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    reader = sit()
    to_the_examples(reader)
    page = reader.page
    page.get_by_role("tab", name=reader.texts["examples.file"]).click(timeout=PATIENCE)
    page.locator("input[type=file]").set_input_files(file)
    page.locator(".tokens tbody tr").nth(5).wait_for(timeout=PATIENCE)
    page.get_by_role("tab", name=reader.texts["examples.paste"]).click(timeout=PATIENCE)
    box = page.locator("[class*='st-key-paste_'] textarea").nth(0)
    box.press("Control+End")
    page.keyboard.type("x", delay=20)
    page.locator(".tokens", has_text="3x").wait_for(timeout=PATIENCE)
    page.get_by_role("tab", name=reader.texts["examples.file"]).click(timeout=PATIENCE)
    content = reader.downloads(reader.texts["examples.download"]).decode("utf-8-sig")
    rows = [row.split(",") for row in content.splitlines()[1:]]
    assert [(row[2], row[3]) for row in rows] == [("1", "Billing"), ("2", "Billing"), ("3", "Billing")] * 2
    assert [row[1] for row in rows[:3]] == ["red 1", "red 2", "red 3x"]


def test_markup_emoji_and_right_to_left_text_are_shown_as_they_stand(sit: Sit) -> None:
    anomalous = [
        "<img src=x onerror=alert(1)> Department:",
        "**bold** [link](http://x.invalid) 😀",
        "مرحبا بالعالم",
    ]
    normal = ["<b>plain</b> Department:", "# title 😀 $x^2$", "שלום עולם"]
    reader = sit()
    to_the_examples(reader)
    paste(reader, anomalous, normal)
    reader.page.locator(".tokens tbody tr").nth(5).wait_for(timeout=PATIENCE)
    shown = reader.page.locator(".tokens tbody").inner_text()
    assert "<" in shown and "**" in shown.replace(" ", "") and "😀" in shown
    assert reader.page.locator(".tokens img, .tokens a, .tokens tbody td.running b").count() == 0


def test_two_edits_in_a_row_are_both_kept(sit: Sit) -> None:
    reader = sit()
    to_the_examples(reader)
    paste(reader, ["one two three"] * 1, ["one two four"])
    paste(reader, ["one two three", "one five three"], ["one two four", "one five four"])
    paste(reader, ["one two three", "one five three", "six"], ["one two four", "one five four", "seven"])
    reader.page.locator(".tokens tbody tr").nth(5).wait_for(timeout=PATIENCE)
    boxes = reader.page.locator("[class*='st-key-paste_'] textarea")
    assert boxes.nth(0).input_value() == "one two three\none five three\nsix"
    assert boxes.nth(1).input_value() == "one two four\none five four\nseven"


def ask_for_a_long_run(reader: Reader) -> None:
    """Choose autoencoders that train for minutes, so that the run is still at work whenever somebody looks."""
    reader.page.get_by_text(reader.texts["settings.title"]).first.click(timeout=PATIENCE)
    for setting, number in (("members", "64"), ("latents", "1024"), ("epochs", "5000")):
        box = reader.page.get_by_role("spinbutton", name=reader.texts[f"settings.{setting}"])
        box.fill(number, timeout=PATIENCE)
        box.press("Enter")
        reader.is_settled()


def test_run_in_two_tabs_cancelled_in_one(sit: Sit) -> None:
    drawn = list(pairs(8, SEED + 1, "en"))
    first, second = sit(), sit("ja")
    to_the_examples(first)
    paste(first, [pair.anomalous for pair in drawn], [pair.normal for pair in drawn])
    first.presses("examples.next")
    first.title_is("analysis.title")
    ask_for_a_long_run(first)
    first.presses("analysis.start")
    first.page.wait_for_url("**run=*", timeout=PATIENCE)
    run = first.run_id()
    second.opens("analysis", run=run)
    first.goes_back()
    first.title_is("examples.title")
    first.opens("analysis", run=run)
    first.title_is("analysis.title")
    second.presses("analysis.cancel")
    for reader in (first, second):
        reader.sees(reader.texts["analysis.cancelled"])
        assert reader.page.get_by_role("button", name=reader.texts["runs.resume"]).is_enabled()
    assert first.run_id() == second.run_id()


def test_run_deleted_in_one_tab_leaves_no_broken_page_in_the_other(sit: Sit, sample_run: str) -> None:
    first, second = sit(), sit()
    run = first.opens_the_sample()
    assert run == sample_run
    second.opens("runs")
    first.page.wait_for_load_state("networkidle")
    duplicate = _again(second, run)
    first.opens("circuit", run=duplicate)
    second.opens("runs")
    second.page.locator(f"[class*='st-key-more_{duplicate}'] button").first.click(timeout=PATIENCE)
    second.page.locator(f"[class*='st-key-delete_{duplicate}'] button").first.click(timeout=PATIENCE)
    second.page.locator("[class*='st-key-really_delete'] button").first.click(timeout=PATIENCE)
    second.page.locator(f"[class*='st-key-more_{duplicate}']").wait_for(state="detached", timeout=PATIENCE)
    first.page.get_by_test_id("stSidebar").get_by_text(first.texts["report.name"]).first.click()
    way_on = first.page.locator("[class*='st-key-to_way'] button, [class*='st-key-to_start'] button").first
    way_on.wait_for(timeout=PATIENCE)
    first.is_settled()
    assert way_on.is_enabled()
    assert duplicate not in first.page.url


def _again(reader: Reader, run: str) -> str:
    """Start a finished run once more from the list, and wait for its end; the new run's id."""
    reader.page.locator(f"[class*='st-key-more_{run}'] button").first.click(timeout=PATIENCE)
    reader.page.locator(f"[class*='st-key-again_{run}'] button").first.click(timeout=PATIENCE)
    reader.title_is("analysis.title")
    reader.page.locator("[class*='st-key-next_result'] button").wait_for(timeout=PATIENCE)
    return reader.run_id()
