"""Take the README's pictures from the running dashboard: `python docs/tools/take_pictures.py [en|ja ...]`.

Starts a server of its own with an empty home folder, walks from the model to the report on the bundled
incident in Chromium, and writes `docs/images/<language>-<page>.png`, reduced to 256 colours.
"""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from pages.parts.i18n.catalogue import catalogue  # noqa: E402

LOCALES = {"en": "en-US", "ja": "ja-JP"}
SCENARIO = "misrouted-tickets"
WIDTH, HEIGHT = 1280, 860
PATIENCE = 60_000
"""Milliseconds; a busy machine takes its time."""


@contextmanager
def dashboard() -> Iterator[str]:
    """The address of a server that ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += [
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--",
        "--scenario",
        "misrouted-tickets",
    ]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HEADLIGHT_HOME": home}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_until_healthy(url: str) -> None:
    """Return once the server answers; raises TimeoutError after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    raise TimeoutError(f"no answer from {url}")


def keep(page: Page, language: str, name: str, height: int = HEIGHT) -> None:
    """Write what the page shows, once it stands still; `height` 0 takes the whole page."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE)
    page.mouse.move(WIDTH - 2, 2)
    page.wait_for_timeout(1500)
    page.set_viewport_size({"width": WIDTH, "height": height or HEIGHT})
    page.wait_for_timeout(700)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = IMAGES / f"{language}-{name}.png"
    picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1024} KB\n")


def walk(page: Page, address: str, language: str) -> None:
    """From the model to the report, a picture of every page."""
    texts = catalogue(language)

    def title(name: str) -> None:
        page.get_by_role("heading", name=texts[f"{name}.title"], exact=True).wait_for(timeout=PATIENCE)

    def press(key: str) -> None:
        page.get_by_role("button", name=texts[key]).first.click(timeout=PATIENCE)

    page.goto(f"{address}/?lang={language}")
    title("start")
    keep(page, language, "start")
    page.get_by_test_id("stSidebar").get_by_text(texts["model.name"]).first.click(timeout=PATIENCE)
    title("model")
    page.get_by_text(texts["model.parameters"], exact=True).first.wait_for(timeout=PATIENCE)
    keep(page, language, "model")
    press("model.next")
    title("examples")
    page.locator(".tokens").first.wait_for(timeout=PATIENCE)
    keep(page, language, "examples", height=1250)
    press("examples.next")
    title("analysis")
    keep(page, language, "analysis", height=620)
    press("analysis.start")
    page.get_by_role("button", name=texts["analysis.next"]).wait_for(timeout=PATIENCE)
    press("analysis.next")
    title("circuit")
    page.get_by_test_id("stVegaLiteChart").first.wait_for(timeout=PATIENCE)
    page.locator(".looks, .writes").first.wait_for(timeout=PATIENCE)
    keep(page, language, "circuit", height=1000)
    press("circuit.next")
    title("evidence")
    page.get_by_text(texts["whole.details"]).first.wait_for(timeout=PATIENCE)
    expect(page.locator("[class*=st-key-cancel_check]")).to_have_count(0, timeout=PATIENCE)
    page.locator(".before-after").wait_for(timeout=PATIENCE)
    keep(page, language, "evidence", height=1180)
    press("evidence.next")
    title("report")
    page.get_by_role("button", name=texts["report.all"]).wait_for(timeout=PATIENCE)
    keep(page, language, "report", height=1000)


def main(languages: list[str]) -> None:
    """Pictures in these languages."""
    with sync_playwright() as driver:
        path = Path("/usr/bin/chromium")
        browser = driver.chromium.launch(
            executable_path=path if path.exists() else None, args=["--no-sandbox", "--disable-gpu"]
        )
        for language in languages:
            with dashboard() as address:
                context = browser.new_context(
                    locale=LOCALES[language],
                    viewport={"width": WIDTH, "height": HEIGHT},
                    color_scheme="light",
                )
                walk(context.new_page(), address, language)
                context.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(LOCALES))
