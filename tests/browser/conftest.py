"""A dashboard of its own and a real Chromium, shared by all browser tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

from tests.browser.reader import Reader  # noqa: E402
from tests.support.server import dashboard  # noqa: E402

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
LOCALES = {"en": "en-US", "ja": "ja-JP"}
Sit = Callable[..., Reader]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own for the tests of a file, so that no other file's readers have named heads in its runs."""
    with dashboard(tmp_path_factory.mktemp("home")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
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


@pytest.fixture
def sit(address: str, browser: Any) -> Iterator[Sit]:
    """Sit somebody down: `sit("ja", width=1920, dark=True)`. Nobody's console may show an error at the end."""
    contexts, readers = [], []

    def seated(language: str = "en", *, width: int = 1280, height: int = 900, dark: bool = False) -> Reader:
        context = browser.new_context(
            locale=LOCALES[language],
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        readers.append(Reader(context.new_page(), language, address))
        return readers[-1]

    yield seated
    complaints = [complaint for reader in readers for complaint in reader.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def sample_run(address: str, browser: Any) -> str:
    """Id of a finished run of the sample incident."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    run = Reader(context.new_page(), "en", address).opens_the_sample()
    context.close()
    return run
