"""The whole way in a real Chromium: from the start page to a downloaded CSV, in English and in Japanese."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

from pages.parts.frame import PAGES  # noqa: E402
from pages.parts.texts import catalogue  # noqa: E402

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "screenshots"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 120_000
"""Milliseconds that the browser waits for a text; a busy machine takes its time."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own on a free port, with its own home folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += ["--server.address=127.0.0.1", "--server.headless=true"]
    environment = {**os.environ, "HEADLIGHT_HOME": str(home)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_until_healthy(url: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail("the server did not come up")


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright_api.Browser"]:
    """Chromium: the system's where there is one. Without any, a run by hand skips, and CI fails."""
    path = str(SYSTEM_CHROMIUM) if SYSTEM_CHROMIUM.exists() else None
    with playwright_api.sync_playwright() as driver:
        try:
            chromium = driver.chromium.launch(executable_path=path, args=FLAGS)
        except playwright_api.Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium that starts: {error.message.splitlines()[0]}")
        yield chromium
        chromium.close()


class Reader:
    """A person in front of the dashboard who reads one language."""

    def __init__(self, page: "playwright_api.Page", language: str) -> None:
        self.page, self.language = page, language
        self.texts = catalogue(language)
        self.shots = 0

    def sees(self, text: str) -> None:
        """Wait until the text stands on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=PATIENCE)

    def presses(self, key: str) -> None:
        """Press the button with the text of this key."""
        self.page.get_by_role("button", name=self.texts[key]).first.click(timeout=PATIENCE)

    def keeps(self, name: str) -> None:
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.shots += 1
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=SCREENSHOTS / f"{self.language}-{self.shots}-{name}.png", full_page=True)

    def title_is(self, key: str) -> None:
        """Wait for the page's title."""
        self.page.get_by_role("heading", name=self.texts[key], exact=True).first.wait_for(timeout=PATIENCE)


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("ja-JP", "ja")])
def test_from_the_start_page_to_a_downloaded_csv(
    address: str, browser: "playwright_api.Browser", locale: str, language: str
) -> None:
    context = browser.new_context(
        locale=locale, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(address)
    reader = Reader(page, language)
    reader.title_is("start.title")
    reader.keeps("start")
    reader.presses("start.sample_button")
    page.locator("h1", has_text=reader.texts["analysis.title"]).or_(
        page.locator("h1", has_text=reader.texts["circuit.title"])
    ).first.wait_for(timeout=PATIENCE)
    if page.locator("h1", has_text=reader.texts["analysis.title"]).count():
        reader.presses("analysis.next")
    reader.title_is("circuit.title")
    page.locator(".stVegaLiteChart, [data-testid=stVegaLiteChart]").first.wait_for(timeout=PATIENCE)
    reader.keeps("circuit")
    assert f"lang={language}" in page.url
    assert "run=" in page.url
    page.reload()
    reader.title_is("circuit.title")
    reader.presses("circuit.next")
    reader.title_is("evidence.title")
    page.locator("[data-testid=stDataFrame]").first.wait_for(timeout=PATIENCE)
    reader.keeps("evidence")
    assert page.get_by_text(reader.texts["evidence.not_computed"]).count() == 0
    reader.presses("evidence.next")
    reader.title_is("report.title")
    reader.keeps("report")
    heads, manifest = downloaded(page, "heads.csv"), json.loads(downloaded(page, "manifest.json"))
    assert heads.startswith(b"\xef\xbb\xbflayer,head,score,")
    rows = list(csv.DictReader(io.StringIO(heads.decode("utf-8-sig"))))
    assert (
        len(rows)
        == manifest["counts"]["heads"]
        == manifest["model"]["n_layers"] * manifest["model"]["n_heads"]
    )
    assert sum(row["selected"] == "True" for row in rows) == manifest["counts"]["selected_heads"] > 0
    said = {"confirmed", "partly", "not confirmed"}
    assert all((row["verdict"] in said) == (row["selected"] == "True") for row in rows)
    assert [float(row["score"]) for row in rows] == sorted(
        (float(row["score"]) for row in rows), reverse=True
    )
    assert broken == []
    context.close()


def test_shift_jis_file_of_ones_own_becomes_a_preview(
    address: str, browser: "playwright_api.Browser", tmp_path: Path
) -> None:
    lines = ["label,text"]
    lines += [f"異常,請求書{number}が届きません" for number in "一二三"]
    lines += [f"正常,明細書{number}が届きません" for number in "一二三"]
    file = tmp_path / "examples.csv"
    file.write_bytes("\n".join(lines).encode("cp932"))
    context = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    reader = Reader(page, "ja")
    reader.presses("start.own_button")
    reader.title_is("model.title")
    reader.sees(reader.texts["model.parameters"])
    reader.keeps("model")
    reader.presses("model.next")
    reader.title_is("examples.title")
    page.get_by_role("tab", name=reader.texts["examples.file"]).click(timeout=PATIENCE)
    page.locator("input[type=file]").set_input_files(file)
    reader.sees("UTF-8 ではありません")
    reader.presses("examples.as_shift_jis")
    page.locator(".tokens").first.wait_for(timeout=PATIENCE)
    reader.keeps("examples")
    assert page.locator(".tokens tbody tr").count() == 6
    assert page.locator(".tokens tr.anomalous").count() == 3
    context.close()


def test_sidebar_keeps_the_language(address: str, browser: "playwright_api.Browser") -> None:
    context = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    reader = Reader(page, "ja")
    reader.title_is("start.title")
    for name in ("model", "guide", "runs"):
        link = page.get_by_test_id("stSidebar").get_by_text(reader.texts[f"{name}.name"]).first
        link.click(timeout=PATIENCE)
        reader.title_is(f"{name}.title")
    context.close()


def test_nothing_is_asked_of_another_machine(address: str, browser: "playwright_api.Browser") -> None:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda socket: asked.append(socket.url))
    reader = Reader(page, "en")
    for name in PAGES:
        page.goto(f"{address}/{'' if name == 'start' else name}?lang=en")
        reader.title_is(f"{name}.title")
        page.wait_for_load_state("networkidle")
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"127.0.0.1"}
    context.close()


