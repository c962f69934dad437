"""The whole way in a real Chromium: from the start page to the files, in English and in Japanese."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Sit
from tests.browser.reader import PATIENCE, Reader
from tests.support.server import dashboard

pytestmark = pytest.mark.browser
LANGUAGES = ("en", "ja")
SAID = {"confirmed", "partly", "not confirmed"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own: the sample is analysed, its heads are named and its report is signed here."""
    with dashboard(tmp_path_factory.mktemp("home")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def sample_run(address: str, browser: Any) -> str:
    """Id of the run of the sample incident that was made here."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    run = Reader(context.new_page(), "en", address).opens_the_sample()
    context.close()
    return run


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_start_page_to_the_report(sit: Sit, language: str) -> None:
    reader = sit(language)
    page = reader.page
    page.goto(reader.address)
    reader.title_is("start.title")
    reader.keeps("start")
    reader.opens_the_sample()
    page.locator("svg [data-kind=unit]").first.wait_for(timeout=PATIENCE)
    reader.keeps("circuit")
    page.reload()
    reader.title_is("circuit.title")
    reader.presses("circuit.next")
    reader.title_is("evidence.title")
    page.locator(".before-after").first.wait_for(timeout=PATIENCE)
    reader.keeps("evidence")
    assert page.get_by_text(reader.texts["evidence.not_computed"]).count() == 0
    reader.presses("evidence.next")
    reader.title_is("report.title")
    reader.keeps("report")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_file_of_the_report_is_whole(sit: Sit, sample_run: str, language: str) -> None:
    reader = sit(language)
    reader.opens("report", run=sample_run)
    archive = zipfile.ZipFile(io.BytesIO(reader.downloads(reader.texts["report.all"])))
    assert archive.testzip() is None
    files = {name.split("/")[-1]: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    tables = {name: _rows(content) for name, content in files.items() if name.endswith(".csv")}
    assert {"heads.csv", "edges.csv", "codes.csv", "examples.csv"} <= set(tables)
    heads = [row for row in tables["heads.csv"] if row["unit"] == "head"]
    assert len(heads) == manifest["counts"]["heads"]
    assert sum(row["selected"] == "True" for row in heads) == manifest["counts"]["selected_heads"] > 0
    assert all(row["verdict"] in SAID for row in heads), "every head of a small model is tested"
    scores = [float(row["score"]) for row in heads]
    assert scores == sorted(scores, reverse=True)
    assert len(tables["examples.csv"]) == manifest["counts"]["anomalous"] + manifest["counts"]["normal"]
    page = files["report.html"].decode()
    assert page.startswith("<!doctype html>") and "<svg" in page
    assert [name for name in files if name.endswith(".svg")]
    assert all(files[name].lstrip().startswith(b"<svg") for name in files if name.endswith(".svg"))
    assert all(files[name].startswith(b"\x89PNG\r\n") for name in files if name.endswith(".png"))


def _rows(content: bytes) -> list[dict[str, str]]:
    """A CSV as Excel needs it: byte order mark, CRLF, no cell that Excel would take for a formula."""
    assert content.startswith(b"\xef\xbb\xbf")
    text = content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows and text.count("\r\n") >= len(rows) + 1
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "@", "\t")), cell
    return rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_add_is_kept_and_travels(sit: Sit, language: str) -> None:
    reader = sit(language, height=1000)
    page = reader.page
    reader.opens_the_sample()
    reader.presses("circuit.add_label")
    page.get_by_label(reader.texts["circuit.own_name"]).fill("直前の語")
    page.get_by_label(reader.texts["circuit.note"], exact=True).fill("<b>請求書</b>で強い")
    reader.presses("circuit.keep_label")
    page.get_by_role("button", name=reader.texts["circuit.change_label"]).wait_for(timeout=PATIENCE)
    page.keyboard.press("Escape")
    reader.presses("circuit.next")
    reader.title_is("evidence.title")
    reader.presses("evidence.next")
    reader.title_is("report.title")
    sign = page.get_by_role("button", name=reader.texts["review.sign"], exact=True)
    sign.wait_for(timeout=PATIENCE)
    page.locator(
        "[class*='st-key-sign_decision'] label", has_text=reader.texts["review.accepted"]
    ).first.click(timeout=PATIENCE)
    reader.is_settled()
    page.get_by_label(reader.texts["review.your_name"]).first.fill("佐藤")
    page.keyboard.press("Tab")
    reader.is_settled()
    sign.click(timeout=PATIENCE)
    signed = f"{reader.texts['review.accepted']}"
    page.locator("[data-testid=stMarkdownBadge], .stMarkdownBadge", has_text="佐藤").first.wait_for(
        timeout=PATIENCE
    )
    reader.keeps("signed")
    archive = zipfile.ZipFile(io.BytesIO(reader.downloads(reader.texts["report.all"])))
    files = {name.split("/")[-1]: archive.read(name) for name in archive.namelist()}
    assert [row["name"] for row in _rows(files["heads.csv"]) if row["name"]] == ["直前の語"]
    report = files["report.html"].decode()
    assert "<b>請求書</b>" not in report
    assert "佐藤" in report
    assert "直前の語" in files[f"circuit-{language}.svg"].decode()
    assert json.loads(files["review.json"])["sign_offs"][0]["decision"] == "accepted"
    page.reload()
    reader.sees(signed)


def test_sidebar_keeps_the_language(sit: Sit) -> None:
    reader = sit("ja")
    reader.page.goto(reader.address)
    reader.title_is("start.title")
    for name in ("model", "guide", "runs"):
        reader.turns_to(name)
        sidebar = reader.page.get_by_test_id("stSidebar").inner_text()
        assert reader.texts["guide.name"] in sidebar
