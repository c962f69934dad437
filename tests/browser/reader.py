"""A person in front of the dashboard: what the browser tests are written with."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError as TooLate

from pages.parts.i18n import entries

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PATIENCE = 120_000
"""Milliseconds that the browser waits for a text; a busy machine takes its time."""
STREAMLITS_PROBE = "/_stcore/"
"""Opened on the address of a page, Streamlit looks for its server below that page first, and is told 404."""


class Reader:
    """A person who reads one language and looks at one page of Chromium."""

    def __init__(self, page: Any, language: str, address: str) -> None:
        self.page, self.language, self.address = page, language, address
        self.texts = entries(language)
        self.shots = 0
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        source = str(message.location.get("url", ""))
        if message.type == "error" and STREAMLITS_PROBE not in source:
            self.complaints.append(f"console: {message.text} {source}")

    def opens(self, page: str = "start", **query: str) -> None:
        """Open a page of the dashboard by its address and wait for its title."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"{self.address}/{'' if page == 'start' else page}?{asked}")
        self.title_is(f"{page}.title")

    def sees(self, text: str) -> None:
        """Wait until the text stands on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=PATIENCE)

    def presses(self, key: str) -> None:
        """Press the button with the text of this key."""
        self.clicks(self.page.get_by_role("button", name=self.texts[key]).first)

    def clicks(self, element: Any) -> None:
        """Click an element while nothing is being drawn: one that is drawn anew between down and up loses the click."""
        element.wait_for(timeout=PATIENCE)
        self._idle.wait_for(timeout=PATIENCE)
        element.click(timeout=PATIENCE)

    def turns_to(self, page: str) -> None:
        """Follow the sidebar's link to a page, once nothing is being drawn any more."""
        self.is_settled()
        link = self.page.get_by_test_id("stSidebar").get_by_text(self.texts[f"{page}.name"]).first
        link.click(timeout=PATIENCE)
        try:
            self.title_is(f"{page}.title", patience=PATIENCE // 4)
        except TooLate:  # the sidebar was drawn anew between the button's way down and up: once more
            link.click(timeout=PATIENCE)
            self.title_is(f"{page}.title")

    def title_is(self, key: str, patience: int = PATIENCE) -> None:
        """Wait for the page's name: its title, or, where the title says what was found, the words above it."""
        title = self.page.get_by_role("heading", name=self.texts[key], exact=True)
        above = self.page.locator(".page-name").filter(has_text=self.texts[key])
        title.or_(above).first.wait_for(timeout=patience)

    def one_title_of(self, *keys: str) -> str:
        """Wait for one of several titles; the key of that which came."""
        titles = {self.texts[key]: key for key in keys}
        pattern = re.compile("|".join(f"^{re.escape(title)}$" for title in titles))
        title = self.page.locator("h1", has_text=pattern).first
        return titles[title.inner_text(timeout=PATIENCE).strip()]

    def goes_back(self) -> None:
        """Press the browser's Back, once nothing is being drawn any more."""
        self.is_settled()
        self.page.go_back()

    def goes_on(self) -> None:
        """Press the browser's Forward, once nothing is being drawn any more."""
        self.is_settled()
        self.page.go_forward()

    def is_settled(self) -> None:
        """Wait until the server has nothing more to draw and the pictures stand: seen twice, with a pause between."""
        for _ in range(20):
            self._idle.wait_for(timeout=PATIENCE)
            self.page.wait_for_load_state("networkidle")
            self.page.wait_for_timeout(500)
            if self._idle.count():
                return

    @property
    def _idle(self) -> Any:
        """The page, while its script does not run."""
        return self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]")

    def opens_the_sample(self) -> str:
        """From the start page to the circuit of the sample incident; the run's id."""
        self.opens()
        self.presses("start.sample_button")
        self.goes_on_to_the_circuit()
        self.page.wait_for_url("**run=*", timeout=PATIENCE)
        return self.run_id()

    def goes_on_to_the_circuit(self, patience: int = PATIENCE) -> None:
        """From a run at work or its result to its circuit; one that ends under the reader's eyes opens its result."""
        result, ended = (f"[class*='st-key-next_{page}'] button" for page in ("result", "analysis"))
        self.page.locator(f"{result}, {ended}").first.wait_for(timeout=patience)
        if self.page.locator(ended).count():
            self.clicks(self.page.locator(ended))
        self.clicks(self.page.locator(result))
        self.title_is("circuit.title")

    def run_id(self) -> str:
        """The run that the address names."""
        return str(self.page.url).split("run=")[1].split("&")[0]

    def downloads(self, name: str) -> bytes:
        """Bytes of the file that the button of this name gives."""
        with self.page.expect_download(timeout=PATIENCE) as waiting:
            self.page.get_by_role("button", name=name).first.click(timeout=PATIENCE)
        return Path(waiting.value.path()).read_bytes()

    def keeps(self, name: str) -> None:
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.shots += 1
        self.is_settled()
        self.page.screenshot(path=SCREENSHOTS / f"{self.language}-{self.shots}-{name}.png", full_page=True)