def downloaded(page: "playwright_api.Page", name: str) -> bytes:
    """Bytes of the file that the button of this name gives."""
    with page.expect_download(timeout=PATIENCE) as waiting:
        page.get_by_role("button", name=name).click(timeout=PATIENCE)
    assert waiting.value.suggested_filename == name
    return Path(waiting.value.path()).read_bytes()


def test_what_people_add_is_kept_and_travels_in_the_zip(
    address: str, browser: "playwright_api.Browser"
) -> None:
    context = browser.new_context(
        locale="ja-JP", viewport={"width": 1280, "height": 1000}, accept_downloads=True
    )
    page = context.new_page()
    page.goto(address)
    reader = Reader(page, "ja")
    reader.presses("start.sample_button")
    page.locator("h1", has_text=reader.texts["analysis.title"]).or_(
        page.locator("h1", has_text=reader.texts["circuit.title"])
    ).first.wait_for(timeout=PATIENCE)
    if page.locator("h1", has_text=reader.texts["analysis.title"]).count():
        reader.presses("analysis.next")
    reader.title_is("circuit.title")
    reader.presses("circuit.add_label")
    page.get_by_label(reader.texts["circuit.own_name"]).fill("直前の語")
    page.get_by_label(reader.texts["circuit.note"], exact=True).fill("<b>請求書</b>で強い")
    reader.presses("circuit.keep_label")
    page.get_by_role("button", name=reader.texts["circuit.change_label"]).wait_for(timeout=PATIENCE)
    page.keyboard.press("Escape")
    reader.presses("circuit.next")
    reader.presses("evidence.next")
    reader.title_is("report.title")
    page.get_by_label(reader.texts["review.your_name"]).last.fill("佐藤")
    page.get_by_role("button", name=reader.texts["review.sign"], exact=True).click(timeout=PATIENCE)
    reader.sees(f"{reader.texts['review.accepted']}: 佐藤")
    reader.keeps("signed")
    with page.expect_download(timeout=PATIENCE) as waiting:
        reader.presses("report.all")
    with zipfile.ZipFile(waiting.value.path()) as archive:
        files = {
            name.split("/")[-1]: archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith(("csv", "html", "svg", "json"))
        }
    assert files["heads.csv"].startswith("\ufefflayer,head,score,")
    rows = list(csv.DictReader(io.StringIO(files["heads.csv"].removeprefix("\ufeff"))))
    assert [row["name"] for row in rows if row["name"]] == ["直前の語"]
    assert "<b>請求書</b>" not in files["report.html"]
    assert "承認: 佐藤" in files["report.html"]
    assert "直前の語" in files["circuit-ja.svg"]
    assert json.loads(files["review.json"])["sign_offs"][0]["decision"] == "accepted"
    assert json.loads(files["manifest.json"])["counts"]["selected_heads"] > 0
    page.reload()
    reader.sees(f"{reader.texts['review.accepted']}: 佐藤")
    context.close()
