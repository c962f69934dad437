"""Take the pictures of the documents from the running dashboard: `python docs/tools/take_pictures.py [en|ja ...]`.

Starts a server of its own with an empty home folder, walks from the start to the report on the bundled incident
in Chromium, and writes `docs/images/<language>-<page>.png`, reduced to 256 colours.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from pages.parts.i18n import entries  # noqa: E402
from tests.support.server import dashboard  # noqa: E402

LOCALES = {"en": "en-US", "ja": "ja-JP"}
SCENARIO = "misrouted-tickets"
WIDTH, HEIGHT = 1280, 860
PATIENCE = 60_000
"""Milliseconds; a busy machine takes its time."""


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
    texts = entries(language)

    def title(name: str) -> None:
        heading = page.get_by_role("heading", name=texts[f"{name}.title"], exact=True)
        heading.or_(page.locator(".page-name").filter(has_text=texts[f"{name}.title"])).first.wait_for(
            timeout=PATIENCE
        )

    def press(key: str) -> None:
        page.get_by_role("button", name=texts[key]).first.click(timeout=PATIENCE)

    page.goto(address)
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
    title("result")
    page.locator(".told-pair").wait_for(timeout=PATIENCE)  # stands once what helps was measured
    page.locator(".story svg").first.wait_for(timeout=PATIENCE)
    keep(page, language, "result", height=1080)
    press("result.next")
    title("circuit")
    page.locator(".story svg").first.wait_for(timeout=PATIENCE)
    keep(page, language, "circuit", height=1000)
    press("circuit.next")
    title("evidence")
    page.locator(".before-after").first.wait_for(timeout=PATIENCE)
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
            with (
                tempfile.TemporaryDirectory() as home,
                dashboard(Path(home), "--", "--scenario", SCENARIO) as port,
            ):
                context = browser.new_context(
                    locale=LOCALES[language],
                    viewport={"width": WIDTH, "height": HEIGHT},
                    color_scheme="light",
                )
                walk(context.new_page(), f"http://127.0.0.1:{port}", language)
                context.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(LOCALES))
