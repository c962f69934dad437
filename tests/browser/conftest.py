"""A dashboard of its own and a real Chromium, shared by all browser tests."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

from core.runs.run_folder import new_run_id  # noqa: E402
from core.scenarios.loader import load_scenario  # noqa: E402
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


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home folder of the dashboard that most files look at."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def address(home: Path) -> Iterator[str]:
    """One server for the files that start at most runs of their own; whoever changes others' runs has its own."""
    with dashboard(home) as port:
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


@pytest.fixture(scope="session")
def sample_runs(home: Path) -> dict[str, str]:
    """Ids by language of finished runs of the sample incident, as if the reader had made them.

    They are those of the package, which are held against the present code elsewhere; so nothing is trained here.
    """
    made = {}
    for language, finished in load_scenario("misrouted-tickets").finished.items():
        made[language] = new_run_id()
        shutil.copytree(finished, home / "runs" / made[language])
    return made


@pytest.fixture(scope="session")
def sample_run(sample_runs: dict[str, str]) -> str:
    """Id of the English one."""
    return sample_runs["en"]
