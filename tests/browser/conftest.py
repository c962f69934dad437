"""A dashboard of its own and a real Chromium, shared by all browser tests."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

from tests.browser.reader import Reader  # noqa: E402
from tests.support.paths import ROOT  # noqa: E402

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
        _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_healthy(url: str, server: "subprocess.Popen[bytes]") -> None:
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
def sample_run(address: str, browser: Any) -> str:
    """Id of a finished run of the sample incident."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    run = Reader(context.new_page(), "en", address).opens_the_sample()
    context.close()
    return run
